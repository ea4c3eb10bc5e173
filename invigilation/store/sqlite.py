"""SQLite by one visit to its thread for each statement.

aiosqlite keeps a connection in a thread of its own, and its cursor goes there to be made, to run,
to hand out its rows and to be closed. Four journeys between threads cost more than a small query:
here all of it is one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import aiosqlite


class Cursor:
    """What SQLAlchemy asks of an asynchronous cursor; it never streams here."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Cursor:  # noqa: PYI034 - nobody derives from it
        """Cost nothing: the real cursor is made where the statement runs."""
        return self

    async def execute(self, statement: str, parameters: Iterable[Any] = ()) -> Cursor:
        """Run a statement, and bring all its rows back."""
        await self._line.visit(lambda: self._run(sqlite3.Cursor.execute, statement, parameters))
        return self

    async def executemany(self, statement: str, parameters: Iterable[Iterable[Any]]) -> Cursor:
        """Run a statement for each of these parameters."""
        await self._line.visit(lambda: self._run(sqlite3.Cursor.executemany, statement, parameters))
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows that came with the statement, once."""
        rows, self._rows = self._rows, ()
        return rows

    async def close(self) -> None:
        """Cost nothing: the real cursor has been closed."""

    def _run(self, how: Callable[..., Any], statement: str, parameters: Any) -> None:
        real = self._line.made_cursor()
        try:
            how(real, statement, parameters)
            self.description = real.description
            self._rows = real.fetchall() if real.description else ()
            self.rowcount, self.lastrowid = real.rowcount, real.lastrowid
        finally:
            real.close()


class Line(aiosqlite.Connection):
    """A connection whose cursors go to its thread once for each statement."""

    def cursor(self) -> Cursor:  # type: ignore[override]
        """Return a cursor; nothing is done before its first statement."""
        return Cursor(self)

    async def visit(self, errand: Callable[[], None]) -> None:
        """Do something on the connection's thread; what it raises is raised here."""
        await self._execute(errand)  # type: ignore[no-untyped-call]

    def made_cursor(self) -> sqlite3.Cursor:
        """Return a real cursor, for use on the connection's thread only."""
        return self._conn.cursor()


async def connect(path: str) -> Line:
    """Open the database in this file, or in memory (`:memory:`)."""
    line = Line(lambda: sqlite3.connect(path), iter_chunk_size=64)
    line._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy itself does: nobody waits for it
    await line
    return line
