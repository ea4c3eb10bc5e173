"""Which times are offered: to whom who asks, and to whom takes one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from invigilation.booking import ACTIVE
from invigilation.desk.office import Office, new_id
from invigilation.errors import NotFound, SlotNotOffered
from invigilation.office_hours import Window
from invigilation.request import Assessment, Request
from invigilation.slots import (
    Calendar,
    Refusal,
    Wish,
    free_seats,
    free_starts,
    judged,
    why_day_empty,
    why_not,
)
from invigilation.store import Tx
from invigilation.store.bookings import Context, Wanted

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_DICE = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Look:
    """All starts of a stretch of time, each with why it is refused, if it is; ascending.

    `closures` names the closed days (of the office's zone) that the stretch touches.
    """

    starts: tuple[tuple[datetime, Refusal | None], ...]
    closures: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class OfferDesk:
    """Says what is free, and why nothing is."""

    office: Office

    async def starts(self, request: str, window: Window) -> list[datetime]:
        """Return the starts (UTC, ascending) that this request may book in the window."""
        async with self.office.store.read() as tx:
            asked = await context(tx, request)
            return await free(self.office, tx, asked, window)

    async def look(self, request: str, window: Window) -> Look:
        """Return every start in the window, free or not, and which days the office is closed.

        The request's own booking does not stand in its way: it can be moved within its own time.
        """
        zone = self.office.rules.zone
        days = [at.astimezone(zone).date() for at in (window.start, window.end)]
        async with self.office.store.read() as tx:
            asked = await context(tx, request)
            calendar = await self.office.calendar_at(tx, asked.rota_version)
            holds = await tx.rota.holds(window.start - _DAY, window.end + _DAY)
            own = await tx.bookings.latest_of(request)
            closures = await tx.rota.closures()
        if own is not None and own.state in ACTIVE:
            holds = tuple(h for h in holds if (h.seat, h.start) != (own.seat, own.start))
        wish = wish_of(self.office, asked.request, asked.assessment)
        named = {day: name for day, name in closures if days[0] <= day <= days[1]}
        return Look(tuple(judged(replace(calendar, holds=holds), wish, window)), named)

    async def why_empty(self, request: str, day: date) -> Refusal | None:
        """Say why a day offers nothing; None when it does offer something."""
        noon = datetime.combine(day, time(12), UTC)
        async with self.office.store.read() as tx:
            asked = await context(tx, request)
            calendar = await self.office.calendar_at(tx, asked.rota_version)
            # A session of the day may end, with its buffer, on the day after.
            holds = await tx.rota.holds(noon - 2 * _DAY, noon + 2 * _DAY)
        wish = wish_of(self.office, asked.request, asked.assessment)
        return why_day_empty(replace(calendar, holds=holds), wish, day)


async def context(tx: Tx, request: str) -> Context:
    """Return all that booking for a request asks about; raises `NotFound`."""
    found = await tx.bookings.context(request)
    if found is None:
        raise NotFound("request", request)
    return found


async def free(office: Office, tx: Tx, asked: Context, window: Window) -> list[datetime]:
    """Return the starts (UTC, ascending) in the window that a request may book."""
    calendar = await office.calendar_at(tx, asked.rota_version)
    # A session that begins inside the window may end, with its buffer, a day later.
    holds = await tx.rota.holds(window.start - _DAY, window.end + _DAY)
    wish = wish_of(office, asked.request, asked.assessment)
    return free_starts(replace(calendar, holds=holds), wish, window)


async def allowed_and_free(
    office: Office, tx: Tx, asked: Context, window: Window
) -> tuple[bool, bool]:
    """Say whether the rota allows a request any start in the window, and whether one is free."""
    calendar = await office.calendar_at(tx, asked.rota_version)
    wish = wish_of(office, asked.request, asked.assessment)
    allowed = free_starts(calendar, wish, window)
    return bool(allowed), bool(await free(office, tx, asked, window))


def wish_of(
    office: Office, request: Request, assessment: Assessment, *, by_staff: bool = False
) -> Wish:
    """Return what a request wishes for; staff need give no notice."""
    rules = office.rules
    notice = timedelta(0) if by_staff else rules.notice
    return Wish(
        earliest=office.clock.now() + notice,
        latest_end=request.licence_until,
        minutes=assessment.minutes,
        buffer_minutes=rules.buffer // timedelta(minutes=1),
        assessment=assessment.id,
    )


@dataclass(frozen=True, slots=True)
class Pick:
    """The time that somebody picks, and how.

    `staff` is an invigilator chosen by hand. `calendar` is the one to judge by, where it is not the
    one that is in force: a change of the rota that is under way, say.
    """

    start: datetime
    zone: str
    by_staff: bool = False
    staff: str | None = None
    calendar: Calendar | None = None


async def wanted(office: Office, tx: Tx, asked: Context, pick: Pick) -> Wanted:
    """Return the booking that is to be made, with the seats that may be taken for it.

    Holds are left to the database: here only hours, rota, skill, notice and licence are judged.
    Raises `SlotNotOffered`.
    """
    calendar = pick.calendar or await office.calendar_at(tx, asked.rota_version)
    wish = wish_of(office, asked.request, asked.assessment, by_staff=pick.by_staff)
    if pick.staff is not None:
        theirs = tuple(seat for seat in calendar.seats if seat.staff == pick.staff)
        calendar = replace(calendar, seats=theirs)
    seats = free_seats(calendar, wish, pick.start)
    if not seats:
        raise SlotNotOffered(pick.start, why_not(calendar, wish, pick.start) or Refusal.FULL)
    end = pick.start + timedelta(minutes=asked.assessment.minutes)
    week = week_of(pick.start, office.rules.zone)
    return Wanted(
        new_id("bk"),
        asked.request.id,
        _drawn(calendar, seats),
        pick.start,
        end,
        end + office.rules.buffer,
        pick.zone,
        office.clock.now(),
        week.start,
        week.end,
    )


def week_of(moment: datetime, zone: ZoneInfo) -> Window:
    """Return the week of a moment, from Monday's midnight of that zone."""
    day = moment.astimezone(zone).date()
    monday = datetime.combine(day - _DAY * day.weekday(), time(0), zone)
    return Window(monday.astimezone(UTC), (monday + _WEEK).astimezone(UTC))


def _drawn(calendar: Calendar, seats: list[str]) -> tuple[str, ...]:
    """Return the seats in a random order of people: who has more of them is no likelier first."""
    lanes: dict[str, list[str]] = {}
    wanted_seats = set(seats)
    for seat in calendar.seats:
        if seat.id in wanted_seats:
            lanes.setdefault(seat.staff, []).append(seat.id)
    people = list(lanes.values())
    _DICE.shuffle(people)
    return tuple(seat for of_one in people for seat in of_one)
