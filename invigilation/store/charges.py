"""Charges."""

from __future__ import annotations

from sqlalchemy import and_, insert, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.charge import UNPAID, Charge, ChargeState
from invigilation.request import Request
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import charge


class Charges:
    """Rows of charges; one a missed booking at the most."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Charge) -> None:
        """Insert a charge."""
        await self._db.execute(insert(charge).values(**dump(one)))

    async def find(self, ident: str) -> Charge | None:
        """Find a charge, and hold it until the transaction ends."""
        query = all_of(charge, Charge).where(charge.c.id == ident).with_for_update()
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Charge, row)

    async def of_booking(self, booking: str) -> Charge | None:
        """Find the charge that a missed booking gave rise to."""
        query = all_of(charge, Charge).where(charge.c.booking == booking).with_for_update()
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Charge, row)

    async def held_of(self, learner: str) -> list[Charge]:
        """Return a learner's charges that wait for a next request, oldest first; hold them."""
        query = all_of(charge, Charge).where(
            charge.c.learner == learner, charge.c.state == ChargeState.HELD
        )
        rows = await self._db.execute(query.order_by(charge.c.created).with_for_update())
        return [load(Charge, row) for row in rows]

    async def on(self, request: Request) -> list[Charge]:
        """Return what holds a request up, or did: its own charges, and others still due before."""
        earlier = and_(
            charge.c.learner == request.learner,
            charge.c.created <= request.created,
            charge.c.state.in_(sorted(UNPAID)),
        )
        query = all_of(charge, Charge).where(or_(charge.c.request == request.id, earlier))
        rows = await self._db.execute(query.order_by(charge.c.created))
        return [load(Charge, row) for row in rows]

    async def open(self) -> list[Charge]:
        """Return all charges that are held or due, oldest first."""
        query = all_of(charge, Charge).where(
            charge.c.state.in_(sorted({ChargeState.HELD, *UNPAID}))
        )
        rows = await self._db.execute(query.order_by(charge.c.created))
        return [load(Charge, row) for row in rows]

    async def save(self, one: Charge) -> None:
        """Write a charge's state, request and reason."""
        await self._db.execute(
            update(charge)
            .where(charge.c.id == one.id)
            .values(state=one.state, request=one.request, reason=one.reason, settled=one.settled)
        )
