"""Chains beside those of the sessions: signed entries of the same form, in a table of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.record import EMPTY, Entry, Head
from invigilation.store.look_rows import erasure
from invigilation.store.paper_rows import audit_seal

PAGE = 1_000
_FIELDS = ("seq", "at", "kind", "actor", "body", "signature", "key_id")


@dataclass(frozen=True, slots=True)
class Kind:
    """One of them. `name` stands in the place of a session's id in every entry.

    `lock` names an advisory lock: any number that nobody else in the database uses.
    """

    name: str
    table: Table
    lock: int


ERASURES = Kind("erasures", erasure, 0x65726173)
AUDIT = Kind("audit", audit_seal, 0x61756469)


class Chain:
    """Rows of a chain; they are only ever added."""

    def __init__(self, connection: AsyncConnection, kind: Kind) -> None:
        self._db = connection
        self._kind = kind
        self._all = select(*(kind.table.c[name] for name in _FIELDS))

    async def hold(self) -> Head:
        """Return the end of the chain; until the transaction ends nobody else adds to it."""
        if self._db.dialect.name == "postgresql":
            await self._db.execute(select(func.pg_advisory_xact_lock(self._kind.lock)))
        return await self.end()

    async def end(self) -> Head:
        """Return the end of the chain as it is now."""
        newest = self._all.order_by(self._kind.table.c.seq.desc()).limit(1)
        row = (await self._db.execute(newest)).first()
        return EMPTY if row is None else self._entry(row).head

    async def append(self, *entries: Entry) -> None:
        """Add entries to the chain, whose end is held."""
        values = [{name: getattr(one, name) for name in _FIELDS} for one in entries]
        await self._db.execute(insert(self._kind.table), values)

    async def entries(self) -> AsyncIterator[Entry]:
        """Yield the chain from its beginning."""
        last, seq = 0, self._kind.table.c.seq
        while True:
            query = self._all.where(seq > last).order_by(seq).limit(PAGE)
            rows = (await self._db.execute(query)).all()
            for row in rows:
                yield self._entry(row)
            if len(rows) < PAGE:
                return
            last = rows[-1].seq

    def _entry(self, row: Any) -> Entry:
        return Entry(self._kind.name, *row)
