"""The database goes away: what was not done is said to be so, and what nobody knows as well."""

from __future__ import annotations

import sqlite3

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from invigilation.errors import Busy, Unsure
from invigilation.people import Role, Staff
from invigilation.store import Store
from invigilation.store import store as store_module
from invigilation.store.store import _is_away
from tests.harness.gate import Gate, gate
from tests.harness.waiting import until

pytestmark = pytest.mark.store
ANN = Staff("st_ann", "ann@example.com", "Ann Archer", frozenset({Role.INVIGILATOR}))


@pytest.fixture
async def way(postgres):
    async with gate(postgres.port) as one:
        yield one


@pytest.fixture
async def far(postgres, postgres_template, way):
    """A store whose database lies behind a gate."""
    name = postgres.create(template=postgres_template)
    store = Store(postgres.url(name).replace(str(postgres.port), str(way.port)))
    yield store
    await store.close()
    postgres.drop(name)


async def staff(store: Store) -> int:
    async with store.read() as tx:
        return await tx.people.count_staff()


async def test_who_asks_while_it_is_away_may_try_again(far: Store, way: Gate):
    assert await staff(far) == 0
    await way.shut()

    with pytest.raises(Busy):
        await staff(far)
    with pytest.raises(Busy):
        async with far.write():
            pass

    await way.open()
    assert await staff(far) == 0


async def test_a_line_that_the_server_has_ended_is_not_lent(far: Store, way: Gate, postgres):
    assert await staff(far) == 0
    server = await asyncpg.connect(
        host="127.0.0.1", port=postgres.port, user="postgres", database="postgres"
    )
    await server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        make_url(far._url).database,
    )
    await server.close()
    await until(lambda: not way._writers, 5, "the end of the line")

    assert await staff(far) == 0


async def test_only_a_line_that_has_rested_is_asked_before_it_is_lent(
    far: Store, way: Gate, monkeypatch: pytest.MonkeyPatch
):
    async def trips() -> int:
        before = way.round_trips
        await staff(far)
        return way.round_trips - before

    await trips()
    busy = await trips()
    monkeypatch.setattr(store_module, "RESTED_S", -1.0)
    rested = await trips()

    assert busy == 1
    assert rested > 1


async def add(store: Store, before_the_last: Gate | None, before_the_end: Gate | None) -> None:
    """Add somebody; a gate is shut at that moment."""
    async with store.write() as tx:
        await tx.people.add_staff(ANN, "")
        if before_the_last is not None:
            await before_the_last.shut()
        await tx.people.count_staff()
        if before_the_end is not None:
            await before_the_end.shut()


async def test_what_was_under_way_is_not_done(far: Store, way: Gate):
    with pytest.raises(Busy):
        await add(far, way, None)

    await way.open()
    assert await staff(far) == 0


async def test_nobody_knows_what_became_of_what_was_being_written(far: Store, way: Gate):
    with pytest.raises(Unsure):
        await add(far, None, way)

    await way.open()
    await add(far, None, None)
    assert await staff(far) == 1


async def test_a_reading_that_is_cut_off_may_be_tried_again(far: Store, way: Gate):
    async def read() -> None:
        async with far.read() as tx:
            await way.shut()
            await tx.people.count_staff()

    with pytest.raises(Busy):
        await read()


async def test_what_was_asked_wrongly_is_no_fault_of_the_database(far: Store):
    async def beyond() -> None:
        async with far.write() as tx:
            await tx.people._db.execute(text("SELECT CAST(:n AS INTEGER)"), {"n": 2**40})

    with pytest.raises(DBAPIError):
        await beyond()


@pytest.fixture
async def near(tmp_path):
    """A store in a file."""
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'near.sqlite'}")
    yield store
    await store.close()


@pytest.mark.parametrize("write", [True, False])
async def test_what_sqlite_was_asked_wrongly_is_no_fault_of_the_database(
    near: Store, *, write: bool
):
    async def wrong() -> None:
        async with near.write() if write else near.read() as tx:
            await tx.people._db.execute(text("SELECT no_such_column"))

    with pytest.raises(OperationalError, match="no such column"):
        await wrong()


@pytest.mark.parametrize(
    ("code", "away"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, True),
        (sqlite3.SQLITE_LOCKED, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_CANTOPEN, True),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_READONLY_DBMOVED, False),
        (sqlite3.SQLITE_CORRUPT, False),
    ],
)
def test_sqlite_is_away_when_its_file_is_in_use_or_out_of_reach(code: int, *, away: bool):
    fault = sqlite3.OperationalError("a fault")
    fault.sqlite_errorcode = code

    assert _is_away(OperationalError("SELECT 1", None, fault)) is away
