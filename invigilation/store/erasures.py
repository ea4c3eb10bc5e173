"""The chain of what was erased: signed entries as those of a session's record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.record import EMPTY, Entry, Head
from invigilation.store.look_rows import erasure

CHAIN = "erasures"
"""In the place of a session's id stands this word in every entry."""
LOCK = 0x65726173
"""The name of an advisory lock; any number that nobody else in the database uses."""
PAGE = 1_000
_FIELDS = ("seq", "at", "kind", "actor", "body", "signature", "key_id")
_ALL = select(*(erasure.c[name] for name in _FIELDS))


class Erasures:
    """Rows of the chain; they are only ever added."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def hold(self) -> Head:
        """Return the end of the chain; until the transaction ends nobody else adds to it."""
        if self._db.dialect.name == "postgresql":
            await self._db.execute(select(func.pg_advisory_xact_lock(LOCK)))
        row = (await self._db.execute(_ALL.order_by(erasure.c.seq.desc()).limit(1))).first()
        return EMPTY if row is None else _entry(row).head

    async def append(self, entry: Entry) -> None:
        """Add an entry to the chain, whose end is held."""
        values = {name: getattr(entry, name) for name in _FIELDS}
        await self._db.execute(insert(erasure).values(**values))

    async def entries(self) -> AsyncIterator[Entry]:
        """Yield the chain from its beginning."""
        last = 0
        while True:
            query = _ALL.where(erasure.c.seq > last).order_by(erasure.c.seq).limit(PAGE)
            rows = (await self._db.execute(query)).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < PAGE:
                return
            last = rows[-1].seq


def _entry(row: Any) -> Entry:
    return Entry(CHAIN, *row)
