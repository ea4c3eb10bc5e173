"""The statements that find a free seat and take it, or move a booking onto it.

Each is one statement, so that the database settles races, and each is built once: building costs as
much time as running. Their parameters begin with `w_`, as a column's own name cannot be one's.

Of the free seats it is one of the person with the fewest booked minutes in the week; among equals
the first in the list that was given. Nothing about the learner enters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    TableValuedAlias,
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

from invigilation.booking import ACTIVE, OCCUPIED, Booking, BookingState
from invigilation.store.calendar_rows import seat
from invigilation.store.columns import Utc, Word, Words
from invigilation.store.mapping import columns
from invigilation.store.rows import booking

_UNBOOKED = (BookingState.CANCELLED, BookingState.LAPSED)
"""Bookings in these states are no work for anybody."""
DAY_US: Final = 86_400_000_000
_ID = bindparam("w_id", type_=String)
_REQUEST = bindparam("w_request", type_=String)
_START = bindparam("w_start", type_=Utc)
_END = bindparam("w_end", type_=Utc)
_UNTIL = bindparam("w_hold_until", type_=Utc)
_PLACED = bindparam("w_placed", type_=Utc)
_RESERVED = bindparam("w_reserved_until", type_=Utc)


@dataclass(frozen=True, slots=True)
class Seating:
    """The statements in the words of one database.

    `take` and `move` have the fields of `Wanted` as parameters, `move` also `w_sequence` (to be)
    and `w_was`. `hindrance` tells whether a seat is free, and the request's active booking. `held`
    gives seat, start and end of what holds the seats.
    """

    take: Any
    move: Any
    hindrance: Any
    held: Any


def among(column: ColumnElement[Any], states: Iterable[str]) -> ColumnElement[bool]:
    """Compare with words of our own, written into the statement: so partial indexes serve it."""
    return column.in_([literal_column(f"'{state}'", column.type) for state in sorted(states)])


ACTIVE_OF: Final = select(booking.c.id).where(
    booking.c.request == _REQUEST, among(booking.c.state, ACTIVE)
)
"""The id of the booking that holds the entitlement of the request `w_request`."""


def _taken() -> ColumnElement[bool]:
    other = booking.alias("other")
    return exists().where(
        other.c.seat == seat.c.id,
        other.c.start < _UNTIL,
        # No session is so long; without this the whole past of a seat would be read.
        other.c.start > _START - literal(DAY_US, BigInteger),
        other.c.hold_until > _START,
        among(other.c.state, OCCUPIED),
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
            ~among(own.c.state, _UNBOOKED),
            own.c.id != _ID,
        )
        .scalar_subquery()
    )


def _listed(*, sqlite: bool) -> TableValuedAlias:
    """Return the ids of seats that were given, as the rows `value` with their place `key`.

    One parameter, however many they are: so the statement is always the same.
    """
    if sqlite:
        listed = func.json_each(bindparam("w_seats", type_=Words))
        return listed.table_valued("value", "key", name="listed")
    unnested = func.unnest(bindparam("w_seats", type_=ARRAY(String)))
    return unnested.table_valued("value", with_ordinality="key", name="listed").render_derived()


def _held(*, sqlite: bool) -> Select[Any]:
    """Return what holds the seats; a day before is enough to find what has begun and lasts."""
    start, until = (type_coerce(at, BigInteger) for at in (booking.c.start, booking.c.hold_until))
    return (
        select(booking.c.seat, start, until)
        .join(listed := _listed(sqlite=sqlite), booking.c.seat == listed.c.value)
        .where(
            booking.c.start > bindparam("w_before", type_=Utc),
            booking.c.start < _UNTIL,
            booking.c.hold_until > _START,
            among(booking.c.state, OCCUPIED),
            booking.c.request != _REQUEST,
        )
    )


def _free(*, sqlite: bool) -> Select[Any]:
    """Return the listed seats that are free, the one to take first."""
    listed = _listed(sqlite=sqlite)
    return (
        select(seat.c.id, seat.c.staff)
        .select_from(listed)
        .join(seat, seat.c.id == listed.c.value)
        .where(~_taken())
        .order_by(_minutes(), listed.c.key)
    )


def _hindrance(*, sqlite: bool) -> Select[Any]:
    return select(
        _free(sqlite=sqlite).order_by(None).exists(),
        ACTIVE_OF.scalar_subquery(),
    )


def _take(insert: Any, *, sqlite: bool) -> Any:
    """Build the one statement that finds a free seat and takes it."""
    free = _free(sqlite=sqlite)
    chosen = free.limit(1).with_only_columns(
        _ID,
        _REQUEST,
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


def _seating(insert: Any, *, sqlite: bool) -> Seating:
    return Seating(
        _take(insert, sqlite=sqlite),
        _move(sqlite=sqlite),
        _hindrance(sqlite=sqlite),
        _held(sqlite=sqlite),
    )


SQLITE: Final = _seating(sqlite.insert, sqlite=True)
POSTGRESQL: Final = _seating(postgresql.insert, sqlite=False)
