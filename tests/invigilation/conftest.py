"""Fixtures of the exam office."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from invigilation.people import Role
from invigilation.store import Store
from tests import builders
from tests.builders import FixedClock
from tests.harness.emptying import EMPTYING, copied, emptying
from tests.invigilation.offices import World

HERE = Path(__file__).parent
DATABASES = ("migrated_url", "database_url")
"""Fixtures that give a test its database."""
ANN, SAM = ("Ann Archer",), ("Sam Field", Role.SCHEDULER)
kept_loop = partial(pytest_asyncio.fixture, loop_scope="session")
"""An asynchronous fixture that has, or stands on, `store`: it and its tests share one loop."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run each test on both databases, but all its cases on SQLite alone.

    A rule's cases are worked out by the same code over either; statements are what may differ.
    """
    seen: set[tuple[str, str]] = set()
    again: list[pytest.Item] = []
    for item in items:
        if HERE not in item.path.parents:
            continue
        if "store" in getattr(item, "fixturenames", ()) and iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        call = getattr(item, "callspec", None)
        if call is None:
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
    """One PostgreSQL database for all tests here, whose connections are kept, too."""
    name = postgres.create(template=postgres_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def emptied(kept_database):
    """What empties the kept database: hundreds of tests begin with it."""
    with emptying(kept_database) as empty:
        yield empty


async def add_world(url):
    """Add what an office begins with."""
    store = Store(url)
    desk = builders.office(store, FixedClock())
    await builders.add_assessment(desk)
    await builders.add_invigilator(desk, *ANN, seats=1)
    await builders.add_invigilator(desk, *SAM)
    await store.close()


@pytest.fixture(scope="session")
def world_template(sqlite_template, tmp_path_factory):
    """A SQLite file with the people of `world` in it, to be copied."""
    path = tmp_path_factory.mktemp("world") / "world.sqlite3"
    shutil.copy(sqlite_template, path)
    asyncio.run(add_world(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def world_again(kept_database, emptied):
    """What puts the people of `world` into the kept database, as SQL."""
    emptied()
    asyncio.run(add_world(kept_database))
    return asyncio.run(copied(kept_database))


async def empty(url):
    """Empty all tables of a database in one round trip."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(EMPTYING)
    await connection.close()


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.store),
        pytest.param("postgresql", marks=pytest.mark.store),
    ]
)
def migrated_url(request, tmp_path):
    """Give the address of a database with the schema, on SQLite and on PostgreSQL.

    It has no rows but those of `world`, for who asks for it.
    """
    peopled = "world" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "test.sqlite3"
        template = "world_template" if peopled else "sqlite_template"
        shutil.copy(request.getfixturevalue(template), path)
        return f"sqlite+aiosqlite:///{path}"
    request.getfixturevalue("kept_store")  # here, where no loop runs yet
    request.getfixturevalue("emptied")(request.getfixturevalue("world_again") if peopled else "")
    return request.getfixturevalue("kept_database")


@kept_loop(scope="session")
async def kept_store(kept_database):
    """A store whose connections stay open: to connect anew costs more than most tests do.

    Who does one thing after the other has the same connection for it: what it adds to a table then
    lies there in that order, which tests see where rows are of the same moment.
    """
    opened = Store(kept_database)
    yield opened
    await opened.close()


@kept_loop
async def store(request, migrated_url):
    """A store over an empty, migrated database; the test runs on SQLite and on PostgreSQL."""
    if migrated_url.startswith("postgresql"):
        yield request.getfixturevalue("kept_store")
    else:
        opened = Store(migrated_url)
        yield opened
        await opened.close()
    # The loop goes on: what a test left running must not run into the next.
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@kept_loop
async def world(store):
    """An office at nine on a Friday morning; the test runs on SQLite and on PostgreSQL."""
    clock = FixedClock()
    people = (builders.invigilator(*one) for one in (ANN, SAM))
    return World(store, clock, builders.office(store, clock), *people)
