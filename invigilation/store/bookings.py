"""Bookings. The database settles races: one statement takes or moves onto a free seat, or nothing.

Which of the free seats is taken is settled in that same statement: one of the person who has the
fewest booked minutes in the week. Nothing about the learner enters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import ACTIVE, Booking, BookingState
from invigilation.charge import UNPAID
from invigilation.people import Learner
from invigilation.request import Assessment, Request
from invigilation.store.calendar_rows import counter, seat, waiting
from invigilation.store.columns import Utc, Word, Words
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.paper_rows import charge
from invigilation.store.rows import assessment, booking, learner, request
from invigilation.waiting import IN_LINE

_UNBOOKED = (BookingState.CANCELLED, BookingState.LAPSED)
"""Bookings in these states are no work for anybody."""
DEADLOCK = "40P01"


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

    `waits` says whether it stands in any line for a full day.
    """

    request: Request
    assessment: Assessment
    learner: Learner
    charge_due: str | None
    waits: bool
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
            load(Learner, row[to_learner:-3]),
            row[-3],
            bool(row[-2]),
            row[-1] or 0,
        )

    async def take(self, wanted: Wanted) -> Booking | Hindrance:
        """Insert the booking on a free seat, or say what stands against it.

        On PostgreSQL another transaction may take the chosen seat in the same instant: then the
        next free one is tried, at most once a seat.
        """
        values = _values(wanted)
        statement = _TAKE_SQLITE if self._sqlite else _TAKE_POSTGRESQL
        hindrance = _HINDRANCE_SQLITE if self._sqlite else _HINDRANCE_POSTGRESQL
        for _ in wanted.seats:
            row = (await self._db.execute(statement, values)).first()
            if row is not None:
                return load(Booking, row)
            free, active = (await self._db.execute(hindrance, values)).one()
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
            moved = (await self._db.execute(_MOVE_SQLITE, values)).first()
            return None if moved is None else load(Booking, moved)
        for _ in wanted.seats:
            try:
                async with self._db.begin_nested():
                    moved = (await self._db.execute(_MOVE_POSTGRESQL, values)).first()
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
        row = (await self._db.execute(_ACTIVE_OF, {"w_request": request_id})).first()
        return None if row is None else str(row[0])

    async def overdue(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of reserved bookings whose time is over, the oldest first."""
        query = select(booking.c.id).where(
            _in(booking.c.state, {BookingState.RESERVED}), booking.c.reserved_until <= now
        )
        rows = await self._db.execute(query.order_by(booking.c.reserved_until).limit(limit))
        return [str(row[0]) for row in rows]

    async def latest_of(self, request_id: str) -> Booking | None:
        """Find the request's active booking, else its newest one; cancelled ones come last.

        What is only reserved, or was, is none.
        """
        query = all_of(booking, Booking).where(
            booking.c.request == request_id,
            booking.c.state.not_in([BookingState.RESERVED, BookingState.LAPSED]),
        )
        active_first = _in(booking.c.state, ACTIVE).desc()
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
    """Return the parameters of the statements below; a column's own name cannot be one's."""
    return {f"w_{name}": value for name, value in dump(wanted).items()}


def _in(column: ColumnElement[Any], states: Iterable[str]) -> ColumnElement[bool]:
    """Compare with words of our own, written into the statement: so partial indexes serve it."""
    return column.in_([literal_column(f"'{state}'", column.type) for state in sorted(states)])


# Building a statement costs as much time as running it: these are built once.
_ID = bindparam("w_id", type_=String)
_START = bindparam("w_start", type_=Utc)
_END = bindparam("w_end", type_=Utc)
_UNTIL = bindparam("w_hold_until", type_=Utc)
_PLACED = bindparam("w_placed", type_=Utc)
_RESERVED = bindparam("w_reserved_until", type_=Utc)
_IDENT = bindparam("ident", type_=String)
_FIND = all_of(booking, Booking).where(booking.c.id == _IDENT).with_for_update()
_RESERVED_FOR = (
    all_of(booking, Booking)
    .where(booking.c.request == _IDENT, _in(booking.c.state, {BookingState.RESERVED}))
    .with_for_update()
)
_ACTIVE_OF = select(booking.c.id).where(
    booking.c.request == bindparam("w_request", type_=String), _in(booking.c.state, ACTIVE)
)
_CONFIRM = (
    update(booking)
    .where(booking.c.id == _IDENT, _in(booking.c.state, {BookingState.RESERVED}))
    .values(state=BookingState.BOOKED, reserved_until=None)
    .returning(*columns(booking, Booking))
)


def _taken() -> ColumnElement[bool]:
    other = booking.alias("other")
    return exists().where(
        other.c.seat == seat.c.id,
        other.c.start < _UNTIL,
        other.c.hold_until > _START,
        _in(other.c.state, ACTIVE),
        other.c.id != _ID,
    )


def _minutes() -> ColumnElement[int]:
    """Return the booked time of the seat's person in the week, but for the booking itself."""
    own = booking.alias("own")
    start, end = (type_coerce(at, BigInteger) for at in (own.c.start, own.c.end))
    return (
        select(func.coalesce(func.sum(end - start), 0))
        .where(
            own.c.staff == seat.c.staff,
            own.c.start >= bindparam("w_week", type_=Utc),
            own.c.start < bindparam("w_week_end", type_=Utc),
            ~_in(own.c.state, _UNBOOKED),
            own.c.id != _ID,
        )
        .scalar_subquery()
    )


def _free(*, sqlite: bool) -> Select[Any]:
    """Return the wanted seats that are free, the one to take first."""
    name = "wanted"
    if sqlite:
        seats = bindparam("w_seats", type_=Words)
        wanted = func.json_each(seats).table_valued("value", "key", name=name)
    else:
        listed = bindparam("w_seats", type_=ARRAY(String))
        unnested = func.unnest(listed)
        wanted = unnested.table_valued("value", with_ordinality="key", name=name).render_derived()
    return (
        select(seat.c.id, seat.c.staff)
        .select_from(wanted)
        .join(seat, seat.c.id == wanted.c.value)
        .where(~_taken())
        .order_by(_minutes(), wanted.c.key)
    )


def _hindrance(*, sqlite: bool) -> Select[Any]:
    return select(
        _free(sqlite=sqlite).order_by(None).exists(),
        _ACTIVE_OF.scalar_subquery(),
    )


def _take(insert: Any, *, sqlite: bool) -> Any:
    """Build the one statement that finds a free seat and takes it."""
    free = _free(sqlite=sqlite)
    chosen = free.limit(1).with_only_columns(
        _ID,
        bindparam("w_request", type_=String),
        seat.c.id,
        seat.c.staff,
        _START,
        _END,
        _UNTIL,
        case(
            (_RESERVED.is_(None), literal(BookingState.BOOKED, Word(BookingState))),
            else_=literal(BookingState.RESERVED, Word(BookingState)),
        ),
        literal(0),
        bindparam("w_zone", type_=String),
        _PLACED,
        _RESERVED,
    )
    names = [column.name for column in booking.columns]
    return (
        insert(booking)
        .from_select(names, chosen)
        .on_conflict_do_nothing()
        .returning(*columns(booking, Booking))
    )


def _move(*, sqlite: bool) -> Any:
    """Build the one statement that finds a free seat and puts a booking onto it."""
    chosen = _free(sqlite=sqlite).limit(1).add_columns(_ID.label("booking")).subquery("chosen")
    return (
        update(booking)
        .where(
            booking.c.id == _ID,
            booking.c.id == chosen.c.booking,
            booking.c.sequence == bindparam("w_was"),
        )
        .values(
            seat=chosen.c.id,
            staff=chosen.c.staff,
            start=_START,
            end=_END,
            hold_until=_UNTIL,
            sequence=bindparam("w_sequence"),
            placed=_PLACED,
            reserved_until=_RESERVED,
        )
        .returning(*columns(booking, Booking))
    )


_TAKE_SQLITE = _take(sqlite.insert, sqlite=True)
_TAKE_POSTGRESQL = _take(postgresql.insert, sqlite=False)
_HINDRANCE_SQLITE, _HINDRANCE_POSTGRESQL = _hindrance(sqlite=True), _hindrance(sqlite=False)
_MOVE_SQLITE, _MOVE_POSTGRESQL = _move(sqlite=True), _move(sqlite=False)
_REQUEST = columns(request, Request)
_ASSESSMENT = columns(assessment, Assessment)
# What is due holds up every request that came after it was raised, not one of them alone.
_DUE = select(charge.c.id).where(
    charge.c.learner == request.c.learner,
    charge.c.created <= request.c.created,
    _in(charge.c.state, UNPAID),
)
_WAITS = exists().where(waiting.c.request == request.c.id, _in(waiting.c.state, IN_LINE))
_CONTEXT = (
    select(
        *_REQUEST,
        *_ASSESSMENT,
        *columns(learner, Learner),
        _DUE.limit(1).scalar_subquery(),
        _WAITS,
        select(counter.c.value).where(counter.c.name == "rota").scalar_subquery(),
    )
    .join(assessment, request.c.assessment == assessment.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .where(request.c.id == bindparam("request_id", type_=String))
)
