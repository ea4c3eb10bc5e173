"""Which bookings a learner is to be reminded of, and has not been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, String, cast, exists, literal, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import BookingState
from invigilation.store.mapping import load
from invigilation.store.rows import assessment, booking, delivery, learner, request, session

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A booking that a learner is to be reminded of; times are aware UTC."""

    booking: str
    sequence: int
    start: datetime
    end: datetime
    zone: str
    request: str
    session: str
    name: str
    email: str
    title: str

    def once(self, hours: int) -> str:
        """Return the name under which this reminder exists once."""
        return f"{PREFIX}{self.booking}:{self.sequence}:{hours}"


PREFIX = "reminder:"


class Reminders:
    """Readings of bookings that come near."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def due(self, after: datetime, until: datetime, hours: int, limit: int) -> list[Due]:
        """Return booked sessions that start after one moment and until another, by start.

        Only those that had taken their present time more than so many `hours` before their start,
        and have no reminder of that many hours yet.
        """
        ahead = timedelta(hours=hours) // MICROSECOND
        placed = type_coerce(booking.c.placed, BigInteger)
        start = type_coerce(booking.c.start, BigInteger)
        once = (
            literal(PREFIX, String)
            + booking.c.id
            + literal(":", String)
            + cast(booking.c.sequence, String)
            + literal(f":{hours}", String)
        )
        query = (
            select(
                booking.c.id,
                booking.c.sequence,
                booking.c.start,
                booking.c.end,
                booking.c.zone,
                request.c.id,
                session.c.id,
                learner.c.name,
                learner.c.email,
                assessment.c.title,
            )
            .select_from(booking)
            .join(session, session.c.booking == booking.c.id)
            .join(request, booking.c.request == request.c.id)
            .join(learner, request.c.learner == learner.c.id)
            .join(assessment, request.c.assessment == assessment.c.id)
            .where(
                booking.c.start > after,
                booking.c.start <= until,
                booking.c.state == BookingState.BOOKED,
                placed < start - ahead,
                ~exists().where(delivery.c.once == once),
            )
            .order_by(booking.c.start, booking.c.id)
            .limit(limit)
        )
        return [load(Due, row) for row in await self._db.execute(query)]
