"""Bookings. The database settles races: one statement takes or moves onto a free seat, or nothing.

Which of the free seats is taken is settled in that same statement: see `seating`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, String, bindparam, exists, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import ACTIVE, Booking, BookingState
from invigilation.charge import UNPAID
from invigilation.onboard import OnboardState
from invigilation.people import Learner
from invigilation.report import Channel
from invigilation.request import Assessment, Request
from invigilation.store.calendar_rows import counter, waiting
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.paper_rows import charge, onboard
from invigilation.store.rows import assessment, backend, booking, learner, request
from invigilation.store.seating import ACTIVE_OF, POSTGRESQL, SQLITE, among
from invigilation.waiting import IN_LINE

DEADLOCK = "40P01"
LONGEST = timedelta(days=1)
"""No booking holds its seat for longer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A booking that has no seat yet; `seats` are the ids of those that may be taken.

    Among people with equally many booked minutes from `week` to before `week_end` the seat that
    comes first in `seats` is taken. With `reserved_until` it is only reserved.
    """

    id: str
    request: str
    seats: Sequence[str]
    start: datetime
    end: datetime
    hold_until: datetime
    zone: str
    placed: datetime
    week: datetime
    week_end: datetime
    reserved_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """All that booking for a request asks about; `charge_due` is the id of one that is due.

    `waits` says whether it stands in any line for a full day, `form_waits` whether the form of an
    officer on board waits for a decision.
    """

    request: Request
    assessment: Assessment
    learner: Learner
    channel: Channel
    charge_due: str | None
    waits: bool
    form_waits: bool
    rota_version: int


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a booking was not made: the request has the booking `active`, or no seat is free."""

    active: str | None


