"""The store: its schema, its transactions, and the rota behind them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from invigilation.desk.changes import CloseDay
from invigilation.errors import InvalidInput
from invigilation.office_hours import Window
from invigilation.store import Store
from invigilation.store.schema import metadata
from invigilation.store.watch import Asked
from tests import builders
from tests.builders import MONDAY, START

TUESDAY = MONDAY + timedelta(days=1)
ALL_WEEK = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))


async def test_migrations_may_be_repeated(store):
    await store.migrate()
    await store.migrate()

    async with store.read() as tx:
        assert await tx.people.count_staff() == 0


async def test_the_schema_is_the_one_that_the_code_knows(store):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with store.read() as tx:
        found = await tx.bookings._db.run_sync(differences)

    assert found == []


async def test_a_write_that_fails_leaves_nothing(world):
    async def change():
        async with world.store.write() as tx:
            await tx.rota.close(MONDAY, "storm")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change()

    assert await world.desk.rota.closures() == []


async def test_an_error_of_the_database_tells_no_names(world):
    twin = replace(world.ann, email="twin@example.com")

    with pytest.raises(IntegrityError) as failed:
        async with world.store.write() as tx:
            await tx.people.add_staff(twin, "the hash of a password")

    assert "password_hash" in str(failed.value)
    assert "the hash of" not in str(failed.value)
    assert world.ann.name not in str(failed.value)


async def test_a_cancelled_write_leaves_nothing_and_blocks_nobody(world):
    begun = asyncio.Event()

    async def stuck():
        async with world.store.write() as tx:
            await tx.rota.close(MONDAY, "storm")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await world.desk.rota.change(world.sam, CloseDay(TUESDAY, "flood"))
    assert await world.desk.rota.closures() == [(TUESDAY, "flood")]


async def test_what_was_committed_is_there_for_another_process(world, migrated_url):
    await world.desk.rota.change(world.sam, CloseDay(MONDAY, "storm"))
    other = Store(migrated_url)

    async with other.read() as tx:
        seen = await tx.rota.closures()
    await other.close()

    assert seen == [(MONDAY, "storm")]


async def test_moments_come_back_in_utc_to_the_microsecond(world):
    at = datetime(2026, 7, 1, 12, 0, 0, 123_457, tzinfo=timezone(timedelta(hours=8)))
    async with world.store.write() as tx:
        await tx.watch.beat(at)

    async with world.store.read() as tx:
        [kept] = await tx.watch.beats(at, at)

    assert (kept, kept.tzinfo) == (at, UTC)


async def test_sqlite_syncs_every_commit_and_keeps_foreign_keys(store):
    async with store.read() as tx:
        db = tx.bookings._db
        if db.dialect.name != "sqlite":
            pytest.skip("PostgreSQL does both by itself")
        found = [
            (await db.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert found == ["wal", 2, 1]


# --- requests ---


async def test_the_same_reference_is_the_same_request(world):
    first = await builders.ask(world.desk)
    again = await builders.ask(world.desk)

    assert first == again
    assert await world.count("request") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assessment", "other"),
        ("email", "nobody"),
        ("name", " "),
        ("zone", "Atlantis"),
        ("reference", ""),
        ("reference", "a\nb"),
        ("learner_reference", "x" * 201),
        ("assessment_url", "javascript:alert(1)"),
        ("return_url", "https://" + "x" * 2_000),
        ("licence_until", builders.BOOKED_AT),
    ],
)
async def test_what_cannot_be_used_is_refused_by_the_name_of_its_field(world, field, value):
    good = {
        "backend": "acme",
        "reference": "r",
        "learner_reference": "l",
        "name": "Lea",
        "email": "lea@example.com",
        "assessment": "psc",
        "licence_until": START + timedelta(days=30),
    }

    with pytest.raises(InvalidInput) as refused:
        await world.desk.requests.ask(builders.Ask(**good | {field: value}))

    assert refused.value.field.replace(".", "_") == field
    assert await world.count("request") == 0


async def test_a_learner_has_the_name_and_address_of_the_newest_request(world):
    await builders.ask(world.desk, 1)
    licence = START + timedelta(days=30)

    asked = await world.desk.requests.ask(
        builders.Ask("acme", "r2", "learner-1", "Léa  Neu", "NEW@example.com", "psc", licence)
    )

    assert (asked.learner.name, asked.learner.email) == ("Léa Neu", "new@example.com")
    assert (await world.desk.requests.find(asked.request.id)).learner == asked.learner
    assert await world.count("learner") == 1


# --- idempotency keys ---

KEPT, IN_FLIGHT = timedelta(hours=24), timedelta(seconds=60)


async def begin(world, digest="d", client="c"):
    now = world.clock.now()
    async with world.store.write() as tx:
        asked = Asked(client, "key", digest, None, None, now)
        return await tx.watch.begin(asked, now - KEPT, now - IN_FLIGHT)


async def test_a_key_is_taken_once_and_then_tells_its_answer(world):
    assert await begin(world) is None
    in_flight = await begin(world, "other")
    async with world.store.write() as tx:
        await tx.watch.finish("c", "key", 201, b"made")
    answered = await begin(world)

    assert (in_flight.digest, in_flight.status) == ("d", None)
    assert (answered.status, answered.body) == (201, b"made")
    assert await begin(world, client="another") is None


async def test_a_key_is_free_again_when_it_was_abandoned_or_is_old(world):
    await begin(world)
    async with world.store.write() as tx:
        await tx.watch.abandon("c", "key")
    assert await begin(world) is None
    world.clock.go(61)
    assert await begin(world) is None
    async with world.store.write() as tx:
        await tx.watch.finish("c", "key", 201, b"made")
    world.clock.go(24 * 3_600)
    assert await begin(world) is not None
    world.clock.go(1)

    assert await begin(world) is None


async def test_a_key_that_many_take_at_once_is_taken_by_one(world):
    results = await asyncio.gather(*(begin(world) for _ in range(12)))

    assert results.count(None) == 1


async def test_a_key_that_is_set_free_while_another_looks_is_taken(world):
    if world.store._sqlite:
        pytest.skip("SQLite has one writer at a time")
    await begin(world)
    now = world.clock.now()

    async with world.store.write() as tx:
        execute = tx.watch._db.execute

        async def then_set_free(statement):
            done = await execute(statement)
            if statement.is_insert and not done.rowcount:
                async with world.store.write() as other:
                    await other.watch.abandon("c", "key")
            return done

        tx.watch._db = SimpleNamespace(execute=then_set_free)
        asked = Asked("c", "key", "d", None, None, now)
        known = await tx.watch.begin(asked, now - KEPT, now - IN_FLIGHT)

    assert known is None
