"""Bookings. The database settles races: one statement takes a free seat, or takes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import ACTIVE, Booking, BookingState
from invigilation.charge import UNPAID
from invigilation.people import Learner
from invigilation.request import Assessment, Request
from invigilation.store.calendar_rows import counter, seat
from invigilation.store.columns import Utc, Word
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.paper_rows import charge
from invigilation.store.rows import assessment, booking, learner, request

HELD = sorted(ACTIVE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A booking that has no seat yet; `seats` are the ids of those that may be taken."""

    id: str
    request: str
    seats: Sequence[str]
    start: datetime
    end: datetime
    hold_until: datetime
    zone: str
    placed: datetime
    reserved_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """All that booking for a request asks about; `charge_due` is the id of one that is due."""

    request: Request
    assessment: Assessment
    learner: Learner
    charge_due: str | None
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
            load(Learner, row[to_learner:-2]),
            row[-2],
            row[-1] or 0,
        )

    async def take(self, wanted: Wanted) -> Booking | Hindrance:
        """Insert the booking on any free seat, or say what stands against it.

        On PostgreSQL another transaction may take the chosen seat in the same instant: then the
        next free one is tried, at most once a seat.
        """
        values = dump(wanted)
        statement = _TAKE_SQLITE if self._sqlite else _TAKE_POSTGRESQL
        for _ in wanted.seats:
            row = (await self._db.execute(statement, values)).first()
            if row is not None:
                return load(Booking, row)
            free, active = (await self._db.execute(_HINDRANCE, values)).one()
            if active is not None or not free:
                return Hindrance(active)
        return Hindrance(None)

    async def move(self, one: Booking, wanted: Wanted) -> Booking | None:
        """Put the booking onto a free seat at the wanted time; None, and nothing lost, if none is.

        Its own present time does not stand in its way.
        """
        free = (
            select(seat.c.id, seat.c.staff)
            .where(seat.c.id.in_(wanted.seats), _free(wanted, but=one.id))
            .order_by(seat.c.id != one.seat, func.random())
            .limit(1)
        )
        row = (await self._db.execute(free)).first()
        if row is None:
            return None
        change = (
            update(booking)
            .where(booking.c.id == one.id, booking.c.sequence == one.sequence)
            .values(
                seat=row.id,
                staff=row.staff,
                start=wanted.start,
                end=wanted.end,
                hold_until=wanted.hold_until,
                sequence=one.sequence + 1,
                placed=wanted.placed,
            )
            .returning(*columns(booking, Booking))
        )
        try:
            async with self._db.begin_nested():
                moved = (await self._db.execute(change)).first()
        except IntegrityError:
            return None
        return None if moved is None else load(Booking, moved)

    async def find(self, ident: str) -> Booking | None:
        """Find a booking, and hold it until the transaction ends."""
        query = all_of(booking, Booking).where(booking.c.id == ident)
        return await self._one(query.with_for_update())

    async def latest_of(self, request_id: str) -> Booking | None:
        """Find the request's active booking, else its newest one; cancelled ones come last."""
        query = all_of(booking, Booking).where(booking.c.request == request_id)
        active_first = booking.c.state.in_(HELD).desc()
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

    async def _one(self, query: Select[Any]) -> Booking | None:
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Booking, row)


def _overlaps(
    start: ColumnElement[datetime], until: ColumnElement[datetime]
) -> ColumnElement[bool]:
    return and_(
        booking.c.seat == seat.c.id,
        booking.c.start < until,
        booking.c.hold_until > start,
        booking.c.state.in_(HELD),
    )


def _free(wanted: Wanted, but: str = "") -> ColumnElement[bool]:
    start, until = literal(wanted.start, Utc), literal(wanted.hold_until, Utc)
    return ~exists().where(_overlaps(start, until), booking.c.id != but)


_START = bindparam("start", type_=Utc)
_UNTIL = bindparam("hold_until", type_=Utc)
_RESERVED = bindparam("reserved_until", type_=Utc)
_WANTED_AND_FREE = and_(
    seat.c.id.in_(bindparam("seats", expanding=True)),
    ~exists().where(_overlaps(_START, _UNTIL)),
)
_HINDRANCE = select(
    exists().where(_WANTED_AND_FREE),
    select(booking.c.id)
    .where(booking.c.request == bindparam("request", type_=String), booking.c.state.in_(HELD))
    .scalar_subquery(),
)


def _take(insert: Any) -> Any:
    """Build the one statement that finds a free seat and takes it.

    Its parameters are the fields of `Wanted`; it is built once, as building costs as much time as
    running it.
    """
    chosen = (
        select(
            bindparam("id", type_=String),
            bindparam("request", type_=String),
            seat.c.id,
            seat.c.staff,
            _START,
            bindparam("end", type_=Utc),
            _UNTIL,
            case(
                (_RESERVED.is_(None), literal(BookingState.BOOKED, Word(BookingState))),
                else_=literal(BookingState.RESERVED, Word(BookingState)),
            ),
            literal(0),
            bindparam("zone", type_=String),
            bindparam("placed", type_=Utc),
            _RESERVED,
        )
        .where(_WANTED_AND_FREE)
        .order_by(func.random())
        .limit(1)
    )
    names = [column.name for column in booking.columns]
    return (
        insert(booking)
        .from_select(names, chosen)
        .on_conflict_do_nothing()
        .returning(*columns(booking, Booking))
    )


_TAKE_SQLITE = _take(sqlite.insert)
_TAKE_POSTGRESQL = _take(postgresql.insert)
_REQUEST = columns(request, Request)
_ASSESSMENT = columns(assessment, Assessment)
# What is due holds up every request that came after it was raised, not one of them alone.
_DUE = select(charge.c.id).where(
    charge.c.learner == request.c.learner,
    charge.c.created <= request.c.created,
    charge.c.state.in_(sorted(UNPAID)),
)
_CONTEXT = (
    select(
        *_REQUEST,
        *_ASSESSMENT,
        *columns(learner, Learner),
        _DUE.limit(1).scalar_subquery(),
        select(counter.c.value).where(counter.c.name == "rota").scalar_subquery(),
    )
    .join(assessment, request.c.assessment == assessment.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .where(request.c.id == bindparam("request_id", type_=String))
)
