"""What screens and notices ask for across several tables; reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, String, bindparam, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import BookingState
from invigilation.report import Channel
from invigilation.session import LIVE, SessionState
from invigilation.store.columns import Utc
from invigilation.store.mapping import load
from invigilation.store.rows import assessment, backend, booking, learner, request, session, staff


@dataclass(frozen=True, slots=True)
class Sitting:
    """A booking with all who belong to it, flat; times are aware UTC.

    `staff` is who really invigilates: whoever took the session over, else whom the booking names.
    """

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
    channel: Channel
    learner: str
    learner_reference: str
    learner_name: str
    learner_email: str
    title: str
    minutes: int
    materials: tuple[str, ...]
    pass_mark: int
    phone_allowed: bool


class LobbyRole(StrEnum):
    """What a sitting is to the invigilator who sees it in the lobby.

    The store knows no `UNATTENDED` ones: the room finds them among those of a `COLLEAGUE`.
    """

    MINE = "mine"
    OFFERED = "offered"
    UNATTENDED = "unattended"
    COLLEAGUE = "colleague"


@dataclass(frozen=True, slots=True)
class LobbySitting:
    """A sitting in somebody's lobby; `handing_to` is the id of whom it is offered to."""

    sitting: Sitting
    role: LobbyRole
    handing_to: str | None


_INVIGILATOR = func.coalesce(session.c.invigilator, booking.c.staff)
_SITTINGS: Select[Any] = (
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
        backend.c.channel,
        learner.c.id,
        learner.c.reference,
        learner.c.name,
        learner.c.email,
        assessment.c.title,
        assessment.c.minutes,
        assessment.c.materials,
        assessment.c.pass_mark,
        assessment.c.phone_allowed,
    )
    .select_from(session)
    .join(booking, session.c.booking == booking.c.id)
    .join(staff, staff.c.id == _INVIGILATOR)
    .join(request, booking.c.request == request.c.id)
    .join(backend, request.c.backend == backend.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .join(assessment, request.c.assessment == assessment.c.id)
)
SITTING = _SITTINGS.where(session.c.id == bindparam("ident"))
_ME = bindparam("me", type_=String)
_IN_LOBBY = _SITTINGS.add_columns(session.c.handing_to)
_MY_DAY = _IN_LOBBY.where(
    booking.c.start >= bindparam("first", type_=Utc),
    booking.c.start < bindparam("last", type_=Utc),
    _INVIGILATOR == _ME,
)
_LIVE_OR_OFFERED = _IN_LOBBY.where(
    or_(session.c.state.in_(sorted(LIVE)), session.c.handing_to == _ME)
)


class Views:
    """Wide readings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def sitting(self, session_id: str) -> Sitting | None:
        """Find a sitting by its session."""
        row = (await self._db.execute(SITTING, {"ident": session_id})).first()
        return None if row is None else load(Sitting, row)

    async def sitting_of_booking(self, booking_id: str) -> Sitting | None:
        """Find a sitting by its booking."""
        row = (await self._db.execute(_SITTINGS.where(booking.c.id == booking_id))).first()
        return None if row is None else load(Sitting, row)

    async def between(
        self, first: datetime, last: datetime, staff_id: str | None = None
    ) -> list[Sitting]:
        """Return the sittings that start from `first` to before `last`, by start."""
        query = _SITTINGS.where(booking.c.start >= first, booking.c.start < last)
        if staff_id is not None:
            # Theirs, and what they took over, by an index each: others have very many.
            own = select(booking.c.id).where(
                booking.c.staff == staff_id, booking.c.start >= first, booking.c.start < last
            )
            taken = select(session.c.booking).where(session.c.invigilator == staff_id)
            query = query.where(
                booking.c.id.in_(own.union(taken)), literal(staff_id, String) == _INVIGILATOR
            )
        return await self._many(query.order_by(booking.c.start, booking.c.id))

    async def in_state(self, state: BookingState, since: datetime | None = None) -> list[Sitting]:
        """Return the sittings whose booking is in that state, by start, from `since` on."""
        query = _SITTINGS.where(booking.c.state == state)
        if since is not None:
            query = query.where(booking.c.start >= since)
        return await self._many(query.order_by(booking.c.start).limit(500))

    async def lobby(self, me: str, first: datetime, last: datetime) -> list[LobbySitting]:
        """Return my sittings from `first` to before `last`, all live ones, and those offered to me.

        They come by start.
        """
        mine = await self._db.execute(_MY_DAY, {"me": me, "first": first, "last": last})
        others = await self._db.execute(_LIVE_OR_OFFERED, {"me": me})
        found = {row[0]: _in_lobby(row, me) for row in (*mine, *others)}
        return sorted(found.values(), key=lambda one: (one.sitting.start, one.sitting.session))

    async def _many(self, query: Select[Any]) -> list[Sitting]:
        return [load(Sitting, row) for row in await self._db.execute(query)]


def _in_lobby(row: Row[Any], me: str) -> LobbySitting:
    sitting, handing_to = load(Sitting, row[:-1]), row[-1]
    role = LobbyRole.COLLEAGUE
    if sitting.staff == me:
        role = LobbyRole.MINE
    elif handing_to == me:
        role = LobbyRole.OFFERED
    return LobbySitting(sitting, role, handing_to)
