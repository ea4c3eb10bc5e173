"""Fixtures of the exam office."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from invigilation.people import Role
from invigilation.store.schema import metadata
from tests import builders
from tests.builders import FixedClock
from tests.invigilation.offices import World

HERE = Path(__file__).parent
DATABASES = ("migrated_url", "database_url")
"""Fixtures that give a test its database."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run each test on both databases, but all its cases on SQLite alone.

    A rule's cases are worked out by the same code over either; statements are what may differ.
    """
    seen: set[tuple[str, str]] = set()
    again: list[pytest.Item] = []
    for item in items:
        call = getattr(item, "callspec", None)
        if call is None or HERE not in item.path.parents:
            continue
        name = item.nodeid.partition("[")[0]
        if any(call.params.get(one) == "postgresql" for one in DATABASES):
            if (str(item.path), name) in seen:
                again.append(item)
            seen.add((str(item.path), name))
    config.hook.pytest_deselected(items=again)
    items[:] = [item for item in items if item not in again]


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
