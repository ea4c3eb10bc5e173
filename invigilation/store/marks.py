"""What happened to a session beside its steps: gaps and inspections."""

from __future__ import annotations

from sqlalchemy import String, bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.gap import Gap
from invigilation.inspection import Inspection
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import gap, inspection

_IDENT = bindparam("ident", type_=String)
GAPS = all_of(gap, Gap).where(gap.c.session == _IDENT).order_by(gap.c.began, gap.c.id)
INSPECTIONS = (
    all_of(inspection, Inspection)
    .where(inspection.c.session == _IDENT)
    .order_by(inspection.c.asked_at, inspection.c.id)
)


class Marks:
    """Rows of gaps and inspections; whoever changes them holds their session."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def gaps(self, session: str) -> list[Gap]:
        """Return a session's gaps in order."""
        rows = await self._db.execute(GAPS, {"ident": session})
        return [load(Gap, row) for row in rows]

    async def add_gap(self, one: Gap) -> None:
        """Insert a gap; the database refuses a second open one."""
        await self._db.execute(insert(gap).values(**dump(one)))

    async def save_gap(self, one: Gap) -> None:
        """Write a gap as it now is."""
        await self._db.execute(update(gap).where(gap.c.id == one.id).values(**dump(one)))

    async def inspections(self, session: str) -> list[Inspection]:
        """Return a session's inspections in order."""
        rows = await self._db.execute(INSPECTIONS, {"ident": session})
        return [load(Inspection, row) for row in rows]

    async def add_inspection(self, one: Inspection) -> None:
        """Insert an inspection; the database refuses a second open one."""
        await self._db.execute(insert(inspection).values(**dump(one)))

    async def save_inspection(self, one: Inspection) -> None:
        """Write an inspection as it now is."""
        await self._db.execute(
            update(inspection).where(inspection.c.id == one.id).values(**dump(one))
        )
