"""What a learner's receipt is made of; reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import Booking
from invigilation.charge import Charge, PaymentState
from invigilation.onboard import OnboardState, Verification
from invigilation.record import Entry
from invigilation.store.mapping import all_of, columns, load
from invigilation.store.openings import Openings, entry_columns
from invigilation.store.paper_rows import audit, charge, onboard, payment, payment_charge
from invigilation.store.rows import booking, event, session

KINDS = (
    "booked",
    "moved",
    "cancelled",
    "check_in",
    "admit",
    "pause",
    "resume",
    "refuse",
    "stop",
    "end",
    "attested",
    "attendance_decided",
)
"""What of a session's record a receipt tells."""
GIVEN_BACK = "reservation.given_back"
"""How the audit log names a held time that somebody gave back."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A booking that there was. `session` and `reason` are None when it never came to one.

    `reason` is why its session is over, in the words of whoever ended it.
    """

    booking: Booking
    session: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A charge, and the provider's name for the payment that settled it, if one did."""

    charge: Charge
    payment: str | None
    since: datetime


class Receipts:
    """Readings for receipts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def bookings(self, request_id: str) -> list[Kept]:
        """Return all bookings of a request, in the order in which they took their times."""
        query = (
            select(*_BOOKING, session.c.id, session.c.reason)
            .select_from(booking)
            .outerjoin(session, session.c.booking == booking.c.id)
            .where(booking.c.request == request_id)
            .order_by(booking.c.placed, booking.c.id)
        )
        rows = await self._db.execute(query)
        return [Kept(load(Booking, row[:-2]), row[-2], row[-1]) for row in rows]

    async def entries(self, sessions: list[str]) -> list[Entry]:
        """Return what the records of these sessions say of `KINDS`, each record in order."""
        query = select(*entry_columns(event)).where(
            event.c.session.in_(sessions), event.c.kind.in_(KINDS)
        )
        rows = await self._db.execute(query.order_by(event.c.session, event.c.seq))
        return await Openings(self._db).opened(rows.all())

    async def given_back(self, bookings: list[str]) -> dict[str, datetime]:
        """Return when those of these held times were given back that were so before their end."""
        query = select(audit.c.subject, audit.c.at).where(
            audit.c.subject.in_(bookings), audit.c.action == GIVEN_BACK
        )
        return {row[0]: row[1] for row in await self._db.execute(query)}

    async def accepted(self, request_id: str) -> Verification | None:
        """Return the form of the officer on board who was accepted for a request, if one was."""
        query = all_of(onboard, Verification).where(
            onboard.c.request == request_id, onboard.c.state == OnboardState.ACCEPTED
        )
        row = (await self._db.execute(query.limit(1))).first()
        return None if row is None else load(Verification, row)

    async def charges(self, request_id: str) -> list[Paid]:
        """Return the charges on a request, and those that its own missed sessions gave rise to."""
        mine = select(booking.c.id).where(booking.c.request == request_id)
        query = all_of(charge, Charge).where(
            (charge.c.request == request_id) | charge.c.booking.in_(mine)
        )
        rows = await self._db.execute(
            query.order_by(charge.c.created, charge.c.booking.is_(None), charge.c.id)
        )
        charges = [load(Charge, row) for row in rows]
        paid = await self._payments([one.id for one in charges])
        return [Paid(one, paid.get(one.id), one.settled or one.created) for one in charges]

    async def _payments(self, charges: list[str]) -> dict[str, str]:
        query = (
            select(payment_charge.c.charge, payment.c.reference)
            .join(payment, payment_charge.c.payment == payment.c.id)
            .where(payment_charge.c.charge.in_(charges), payment.c.state == PaymentState.PAID)
        )
        rows: Any = await self._db.execute(query)
        return {row[0]: row[1] for row in rows}


_BOOKING = columns(booking, Booking)
