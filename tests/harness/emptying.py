"""One PostgreSQL database for many tests: emptying it is far cheaper than making another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

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


@contextlib.contextmanager
def emptying(url: str, *, alone: bool = False) -> Iterator[Callable[[], None]]:
    """Give what empties all tables of a database with the schema, over one connection.

    With `alone`, whoever else is still connected is put out first.
    """
    statements = f"{ALONE}; {EMPTYING}" if alone else EMPTYING
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(url.replace("+asyncpg", "")))

    def empty() -> None:
        loop.run_until_complete(connection.execute(statements))

    try:
        yield empty
    finally:
        loop.run_until_complete(connection.close())
        loop.close()