class Bookings:
    """Rows of bookings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._sqlite = connection.dialect.name == "sqlite"
        self._seating = SQLITE if self._sqlite else POSTGRESQL

    async def context(self, request_id: str) -> Context | None:
        """Return all that booking for a request asks about, in one reading."""
        row = (await self._db.execute(_CONTEXT, {"request_id": request_id})).first()
        if row is None:
            return None
        to_assessment = len(_REQUEST)
        to_learner = to_assessment + len(_ASSESSMENT)
        return Context(
            load(Request, row[:to_assessment]),
            load(Assessment, row[to_assessment:to_learner]),
            load(Learner, row[to_learner:-5]),
            row[-5],
            row[-4],
            bool(row[-3]),
            bool(row[-2]),
            row[-1] or 0,
        )

    async def held(
        self, seats: Sequence[str], start: datetime, until: datetime, but: str
    ) -> dict[str, list[tuple[int, int]]]:
        """Return from when until when these seats are held between two moments, by seat.

        In microseconds since 1970, as they are kept: there may be many. The bookings of the request
        `but` are left out, and any that has lasted for a day and more.
        """
        values = {
            "w_seats": tuple(seats),
            "w_start": start,
            "w_before": start - LONGEST,
            "w_hold_until": until,
            "w_request": but,
        }
        held: dict[str, list[tuple[int, int]]] = {}
        for ident, first, last in (await self._db.execute(self._seating.held, values)).all():
            if ident in held:
                held[ident].append((first, last))
            else:
                held[ident] = [(first, last)]
        return held

    async def take(self, wanted: Wanted) -> Booking | Hindrance:
        """Insert the booking on a free seat, or say what stands against it.

        On PostgreSQL another transaction may take the chosen seat in the same instant: then the
        next free one is tried, at most once a seat.
        """
        values = _values(wanted)
        for _ in wanted.seats:
            row = (await self._db.execute(self._seating.take, values)).first()
            if row is not None:
                return load(Booking, row)
            free, active = (await self._db.execute(self._seating.hindrance, values)).one()
            if active is not None or not free:
                return Hindrance(active)
        return Hindrance(None)

    async def move(self, one: Booking, wanted: Wanted) -> Booking | None:
        """Put the held booking onto a free seat at the wanted time; None, and nothing lost, if not.

        Its own present time does not stand in its way. At another start it counts as placed anew,
        with the next sequence; another invigilator alone is no news to the learner.
        """
        news = wanted.start != one.start
        values = _values(replace(wanted, id=one.id)) | {
            "w_placed": wanted.placed if news else one.placed,
            "w_sequence": one.sequence + news,
            "w_was": one.sequence,
        }
        if self._sqlite:  # writers take turns: what is chosen stays free
            moved = (await self._db.execute(self._seating.move, values)).first()
            return None if moved is None else load(Booking, moved)
        for _ in wanted.seats:
            try:
                async with self._db.begin_nested():
                    moved = (await self._db.execute(self._seating.move, values)).first()
            except IntegrityError:
                continue  # another transaction was faster: is any other seat free?
            except DBAPIError as error:
                # Two that move onto the same seat at once may each wait for the other.
                if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                    raise
            else:
                return None if moved is None else load(Booking, moved)
        return None

    async def confirm(self, one: Booking) -> Booking | None:
        """Make a reserved booking a booked one; None if it is reserved no more."""
        row = (await self._db.execute(_CONFIRM, {"ident": one.id})).first()
        return None if row is None else load(Booking, row)

    async def find(self, ident: str) -> Booking | None:
        """Find a booking, and hold it until the transaction ends."""
        return await self._one(_FIND, {"ident": ident})

    async def reserved(self, request_id: str) -> Booking | None:
        """Find the booking that is reserved for a request, and hold it."""
        return await self._one(_RESERVED_FOR, {"ident": request_id})

    async def active_of(self, request_id: str) -> str | None:
        """Return the id of the booking that holds the request's entitlement, if one does."""
        row = (await self._db.execute(ACTIVE_OF, {"w_request": request_id})).first()
        return None if row is None else str(row[0])

    async def overdue(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of reserved bookings whose time is over, the oldest first."""
        query = select(booking.c.id).where(_IS_RESERVED, booking.c.reserved_until <= now)
        rows = await self._db.execute(query.order_by(booking.c.reserved_until).limit(limit))
        return [str(row[0]) for row in rows]

    async def lapsed_of(self, request_id: str) -> Booking | None:
        """Find what was reserved for a request and given back, the one that lasted longest."""
        return await self._one(_LAPSED_OF, {"ident": request_id})

    async def latest_of(self, request_id: str) -> Booking | None:
        """Find the request's active booking, else its newest one; cancelled ones come last.

        What is only reserved, or was, is none.
        """
        query = all_of(booking, Booking).where(
            booking.c.request == request_id,
            booking.c.state.not_in([BookingState.RESERVED, BookingState.LAPSED]),
        )
        active_first = among(booking.c.state, ACTIVE).desc()
        # A session that is attended holds no seat, and yet a cancelled one must not hide it.
        cancelled_last = (booking.c.state == BookingState.CANCELLED).asc()
        order = (active_first, cancelled_last, booking.c.start.desc())
        return await self._one(query.order_by(*order).limit(1))

    async def missed(self, started_before: datetime) -> list[Booking]:
        """Return bookings still `booked` whose start lies before that moment, oldest first."""
        query = all_of(booking, Booking).where(
            booking.c.state == BookingState.BOOKED, booking.c.start < started_before
        )
        rows = await self._db.execute(query.order_by(booking.c.start).limit(200))
        return [load(Booking, row) for row in rows]

    async def save(self, one: Booking) -> Booking:
        """Write the booking's state, counting its sequence up; return it as it now is."""
        after = replace(one, sequence=one.sequence + 1)
        await self._db.execute(
            update(booking)
            .where(booking.c.id == one.id)
            .values(state=after.state, sequence=after.sequence)
        )
        return after

    async def _one(
        self, query: Select[Any], values: dict[str, Any] | None = None
    ) -> Booking | None:
        row = (await self._db.execute(query, values)).first()
        return None if row is None else load(Booking, row)


def _values(wanted: Wanted) -> dict[str, Any]:
    return {f"w_{name}": value for name, value in dump(wanted).items()}


# Building a statement costs as much time as running it: these are built once.
_IDENT = bindparam("ident", type_=String)
_IS_RESERVED = among(booking.c.state, {BookingState.RESERVED})
_FIND = all_of(booking, Booking).where(booking.c.id == _IDENT).with_for_update()
_RESERVED_FOR = (
    all_of(booking, Booking).where(booking.c.request == _IDENT, _IS_RESERVED).with_for_update()
)
_LAPSED_OF = (
    all_of(booking, Booking)
    .where(booking.c.request == _IDENT, among(booking.c.state, {BookingState.LAPSED}))
    .order_by(booking.c.reserved_until.desc())
    .limit(1)
)
_CONFIRM = (
    update(booking)
    .where(booking.c.id == _IDENT, _IS_RESERVED)
    .values(state=BookingState.BOOKED, reserved_until=None)
    .returning(*columns(booking, Booking))
)
_REQUEST = columns(request, Request)
_ASSESSMENT = columns(assessment, Assessment)
# What is due holds up every request that came after it was raised, not one of them alone.
_DUE = select(charge.c.id).where(
    charge.c.learner == request.c.learner,
    or_(charge.c.created <= request.c.created, charge.c.request == request.c.id),
    among(charge.c.state, UNPAID),
)
_WAITS = exists().where(waiting.c.request == request.c.id, among(waiting.c.state, IN_LINE))
_FORM_WAITS = exists().where(
    onboard.c.request == request.c.id, among(onboard.c.state, {OnboardState.SUBMITTED})
)
_CONTEXT = (
    select(
        *_REQUEST,
        *_ASSESSMENT,
        *columns(learner, Learner),
        backend.c.channel,
        _DUE.limit(1).scalar_subquery(),
        _WAITS,
        _FORM_WAITS,
        select(counter.c.value).where(counter.c.name == "rota").scalar_subquery(),
    )
    .join(assessment, request.c.assessment == assessment.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .join(backend, request.c.backend == backend.c.id)
    .where(request.c.id == bindparam("request_id", type_=String))
)
