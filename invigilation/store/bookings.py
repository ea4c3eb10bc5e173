"""Bookings. The database settles races: one statement takes a free seat, or takes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import ACTIVE, Booking, BookingState
from invigilation.store.columns import Utc, Word
from invigilation.store.mapping import all_of, columns, load
from invigilation.store.rows import booking, seat

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


class Bookings:
    """Rows of bookings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def take(self, wanted: Wanted) -> Booking | None:
        """Insert the booking on any free seat; None when there is none, or the request has one.

        Another transaction may take the chosen seat in the same instant: then the next free one
        is tried, at most once a seat.
        """
        for _ in wanted.seats:
            row = (await self._db.execute(self._take(wanted))).first()
            if row is not None:
                return load(Booking, row)
            if not await self._any_free(wanted):
                return None
        return None

    def _take(self, wanted: Wanted) -> Any:
        chosen = (
            select(
                literal(wanted.id),
                literal(wanted.request),
                seat.c.id,
                seat.c.staff,
                literal(wanted.start, Utc),
                literal(wanted.end, Utc),
                literal(wanted.hold_until, Utc),
                literal(BookingState.BOOKED, Word(BookingState)),
                literal(0),
                literal(wanted.zone),
            )
            .where(seat.c.id.in_(wanted.seats), _free(wanted))
            .order_by(func.random())
            .limit(1)
        )
        names = [column.name for column in booking.columns]
        return (
            self._insert(booking)
            .from_select(names, chosen)
            .on_conflict_do_nothing()
            .returning(*columns(booking, Booking))
        )

    async def _any_free(self, wanted: Wanted) -> bool:
        query = select(seat.c.id).where(seat.c.id.in_(wanted.seats), _free(wanted)).limit(1)
        if (await self._db.execute(query)).first() is None:
            return False
        return await self.active_of(wanted.request) is None

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
        return await self._one(all_of(booking, Booking).where(booking.c.id == ident))

    async def active_of(self, request: str) -> Booking | None:
        """Find the one booking that holds a seat for this request."""
        query = all_of(booking, Booking).where(
            booking.c.request == request, booking.c.state.in_(HELD)
        )
        return await self._one(query)

    async def latest_of(self, request: str) -> Booking | None:
        """Find the request's newest booking, whatever its state."""
        query = all_of(booking, Booking).where(booking.c.request == request)
        active_first = booking.c.state.in_(HELD).desc()
        return await self._one(query.order_by(active_first, booking.c.start.desc()).limit(1))

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
        row = (await self._db.execute(query.with_for_update())).first()
        return None if row is None else load(Booking, row)


def _free(wanted: Wanted, but: str = "") -> ColumnElement[bool]:
    return ~exists().where(
        booking.c.seat == seat.c.id,
        booking.c.start < wanted.hold_until,
        booking.c.hold_until > wanted.start,
        booking.c.state.in_(HELD),
        booking.c.id != but,
    )
