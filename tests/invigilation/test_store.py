"""The store: its schema, its transactions, and the rota behind them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from types import SimpleNamespace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from invigilation.desk import Desk
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.office_hours import Hours, Window
from invigilation.slots import Leave, Refusal, Shift
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

    await world.desk.rota.close_day(world.sam, TUESDAY, "flood")
    assert await world.desk.rota.closures() == [(TUESDAY, "flood")]


async def test_what_was_committed_is_there_for_another_process(world, migrated_url):
    await world.desk.rota.close_day(world.sam, MONDAY, "storm")
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


# --- the rota ---


async def test_a_closed_day_offers_nothing_until_it_is_opened_again(world):
    request = await builders.ask(world.desk)
    rota = world.desk.rota
    day = Window(ALL_WEEK.start, ALL_WEEK.start + timedelta(days=1))
    before = await world.desk.bookings.starts(request, day)

    await rota.close_day(world.sam, MONDAY, "storm")

    assert await world.desk.bookings.starts(request, day) == []
    assert await world.desk.bookings.why_empty(request, MONDAY) is Refusal.CLOSED
    await rota.close_day(world.sam, MONDAY, "hurricane")
    assert await rota.closures() == [(MONDAY, "hurricane")]
    await rota.reopen_day(world.sam, MONDAY)
    assert await world.desk.bookings.starts(request, day) == before != []


async def test_another_process_sees_a_change_of_the_rota_at_once(world, migrated_url):
    request = await builders.ask(world.desk)
    other_store = Store(migrated_url)
    other: Desk = builders.office(other_store, world.clock)
    before = await other.bookings.starts(request, ALL_WEEK)

    await world.desk.rota.close_day(world.sam, MONDAY, "storm")

    after = await other.bookings.starts(request, ALL_WEEK)
    await other_store.close()
    assert {start.date() for start in before} - {start.date() for start in after} == {MONDAY}


async def test_leave_shifts_and_openings_are_kept(world):
    saturday = date(2026, 11, 28)
    hours = Hours(time(10, 30), time(14))
    shift = Shift(world.ann.id, 5, Hours(time(9), time(17)), saturday, saturday)
    rota = world.desk.rota
    request = await builders.ask(world.desk)

    await rota.add_opening(world.sam, saturday, hours)
    await rota.add_shift(world.sam, shift)
    await rota.add_leave(world.sam, world.ann.id, START, START + timedelta(days=4))

    calendar = await rota.calendar()
    assert calendar.office.openings == {saturday: (hours,)}
    assert shift in calendar.shifts
    assert calendar.leave == (Leave(world.ann.id, START, START + timedelta(days=4)),)
    starts = await world.desk.bookings.starts(request, ALL_WEEK)
    assert {start.date() for start in starts} == {date(2026, 11, 27), saturday}
    assert await rota.open_windows(saturday, saturday) == [
        Window(datetime(2026, 11, 28, 10, 30, tzinfo=UTC), datetime(2026, 11, 28, 14, tzinfo=UTC))
    ]


async def test_an_opening_can_be_taken_back_alone(world):
    rota = world.desk.rota
    morning, evening = Hours(time(8), time(10)), Hours(time(18), time(0))
    await rota.add_opening(world.sam, MONDAY, evening)
    await rota.add_opening(world.sam, MONDAY, morning)
    first, second = await rota.openings()

    await rota.remove_opening(world.sam, second.id)

    assert [(one.day, one.hours) for one in (first, second)] == [
        (MONDAY, morning),
        (MONDAY, evening),
    ]
    assert await rota.openings() == [first]
    assert (await rota.calendar()).office.openings == {MONDAY: (morning,)}
    with pytest.raises(NotFound):
        await rota.remove_opening(world.sam, second.id)


def two_holidays(year):
    return [(date(year, 12, 25), "Christmas Day"), (date(year, 12, 28), "Boxing Day")]


async def test_each_years_bank_holidays_are_closed_once_a_year_ahead(world):
    rota = world.desk.rota
    assert await rota.close_holidays(two_holidays) == 4
    await rota.reopen_day(world.sam, date(2027, 12, 28))

    again = await rota.close_holidays(two_holidays)
    same_year = [day for day, _ in await rota.closures()]
    world.clock.go_to(datetime(2027, 1, 1, 9, tzinfo=UTC))
    next_year = await rota.close_holidays(two_holidays)

    assert (again, next_year) == (0, 2)
    assert same_year == [date(2026, 12, 25), date(2026, 12, 28), date(2027, 12, 25)]
    closed = [day for day, _ in await rota.closures()]
    assert closed == [*same_year, date(2028, 12, 25), date(2028, 12, 28)]
    assert await rota.open_windows(date(2028, 12, 25), date(2028, 12, 25)) == []


async def test_a_holiday_that_was_closed_by_hand_keeps_its_reason(world):
    await world.desk.rota.close_day(world.sam, date(2026, 12, 25), "We are away")

    assert await world.desk.rota.close_holidays(two_holidays) == 3

    assert (await world.desk.rota.closures())[0] == (date(2026, 12, 25), "We are away")


async def test_only_a_scheduler_changes_the_rota(world):
    rota, ann = world.desk.rota, world.ann

    for change in (
        rota.close_day(ann, MONDAY, "storm"),
        rota.reopen_day(ann, MONDAY),
        rota.add_opening(ann, MONDAY, Hours(time(9), time(10))),
        rota.remove_opening(ann, "op_none"),
        rota.add_shift(ann, Shift(ann.id, 0, Hours(time(9), time(10)), MONDAY, None)),
        rota.add_leave(ann, ann.id, START, START + timedelta(hours=1)),
    ):
        with pytest.raises(NotAllowed):
            await change
    with pytest.raises(InvalidInput):
        await rota.close_day(world.sam, MONDAY, " ")
    with pytest.raises(InvalidInput):
        await rota.add_leave(world.sam, ann.id, START, START)


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
