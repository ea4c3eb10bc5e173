"""What screens and notices ask for across several tables; reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import BookingState
from invigilation.session import SessionState
from invigilation.store.mapping import load
from invigilation.store.rows import assessment, booking, learner, request, session, staff


@dataclass(frozen=True, slots=True)
class Sitting:
    """A booking with all who belong to it, flat; times are aware UTC."""

    session: str
    session_state: SessionState
    booking: str
    booking_state: BookingState
    sequence: int
    start: datetime
    end: datetime
    zone: str
    staff: str
    staff_name: str
    request: str
    reference: str
    assessment_url: str
    return_url: str
    backend: str
    learner: str
    learner_reference: str
    learner_name: str
    learner_email: str
    title: str
    minutes: int
    materials: tuple[str, ...]
    pass_mark: int


_SITTING: Select[Any] = (
    select(
        session.c.id,
        session.c.state,
        booking.c.id,
        booking.c.state,
        booking.c.sequence,
        booking.c.start,
        booking.c.end,
        booking.c.zone,
        staff.c.id,
        staff.c.name,
        request.c.id,
        request.c.reference,
        request.c.assessment_url,
        request.c.return_url,
        request.c.backend,
        learner.c.id,
        learner.c.reference,
        learner.c.name,
        learner.c.email,
        assessment.c.title,
        assessment.c.minutes,
        assessment.c.materials,
        assessment.c.pass_mark,
    )
    .select_from(session)
    .join(booking, session.c.booking == booking.c.id)
    .join(staff, booking.c.staff == staff.c.id)
    .join(request, booking.c.request == request.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .join(assessment, request.c.assessment == assessment.c.id)
)
_BY_SESSION = _SITTING.where(session.c.id == bindparam("ident"))


class Views:
    """Wide readings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def sitting(self, session_id: str) -> Sitting | None:
        """Find a sitting by its session."""
        row = (await self._db.execute(_BY_SESSION, {"ident": session_id})).first()
        return None if row is None else load(Sitting, row)

    async def sitting_of_booking(self, booking_id: str) -> Sitting | None:
        """Find a sitting by its booking."""
        row = (await self._db.execute(_SITTING.where(booking.c.id == booking_id))).first()
        return None if row is None else load(Sitting, row)

    async def between(
        self, first: datetime, last: datetime, staff_id: str | None = None
    ) -> list[Sitting]:
        """Return the sittings that start from `first` to before `last`, by start."""
        query = _SITTING.where(booking.c.start >= first, booking.c.start < last)
        if staff_id is not None:
            query = query.where(booking.c.staff == staff_id)
        return await self._many(query.order_by(booking.c.start, booking.c.id))

    async def in_state(self, state: BookingState) -> list[Sitting]:
        """Return all sittings whose booking is in that state, by start."""
        return await self._many(
            _SITTING.where(booking.c.state == state).order_by(booking.c.start).limit(500)
        )

    async def live(self, states: frozenset[SessionState]) -> list[Sitting]:
        """Return all sittings whose session is in one of these states, by start."""
        return await self._many(
            _SITTING.where(session.c.state.in_(sorted(states))).order_by(booking.c.start)
        )

    async def _many(self, query: Select[Any]) -> list[Sitting]:
        return [load(Sitting, row) for row in await self._db.execute(query)]
