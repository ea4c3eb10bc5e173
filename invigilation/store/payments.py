"""Attempts to pay, and which charges each is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.charge import Charge, Payment, PaymentState
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import charge, payment, payment_charge


class Payments:
    """Rows of payments. Whoever changes one holds its learner first (`Charges.hold_learner`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Payment, charges: Sequence[str]) -> None:
        """Insert an attempt to pay these charges."""
        await self._db.execute(insert(payment).values(**dump(one)))
        rows = [{"payment": one.id, "charge": each} for each in charges]
        await self._db.execute(insert(payment_charge), rows)

    async def find(self, ident: str) -> Payment | None:
        """Find a payment."""
        query = all_of(payment, Payment).where(payment.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Payment, row)

    async def known_as(self, reference: str) -> Payment | None:
        """Find a payment by the provider's name for it."""
        query = all_of(payment, Payment).where(payment.c.reference == reference)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Payment, row)

    async def save(self, one: Payment) -> None:
        """Write the payment's state, link and note."""
        await self._db.execute(
            update(payment)
            .where(payment.c.id == one.id)
            .values(state=one.state, reference=one.reference, url=one.url, note=one.note)
        )

    async def charges_of(self, ident: str) -> list[Charge]:
        """Return the charges that a payment is for, oldest first."""
        query = (
            all_of(charge, Charge)
            .join(payment_charge, payment_charge.c.charge == charge.c.id)
            .where(payment_charge.c.payment == ident)
            .order_by(charge.c.created, charge.c.booking.is_(None), charge.c.id)
        )
        return [load(Charge, row) for row in await self._db.execute(query)]

    async def of_charge(self, ident: str) -> list[Payment]:
        """Return the attempts to pay a charge, oldest first."""
        query = (
            all_of(payment, Payment)
            .join(payment_charge, payment_charge.c.payment == payment.c.id)
            .where(payment_charge.c.charge == ident)
            .order_by(payment.c.created, payment.c.id)
        )
        return [load(Payment, row) for row in await self._db.execute(query)]

    async def open_on(self, charges: Sequence[str]) -> list[Payment]:
        """Return the open attempts to pay any of these charges, oldest first."""
        covers = exists().where(
            payment_charge.c.payment == payment.c.id, payment_charge.c.charge.in_(charges)
        )
        query = all_of(payment, Payment).where(payment.c.state == PaymentState.OPEN, covers)
        rows = await self._db.execute(query.order_by(payment.c.created, payment.c.id))
        return [load(Payment, row) for row in rows]

    async def open_of(self, request: str) -> list[Payment]:
        """Return a request's open attempts, oldest first."""
        query = all_of(payment, Payment).where(
            payment.c.request == request, payment.c.state == PaymentState.OPEN
        )
        rows = await self._db.execute(query.order_by(payment.c.created, payment.c.id))
        return [load(Payment, row) for row in rows]

    async def open_since_before(self, moment: datetime, limit: int) -> list[Payment]:
        """Return open attempts that were made before that moment, oldest first."""
        query = all_of(payment, Payment).where(
            payment.c.state == PaymentState.OPEN, payment.c.created < moment
        )
        rows = await self._db.execute(query.order_by(payment.c.created).limit(limit))
        return [load(Payment, row) for row in rows]

    async def newest_of(self, request: str) -> Payment | None:
        """Return a request's newest attempt."""
        query = all_of(payment, Payment).where(payment.c.request == request)
        rows = await self._db.execute(query.order_by(payment.c.created.desc()).limit(1))
        row = rows.first()
        return None if row is None else load(Payment, row)
