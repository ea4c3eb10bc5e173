"""The bookings that lie ahead, as a change of the rota must see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import OCCUPIED, Booking, BookingState
from invigilation.fitting import Place
from invigilation.office_hours import Window
from invigilation.request import Assessment
from invigilation.session import SessionState
from invigilation.store.calendar_rows import seat
from invigilation.store.columns import Utc
from invigilation.store.mapping import all_of, columns, load
from invigilation.store.rows import assessment, booking, learner, request, session, staff


@dataclass(frozen=True, slots=True)
class Ahead:
    """A booking that has not begun, with what decides where it may go.

    `session` is None while it is only reserved. `assessment` is an id; `licence_until` aware UTC.
    """

    booking: Booking
    session: str | None
    assessment: str
    title: str
    minutes: int
    licence_until: datetime
    learner_name: str
    staff_name: str

    @property
    def reserved(self) -> bool:
        """Say whether somebody holds it for a while only, to pay or to accept it."""
        return self.booking.state is BookingState.RESERVED


_BOOKING = columns(booking, Booking)
_AHEAD: Select[Any] = (
    select(
        *_BOOKING,
        session.c.id,
        assessment.c.id,
        assessment.c.title,
        assessment.c.minutes,
        request.c.licence_until,
        learner.c.name,
        staff.c.name,
    )
    .select_from(booking)
    .join(request, booking.c.request == request.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .join(assessment, request.c.assessment == assessment.c.id)
    .join(staff, booking.c.staff == staff.c.id)
    .outerjoin(session, session.c.booking == booking.c.id)
    .where(
        or_(
            booking.c.state == BookingState.RESERVED,
            (booking.c.state == BookingState.BOOKED) & (session.c.state == SessionState.SCHEDULED),
        )
    )
    .order_by(booking.c.start, booking.c.id)
)


class AheadRows:
    """Readings of bookings that have not begun, and the change of their lane."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def bookings(
        self, now: datetime, staff_id: str | None = None, window: Window | None = None
    ) -> list[Ahead]:
        """Return the bookings whose start lies ahead and whose learner has not come, by start.

        They can be those of one person alone, or those that start within a window.
        """
        query = _AHEAD.where(booking.c.start > now)
        if staff_id is not None:
            query = query.where(booking.c.staff == staff_id)
        if window is not None:
            query = query.where(booking.c.start >= window.start, booking.c.start < window.end)
        size = len(_BOOKING)
        return [
            Ahead(load(Booking, row[:size]), *row[size:]) for row in await self._db.execute(query)
        ]

    async def those(self, idents: Sequence[str]) -> list[Ahead]:
        """Return these bookings, as far as their learner has not come, by start."""
        size = len(_BOOKING)
        rows = await self._db.execute(_AHEAD.where(booking.c.id.in_(idents)))
        return [Ahead(load(Booking, row[:size]), *row[size:]) for row in rows]

    async def places(
        self, now: datetime, after: tuple[datetime, str], limit: int, staff_id: str | None = None
    ) -> list[tuple[str, Place]]:
        """Return what bookings take that start after `now`, each with its id, by start.

        They come from behind the start and id `after`; they can be those of one person alone.
        """
        place = (booking.c.staff, booking.c.seat, booking.c.start, booking.c.hold_until)
        query = (
            select(booking.c.id, *place, request.c.assessment)
            .join(request, booking.c.request == request.c.id)
            .where(
                booking.c.start > now,
                tuple_(booking.c.start, booking.c.id)
                > tuple_(literal(after[0], Utc), literal(after[1])),
                booking.c.state.in_([BookingState.RESERVED, BookingState.BOOKED]),
            )
            .order_by(booking.c.start, booking.c.id)
            .limit(limit)
        )
        if staff_id is not None:
            query = query.where(booking.c.staff == staff_id)
        return [(row[0], Place(*row[1:])) for row in await self._db.execute(query)]

    async def slip(self, one: Booking, lanes: Sequence[str]) -> bool:
        """Put a booking onto another free lane of the same person; say whether one was free.

        Nobody notices: time and invigilator stay.
        """
        taken = booking.alias()
        free = (
            select(seat.c.id)
            .where(
                seat.c.id.in_(lanes),
                seat.c.staff == one.staff,
                ~exists().where(
                    taken.c.seat == seat.c.id,
                    taken.c.start < one.hold_until,
                    taken.c.hold_until > one.start,
                    taken.c.state.in_(sorted(OCCUPIED)),
                ),
            )
            .order_by(seat.c.lane)
            .limit(1)
        )
        row = (await self._db.execute(free)).first()
        if row is None:
            return False
        change = update(booking).where(booking.c.id == one.id).values(seat=row.id)
        done = await self._db.execute(change)
        return done.rowcount == 1

    async def assessments(self) -> list[Assessment]:
        """Return every assessment of every backend, by title."""
        query = all_of(assessment, Assessment).order_by(
            assessment.c.title, assessment.c.backend, assessment.c.id
        )
        return [load(Assessment, row) for row in await self._db.execute(query)]
