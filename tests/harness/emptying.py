"""One PostgreSQL database for many tests: emptying it is far cheaper than making another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Protocol

import asyncpg

from invigilation.store.schema import metadata

EMPTYING = "SET synchronous_commit = off; " + "; ".join(
    f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)
)
ENDED_MS = 10_000
ALONE = (
    f"SELECT pg_terminate_backend(pid, {ENDED_MS}) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
"""Ends whoever else is connected, with what they have not committed."""


class Empty(Protocol):
    """Empties all tables; what it is given is run in the same round trip."""

    def __call__(self, then: str = "") -> None: ...


@contextlib.contextmanager
def emptying(url: str, *, alone: bool = False) -> Iterator[Empty]:
    """Give what empties all tables of a database with the schema, over one connection.

    With `alone`, whoever else is still connected is put out first.
    """
    statements = f"{ALONE}; {EMPTYING}" if alone else EMPTYING
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(url.replace("+asyncpg", "")))

    def empty(then: str = "") -> None:
        loop.run_until_complete(connection.execute(f"{statements}; {then}"))

    try:
        yield empty
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


async def copied(url: str) -> str:
    """Keep copies of all rows that lie in a database; return what puts them into it again."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    again = []
    try:
        await connection.execute("CREATE SCHEMA kept")
        for table in metadata.sorted_tables:
            if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{table.name}")'):
                copy = f'kept."{table.name}"'
                await connection.execute(f'CREATE TABLE {copy} AS TABLE "{table.name}"')
                again.append(f'INSERT INTO "{table.name}" TABLE {copy}')
    finally:
        await connection.close()
    return "; ".join(again)
