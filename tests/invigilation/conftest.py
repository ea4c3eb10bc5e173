"""Fixtures of the exam office."""

from __future__ import annotations

import asyncio
import shutil

import asyncpg
import pytest

from invigilation.people import Role
from invigilation.store.schema import metadata
from tests import builders
from tests.builders import FixedClock
from tests.invigilation.offices import World


@pytest.fixture(scope="session")
def kept_database(postgres, postgres_template):
    """One PostgreSQL database for all tests here: emptying it is cheaper than making another."""
    name = postgres.create(template=postgres_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.store),
        pytest.param("postgresql", marks=pytest.mark.store),
    ]
)
def migrated_url(request, tmp_path):
    """Give the address of a database with the schema and no rows, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "test.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite+aiosqlite:///{path}"
    url = request.getfixturevalue("kept_database")
    asyncio.run(_empty(url))
    return url


async def _empty(url):
    """Empty all tables in one round trip: hundreds of tests begin with it."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    tables = reversed(metadata.sorted_tables)
    emptying = "; ".join(f'DELETE FROM "{table.name}"' for table in tables)
    await connection.execute(f"SET synchronous_commit = off; {emptying}")
    await connection.close()


@pytest.fixture
async def world(store):
    """An office at nine on a Friday morning; the test runs on SQLite and on PostgreSQL."""
    clock = FixedClock()
    desk = builders.office(store, clock)
    await builders.add_assessment(desk)
    ann = await builders.add_invigilator(desk, "Ann Archer", seats=1)
    sam = await builders.add_invigilator(desk, "Sam Field", Role.SCHEDULER)
    return World(store, clock, desk, ann, sam)
