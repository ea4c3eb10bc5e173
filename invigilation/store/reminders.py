"""Which bookings a learner is to be reminded of, and has not been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    String,
    bindparam,
    cast,
    exists,
    literal,
    select,
    type_coerce,
)
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

_placed = type_coerce(booking.c.placed, BigInteger)
_start = type_coerce(booking.c.start, BigInteger)
_once = (
    literal(PREFIX, String)
    + booking.c.id
    + literal(":", String)
    + cast(booking.c.sequence, String)
    + bindparam("hours", type_=String)
)
_DUE = (
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
        booking.c.start > bindparam("after"),
        booking.c.start <= bindparam("until"),
        booking.c.state == BookingState.BOOKED,
        _placed < _start - bindparam("ahead", type_=BigInteger),
        ~exists().where(delivery.c.once == _once),
    )
    .order_by(booking.c.start, booking.c.id)
    .limit(bindparam("limit"))
)
"""Written down once: it is asked again and again."""


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
        values = {
            "after": after,
            "until": until,
            "ahead": ahead,
            "hours": f":{hours}",
            "limit": limit,
        }
        return [load(Due, row) for row in await self._db.execute(_DUE, values)]
