"""Who works when, and when the office is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import OCCUPIED
from invigilation.fitting import Ground
from invigilation.office_hours import DEFAULT_WEEK, Hours, OfficeHours
from invigilation.slots import Calendar, Hold, Leave, Seat, Shift
from invigilation.store.bookings import LONGEST
from invigilation.store.calendar_rows import (
    busy,
    closure,
    counter,
    leave,
    opening,
    seat,
    shift,
    skill,
)
from invigilation.store.rows import booking

VERSION = "rota"
HOLIDAYS = "holidays"
ROTA_LOCK = 0x726F7461
"""The name of an advisory lock; any number that nothing else in the database uses."""
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Opening:
    """Extra hours on one day, as the office's wall clock shows them."""

    id: str
    day: date
    hours: Hours


@dataclass(frozen=True, slots=True)
class KeptShift:
    """A weekly shift, or extra hours on one day, under its id."""

    id: str
    shift: Shift

    @property
    def extra(self) -> bool:
        """Say whether it is for one day only."""
        return self.shift.first == self.shift.last


@dataclass(frozen=True, slots=True)
class KeptLeave:
    """A leave under its id."""

    id: str
    leave: Leave
    note: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A seat as it is kept; a retired one takes no bookings any more."""

    id: str
    staff: str
    lane: int
    retired: bool


def _hours(start: int, end: int) -> Hours:
    return Hours(time(*divmod(start, 60)), time(*divmod(end % MINUTES_A_DAY, 60)))


def _minutes(hours: Hours) -> dict[str, int]:
    start, end = (at.hour * 60 + at.minute for at in (hours.start, hours.end))
    return {"start_minute": start, "end_minute": end or MINUTES_A_DAY}


class Rota:
    """Rows of seats, shifts, leave, closures and openings.

    Every change here counts `version` up, so that readers may keep what they have read.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def version(self) -> int:
        """Return the number of changes so far."""
        row = (
            await self._db.execute(select(counter.c.value).where(counter.c.name == VERSION))
        ).first()
        return 0 if row is None else int(row[0])

    async def still(self) -> None:
        """Wait for changes of the rota that are under way, and hold back others until the end.

        Whoever takes or moves a booking calls this first, and so judges by a rota that holds when
        the booking does. On SQLite writers take turns anyhow.
        """
        if self._db.dialect.name == "postgresql":
            await self._db.execute(select(func.pg_advisory_xact_lock_shared(ROTA_LOCK)))

    async def changing(self) -> None:
        """Wait for bookings that are under way, and hold back others until the end.

        Whoever changes the rota calls this first, and so sees every booking that it concerns.
        """
        if self._db.dialect.name == "postgresql":
            await self._db.execute(select(func.pg_advisory_xact_lock(ROTA_LOCK)))

    async def outdate(self) -> None:
        """Count `version` up: busy times, which the calendar is made of too, have changed."""
        await self._changed()

    async def _changed(self) -> None:
        done = await self._db.execute(
            update(counter).where(counter.c.name == VERSION).values(value=counter.c.value + 1)
        )
        if done.rowcount == 0:
            await self._db.execute(insert(counter).values(name=VERSION, value=1))

    async def add_seat(self, ident: str, staff: str, lane: int) -> None:
        """Insert a seat: one lane of one invigilator."""
        await self._db.execute(insert(seat).values(id=ident, staff=staff, lane=lane, retired=False))
        await self._changed()

    async def lanes(self, staff: str | None = None) -> list[Lane]:
        """Return the seats of somebody, or of everybody, retired ones too, by lane."""
        query = select(seat.c.id, seat.c.staff, seat.c.lane, seat.c.retired)
        if staff is not None:
            query = query.where(seat.c.staff == staff)
        rows = await self._db.execute(query.order_by(seat.c.staff, seat.c.lane))
        return [Lane(*row) for row in rows]

    async def retire(self, seats: Sequence[str], *, retired: bool) -> None:
        """Take seats out of use, or put them back into it."""
        await self._db.execute(update(seat).where(seat.c.id.in_(seats)).values(retired=retired))
        await self._changed()

    async def add_shift(self, ident: str, one: Shift) -> None:
        """Insert a weekly shift."""
        await self._db.execute(
            insert(shift).values(
                id=ident,
                staff=one.staff,
                weekday=one.weekday,
                **_minutes(one.hours),
                first=one.first,
                last=one.last,
            )
        )
        await self._changed()

    async def shifts(self, staff: str | None = None) -> list[KeptShift]:
        """Return the shifts of somebody, or of everybody, as they come in a week."""
        query = select(shift)
        if staff is not None:
            query = query.where(shift.c.staff == staff)
        order = (shift.c.first, shift.c.weekday, shift.c.start_minute, shift.c.id)
        return [
            KeptShift(
                r.id,
                Shift(r.staff, r.weekday, _hours(r.start_minute, r.end_minute), r.first, r.last),
            )
            for r in await self._db.execute(query.order_by(*order))
        ]

    async def end_shift(self, ident: str, last: date) -> None:
        """Let a shift hold until that day, included."""
        await self._db.execute(update(shift).where(shift.c.id == ident).values(last=last))
        await self._changed()

    async def remove_shift(self, ident: str) -> None:
        """Take a shift back altogether."""
        await self._db.execute(delete(shift).where(shift.c.id == ident))
        await self._changed()

    async def leaves(self, staff: str | None = None) -> list[KeptLeave]:
        """Return the leave of somebody, or of everybody, ascending."""
        query = select(leave.c.id, leave.c.staff, leave.c.start, leave.c.end, leave.c.note)
        if staff is not None:
            query = query.where(leave.c.staff == staff)
        rows = await self._db.execute(query.order_by(leave.c.start, leave.c.id))
        return [KeptLeave(r.id, Leave(r.staff, r.start, r.end), r.note) for r in rows]

    async def remove_leave(self, ident: str) -> None:
        """Take a leave back."""
        await self._db.execute(delete(leave).where(leave.c.id == ident))
        await self._changed()

    async def busy_times(self) -> tuple[Leave, ...]:
        """Return the times that people's own calendars say they are busy."""
        query = select(busy.c.staff, busy.c.start, busy.c.end).order_by(busy.c.start, busy.c.id)
        return tuple(Leave(*row) for row in await self._db.execute(query))

    async def skills(self) -> dict[str, frozenset[str]]:
        """Return the ids of the assessments that people take; who is not named takes every one."""
        found: dict[str, set[str]] = {}
        for staff, assessment in await self._db.execute(select(skill.c.staff, skill.c.assessment)):
            found.setdefault(staff, set()).add(assessment)
        return {staff: frozenset(them) for staff, them in found.items()}

    async def set_skills(self, staff: str, assessments: Sequence[str]) -> None:
        """Let somebody take only these assessments; none of them means every one."""
        await self._db.execute(delete(skill).where(skill.c.staff == staff))
        if assessments:
            rows = [{"staff": staff, "assessment": one} for one in assessments]
            await self._db.execute(insert(skill), rows)
        await self._changed()

    async def add_leave(self, ident: str, one: Leave, note: str = "") -> None:
        """Insert a leave."""
        await self._db.execute(
            insert(leave).values(id=ident, staff=one.staff, start=one.start, end=one.end, note=note)
        )
        await self._changed()

    async def close(self, day: date, reason: str) -> None:
        """Close a day; closing it again writes the newer reason."""
        await self._db.execute(delete(closure).where(closure.c.day == day))
        await self._db.execute(insert(closure).values(day=day, reason=reason))
        await self._changed()

    async def holidays_until(self) -> int:
        """Return the last year whose bank holidays were closed here; 0 before the first."""
        query = select(counter.c.value).where(counter.c.name == HOLIDAYS)
        row = (await self._db.execute(query)).first()
        return 0 if row is None else int(row[0])

    async def close_holidays(self, days: Sequence[tuple[date, str]], until: int) -> int:
        """Close these days and note the year; return how many were not closed before."""
        closed = {day for day, _ in await self.closures()}
        new = [{"day": day, "reason": name} for day, name in days if day not in closed]
        if new:
            await self._db.execute(insert(closure), new)
            await self._changed()
        done = await self._db.execute(
            update(counter).where(counter.c.name == HOLIDAYS).values(value=until)
        )
        if done.rowcount == 0:
            await self._db.execute(insert(counter).values(name=HOLIDAYS, value=until))
        return len(new)

    async def reopen(self, day: date) -> None:
        """Take a closure back."""
        await self._db.execute(delete(closure).where(closure.c.day == day))
        await self._changed()

    async def open(self, ident: str, day: date, hours: Hours) -> None:
        """Open extra hours on a day."""
        await self._db.execute(
            insert(opening).values(
                id=ident,
                day=day,
                **_minutes(hours),
            )
        )
        await self._changed()

    async def remove_opening(self, ident: str) -> bool:
        """Take extra hours back; say whether they were there."""
        done = await self._db.execute(delete(opening).where(opening.c.id == ident))
        await self._changed()
        return done.rowcount == 1

    async def openings(self) -> list[Opening]:
        """Return the extra hours, ascending."""
        rows = await self._db.execute(
            select(opening).order_by(opening.c.day, opening.c.start_minute, opening.c.id)
        )
        return [Opening(r.id, r.day, _hours(r.start_minute, r.end_minute)) for r in rows]

    async def closures(self) -> list[tuple[date, str]]:
        """Return the closed days and why, ascending."""
        rows = await self._db.execute(
            select(closure.c.day, closure.c.reason).order_by(closure.c.day)
        )
        return [(row[0], row[1]) for row in rows]

    async def calendar(self, zone: ZoneInfo) -> Calendar:
        """Return all of it as a calendar, with no holds in it; busy times are among its leave."""
        closed = frozenset(day for day, _ in await self.closures())
        openings: dict[date, tuple[Hours, ...]] = {}
        for one in await self.openings():
            openings[one.day] = (*openings.get(one.day, ()), one.hours)
        shifts = await self._db.execute(select(shift).order_by(shift.c.id))
        leaves = await self._db.execute(select(leave.c.staff, leave.c.start, leave.c.end))
        seats = await self._db.execute(
            select(seat.c.id, seat.c.staff).where(~seat.c.retired).order_by(seat.c.id)
        )
        return Calendar(
            office=OfficeHours(zone, DEFAULT_WEEK, closed, openings),
            shifts=tuple(
                Shift(r.staff, r.weekday, _hours(r.start_minute, r.end_minute), r.first, r.last)
                for r in shifts
            ),
            # What somebody's own calendar says counts like leave when times are offered.
            leave=(*(Leave(*row) for row in leaves), *await self.busy_times()),
            seats=tuple(Seat(*row) for row in seats),
            holds=(),
            skills=await self.skills(),
        )

    async def ground(self, zone: ZoneInfo) -> Ground:
        """Return all that a booking must fit; unlike in the calendar, leave stands by itself."""
        calendar = await self.calendar(zone)
        return Ground(
            office=calendar.office,
            shifts=calendar.shifts,
            leave=tuple(one.leave for one in await self.leaves()),
            busy=await self.busy_times(),
            seats=frozenset(one.id for one in calendar.seats),
            skills=calendar.skills,
        )

    async def holds(self, first: datetime, last: datetime) -> tuple[Hold, ...]:
        """Return the held seats that touch the time from `first` to `last`."""
        rows = await self._db.execute(
            select(booking.c.seat, booking.c.start, booking.c.hold_until).where(
                booking.c.start < last,
                booking.c.start > first - LONGEST,  # without this all of the past would be read
                booking.c.hold_until > first,
                booking.c.state.in_(sorted(OCCUPIED)),
            )
        )
        return tuple(Hold(*row) for row in rows)
