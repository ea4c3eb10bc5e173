"""A database of an earlier version, with an office's work in it, comes along whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, select

from invigilation.gap import Ruling
from invigilation.incident import Severity
from invigilation.session import Outcome, SessionState
from invigilation.store import Store, store
from invigilation.store.schema import metadata
from tests import builders
from tests.builders import FixedClock
from tests.invigilation.offices import STATEMENT, World


@pytest.fixture
async def old(database_url):
    """A store over a database with the first schema, and that schema's tables."""
    opened = Store(database_url)
    tables = MetaData()
    async with opened.write() as tx:
        await tx.bookings._db.run_sync(store._upgrade, "0001")
        await tx.bookings._db.run_sync(tables.reflect)
    tables.remove(tables.tables["alembic_version"])
    yield opened, tables
    await opened.close()


async def at_work(directory, template):
    """The rows of an office in the middle of a session, by table, and its world."""
    clock = FixedClock()
    async with builders.sqlite_store(directory, template) as now:
        desk = builders.office(now, clock)
        await builders.add_assessment(desk)
        ann = await builders.add_invigilator(desk, seats=2)
        world = World(now, clock, desk, ann, ann)
        await builders.book(desk, 2)
        one = await world.admitted()
        await desk.sessions.say(one.session, "learner", "hello", "c1")
        await desk.sessions.note_incident(
            one.session, ann, category="other.other", severity=Severity.LOW, note="", picture=None
        )
        await desk.reception.sign_in("staff", ann.id)
        return world, one


async def rows_of(tx, tables):
    found = {}
    for table in tables.sorted_tables:
        rows = await tx.bookings._db.execute(select(table))
        found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def test_a_database_of_the_first_version_loses_nothing(old, tmp_path, sqlite_template):
    opened, tables = old
    world, one = await at_work(tmp_path, sqlite_template)
    source = Store(world.store._url)
    async with source.read() as tx:
        before = await rows_of(tx, tables)
    await source.close()
    async with opened.write() as tx:
        for table in tables.sorted_tables:
            names = [column.name for column in table.columns]
            values = [dict(zip(names, row, strict=True)) for row in before[table.name]]
            if values:
                await tx.bookings._db.execute(insert(table), values)

    await opened.migrate()

    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with opened.read() as tx:
        assert await rows_of(tx, tables) == before
        assert await tx.bookings._db.run_sync(differences) == []
        assert (await tx.requests.assessment(builders.ASSESSMENT.id)).phone_allowed is True
    there = replace(world, store=opened, desk=builders.office(opened, world.clock))
    await goes_on(there, one)


async def goes_on(world, one):
    """The session that was running goes on as if nothing had happened."""
    desk, began = world.desk, world.clock.now()
    view = await desk.sessions.view(one.session)
    assert [(line.text, line.notice) for line in view.chat] == [("hello", False)]
    assert view.sitting.staff == world.ann.id
    world.clock.go(30)
    gap = await desk.gaps.open(one.session, began)
    await desk.gaps.close(one.session, world.clock.now())
    ruled = await desk.gaps.rule(one.session, world.ann, gap.id, Ruling.TECHNICAL, "")
    assert ruled.remaining(world.clock.now()).total_seconds() == 90 * 60
    await desk.sessions.end(one.session, world.ann)
    after = await desk.reports.attest(one.session, world.ann, STATEMENT, Outcome.COMPLETED)
    assert after.state is SessionState.ATTESTED
