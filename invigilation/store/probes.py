"""What learners measured of their links, and whether their pages may by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.probe import NAMES, Expected, Figures, Probe, ProbeKind
from invigilation.store.probe_rows import link_consent, link_probe
from invigilation.store.rows import booking, request, session

CHUNK = 500
"""Names in one statement."""


class Probes:
    """Rows of measurements."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def hold(self, ident: str) -> bool:
        """Hold a request, so that those of its probes that come at once are counted."""
        query = select(request.c.id).where(request.c.id == ident).with_for_update(key_share=True)
        return (await self._db.execute(query)).first() is not None

    async def add(self, one: Probe) -> None:
        """Insert a measurement."""
        values = {name: getattr(one.figures, name) for name in NAMES}
        await self._db.execute(
            insert(link_probe).values(
                id=one.id,
                request=one.request,
                session=one.session,
                at=one.at,
                kind=one.kind,
                rung=one.expected.rung,
                way=one.expected.way,
                **values,
            )
        )

    async def of(self, ident: str, since: datetime) -> list[Probe]:
        """Return the measurements of a request since a moment, oldest first."""
        return (await self.of_requests([ident], since)).get(ident, [])

    async def of_requests(self, idents: Iterable[str], since: datetime) -> dict[str, list[Probe]]:
        """Return the measurements of these requests since a moment, by request, oldest first."""
        wanted, found = list(dict.fromkeys(idents)), dict[str, list[Probe]]()
        for first in range(0, len(wanted), CHUNK):
            query = select(link_probe).where(
                link_probe.c.request.in_(wanted[first : first + CHUNK]), link_probe.c.at >= since
            )
            ordered = query.order_by(link_probe.c.at, link_probe.c.id)
            for row in await self._db.execute(ordered):
                found.setdefault(row.request, []).append(_probe(row))
        return found

    async def count(self, ident: str, since: datetime) -> int:
        """Return how many measurements of a request were kept since a moment."""
        query = select(func.count()).where(link_probe.c.request == ident, link_probe.c.at >= since)
        return int((await self._db.execute(query)).scalar_one())

    async def last(self, ident: str, kind: ProbeKind) -> datetime | None:
        """Return when the last measurement of a kind was kept."""
        query = select(func.max(link_probe.c.at)).where(
            link_probe.c.request == ident, link_probe.c.kind == kind
        )
        found: datetime | None = (await self._db.execute(query)).scalar_one()
        return found

    async def agreed(self, ident: str) -> bool:
        """Say whether the pages of a request's learner may measure by themselves."""
        query = select(link_consent.c.request).where(
            link_consent.c.request == ident, link_consent.c.withdrawn.is_(None)
        )
        return (await self._db.execute(query)).first() is not None

    async def agree(self, ident: str, now: datetime) -> bool:
        """Note that they may; False where they might before. The request is held."""
        if await self.agreed(ident):
            return False
        await self._db.execute(delete(link_consent).where(link_consent.c.request == ident))
        await self._db.execute(insert(link_consent).values(request=ident, given=now))
        return True

    async def withdraw(self, ident: str, now: datetime) -> bool:
        """Note that they may no more, and delete what they measured; False where they might not."""
        stands = (link_consent.c.request == ident, link_consent.c.withdrawn.is_(None))
        changed = await self._db.execute(update(link_consent).where(*stands).values(withdrawn=now))
        if not changed.rowcount:
            return False
        small = (link_probe.c.request == ident, link_probe.c.kind == ProbeKind.SMALL)
        await self._db.execute(delete(link_probe).where(*small))
        return True

    async def forget_before(self, moment: datetime) -> int:
        """Delete measurements that are older; return how many."""
        gone = await self._db.execute(delete(link_probe).where(link_probe.c.at < moment))
        return gone.rowcount

    async def forget_session(self, ident: str) -> None:
        """Delete what the learner of a session measured, and their consent to it."""
        booked = (
            select(booking.c.request)
            .join(session, session.c.booking == booking.c.id)
            .where(session.c.id == ident)
        )
        for table in (link_consent, link_probe):
            await self._db.execute(delete(table).where(table.c.request.in_(booked)))


def _probe(row: Row[Any]) -> Probe:
    figures = Figures(**{name: getattr(row, name) for name in NAMES})
    expected = Expected(row.rung, row.way)
    return Probe(row.id, row.request, row.session, row.at, row.kind, figures, expected)
