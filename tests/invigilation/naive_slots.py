"""The slot search as slow and plain as it can be: sets of minutes. The oracle of the fast one.

It knows London alone, whole minutes in hours and rota, and shares nothing with the fast search but
its vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from invigilation.office_hours import Hours, OfficeHours, Window
from invigilation.slots import Calendar, Refusal, Wish

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LONDON = ZoneInfo("Europe/London")


def london_wall(moment: datetime) -> datetime:
    return moment.astimezone(LONDON).replace(tzinfo=None)


def london_instant(day: date, wall: time) -> datetime:
    """The first moment at which London's clocks show this; an hour later if they never do."""
    shown = datetime.combine(day, wall)
    as_summer_time = (shown - HOUR).replace(tzinfo=UTC)
    as_winter_time = shown.replace(tzinfo=UTC)
    for moment in (as_summer_time, as_winter_time):
        if london_wall(moment) == shown:
            return moment
    return london_instant(day, (shown + HOUR).time())


def minutes_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes that this time touches."""
    moment = start.replace(second=0, microsecond=0)
    while start < end and moment < end:
        yield moment
        moment += MINUTE


def minutes_of(day: date, hours: Hours) -> Iterator[datetime]:
    last = day + timedelta(days=1) if hours.end == time(0) else day
    return minutes_between(london_instant(day, hours.start), london_instant(last, hours.end))


def days_around(window: Window) -> list[date]:
    day, days = window.start.date() - timedelta(days=2), []
    while day <= window.end.date() + timedelta(days=2):
        days.append(day)
        day += timedelta(days=1)
    return days


def open_minutes(office: OfficeHours, days: list[date]) -> set[datetime]:
    minutes: set[datetime] = set()
    for day in days:
        if day in office.openings:
            for hours in office.openings[day]:
                minutes.update(minutes_of(day, hours))
        elif day not in office.closures:
            usual = office.week[day.weekday()]
            if usual is not None:
                minutes.update(minutes_of(day, usual))
    return minutes


def staffed_minutes(calendar: Calendar, staff: str, days: list[date]) -> set[datetime]:
    minutes: set[datetime] = set()
    for shift in calendar.shifts:
        for day in days:
            begun = shift.first <= day
            over = shift.last is not None and day > shift.last
            if shift.staff == staff and day.weekday() == shift.weekday and begun and not over:
                minutes.update(minutes_of(day, shift.hours))
    for leave in calendar.leave:
        if leave.staff == staff:
            minutes.difference_update(minutes_between(leave.start, leave.end))
    return minutes


def held_minutes(calendar: Calendar, seat: str) -> set[datetime]:
    minutes: set[datetime] = set()
    for hold in calendar.holds:
        if hold.seat == seat:
            minutes.update(minutes_between(hold.start, hold.until))
    return minutes


@lru_cache(200_000)
def on_grid(start: datetime) -> bool:
    wall = london_wall(start)
    return wall.minute in (0, 30) and wall.second == 0 and wall.microsecond == 0


def grid_starts(window: Window) -> list[datetime]:
    minutes = minutes_between(window.start, window.end)
    return [m for m in minutes if on_grid(m) and m >= window.start]


def fits(start: datetime, wish: Wish, minutes: set[datetime]) -> bool:
    length = wish.minutes + wish.buffer_minutes
    return all(start + MINUTE * n in minutes for n in range(length))


def within_dates(start: datetime, wish: Wish) -> bool:
    return start >= wish.earliest and start + MINUTE * wish.minutes <= wish.latest_end


def may(calendar: Calendar, staff: str, wish: Wish) -> bool:
    return wish.assessment in calendar.skills.get(staff, {wish.assessment})


def naive_seats(calendar: Calendar, wish: Wish, window: Window) -> dict[datetime, list[str]]:
    """The starts in the window that are offered, each with its free seats."""
    days = days_around(window)
    starts = [start for start in grid_starts(window) if within_dates(start, wish)]
    opened = open_minutes(calendar.office, days)
    offered: dict[datetime, list[str]] = {}
    staffed: dict[str, set[datetime]] = {}
    for seat in calendar.seats:
        if not may(calendar, seat.staff, wish):
            continue
        if seat.staff not in staffed:
            # One person at a time: fifty people's minutes of half a year are too many to keep.
            staffed = {seat.staff: opened & staffed_minutes(calendar, seat.staff, days)}
        free = staffed[seat.staff] - held_minutes(calendar, seat.id)
        for start in starts:
            if fits(start, wish, free):
                offered.setdefault(start, []).append(seat.id)
    return offered


def naive_free_starts(calendar: Calendar, wish: Wish, window: Window) -> list[datetime]:
    return sorted(naive_seats(calendar, wish, window))


def naive_refusals(
    calendar: Calendar, wish: Wish, starts: list[datetime]
) -> dict[datetime, Refusal | None]:
    """What stands against each of these starts."""
    days = days_around(Window(min(starts), max(starts)))
    opened = open_minutes(calendar.office, days)
    able = [seat for seat in calendar.seats if may(calendar, seat.staff, wish)]
    rotas = {s: opened & staffed_minutes(calendar, s.staff, days) for s in able}
    free = {seat: minutes - held_minutes(calendar, seat.id) for seat, minutes in rotas.items()}

    def refusal(start: datetime) -> Refusal | None:
        if start < wish.earliest:
            return Refusal.PAST_NOTICE
        if start + MINUTE * wish.minutes > wish.latest_end:
            return Refusal.OUTSIDE_LICENCE
        if not on_grid(start):
            return Refusal.OFF_GRID
        if not fits(start, wish, opened):
            return Refusal.CLOSED
        if not any(fits(start, wish, minutes) for minutes in rotas.values()):
            return Refusal.NOT_STAFFED
        if not any(fits(start, wish, minutes) for minutes in free.values()):
            return Refusal.FULL
        return None

    return {start: refusal(start) for start in starts}
