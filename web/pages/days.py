"""A week or a day of the calendar: its columns, who is in it, and when nobody is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from invigilation.desk import Desk
from invigilation.office_hours import DAY, Window, absolute
from invigilation.people import Role, Staff
from invigilation.slots import Shift
from invigilation.store.ledger import Away, Line
from web.pages import words

WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Column:
    """A day on show: its hours in words, or why it is closed."""

    day: date
    hours: str
    closed: str


@dataclass(frozen=True, slots=True)
class Days:
    """Some days from the first on, by the office's clock, with all that lies in them."""

    first: date
    count: int
    zone: ZoneInfo
    columns: tuple[Column, ...]
    staff: tuple[Staff, ...]
    lines: tuple[Line, ...]
    windows: tuple[Window, ...]
    away: tuple[Away, ...]
    shifts: tuple[Shift, ...]
    _lines: dict[date, list[Line]] = field(default_factory=dict, init=False, compare=False)
    _own: dict[tuple[str, date], list[Line]] = field(
        default_factory=dict, init=False, compare=False
    )
    _away: dict[str, list[Away]] = field(default_factory=dict, init=False, compare=False)
    _shifts: dict[str, list[Shift]] = field(default_factory=dict, init=False, compare=False)

    def __post_init__(self) -> None:
        """Sort all of it by day and person once: a page asks for each person on each day."""
        for line in sorted(self.lines, key=lambda one: (one.start, one.staff_name)):
            day = line.start.astimezone(self.zone).date()
            self._lines.setdefault(day, []).append(line)
            self._own.setdefault((line.staff, day), []).append(line)
        for away in self.away:
            self._away.setdefault(away.staff, []).append(away)
        for shift in self.shifts:
            self._shifts.setdefault(shift.staff, []).append(shift)

    def of(self, person: Staff, day: date) -> list[Line]:
        """Return a person's bookings of a day."""
        return self._own.get((person.id, day), [])

    def on(self, day: date) -> list[Line]:
        """Return everybody's bookings of a day, earliest first."""
        return self._lines.get(day, [])

    def absent(self, person: Staff, day: date) -> list[str]:
        """Return in words when a person is on leave or busy on a day."""
        first, last = _midnight(day, self.zone), _midnight(day + DAY, self.zone)
        return [
            _absence(one, first, last, self.zone)
            for one in self._away.get(person.id, ())
            if one.start < last and one.end > first
        ]

    def absentees(self, day: date) -> list[str]:
        """Return who is on leave or busy on a day, in words."""
        return [
            f"{person.name}: {words[0].lower()}{words[1:]}"
            for person in self.staff
            for words in self.absent(person, day)
        ]

    def working(self, person: Staff, day: date) -> list[Window]:
        """Return when a person's rota has them at work while the office is open."""
        return [
            Window(max(window.start, span.start), min(window.end, span.end))
            for shift in self._shifts.get(person.id, ())
            if _holds(shift, day)
            for span in [absolute(day, shift.hours, self.zone)]
            for window in self.windows
            if window.start < span.end and span.start < window.end
        ]


def _holds(shift: Shift, day: date) -> bool:
    within = shift.first <= day and (shift.last is None or day <= shift.last)
    return shift.weekday == day.weekday() and within


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _absence(one: Away, first: datetime, last: datetime, zone: ZoneInfo) -> str:
    kind = "Busy" if one.busy else "Leave"
    if one.start <= first and one.end >= last:
        return f"{kind} all day"
    start, end = (words.clock(at, zone) for at in (max(one.start, first), min(one.end, last)))
    return f"{kind} {start} to {'24:00' if one.end >= last else end}"


async def days_of(desk: Desk, first: date, count: int) -> Days:
    """Read `count` days of the calendar."""
    zone = desk.office.rules.zone
    begin, end = _midnight(first, zone), _midnight(first + count * DAY, zone)
    lines = await desk.ledger.between(begin, end)
    away = await desk.ledger.away(begin, end)
    calendar = await desk.rota.calendar()
    windows = calendar.office.windows(first, first + (count - 1) * DAY)
    closures = dict(await desk.rota.closures())
    used = {one.staff for one in lines}
    staff = [
        one
        for one in await desk.reception.everybody()
        if one.is_a(Role.INVIGILATOR) or one.id in used
    ]
    return Days(
        first,
        count,
        zone,
        _columns(first, count, windows, closures, lines, zone),
        tuple(sorted(staff, key=lambda one: one.name)),
        tuple(lines),
        tuple(windows),
        tuple(away),
        calendar.shifts,
    )


def _columns(
    first: date,
    count: int,
    windows: Sequence[Window],
    closures: dict[date, str],
    lines: Iterable[Line],
    zone: ZoneInfo,
) -> tuple[Column, ...]:
    """Return the days; of a whole week's weekend only those on which something is."""
    open_on: dict[date, list[str]] = {}
    for window in windows:
        hours = f"{words.clock(window.start, zone)} to {words.clock(window.end, zone)}"
        open_on.setdefault(window.start.astimezone(zone).date(), []).append(hours)
    busy = {one.start.astimezone(zone).date() for one in lines}
    days = (first + timedelta(days=n) for n in range(count))
    return tuple(
        Column(
            day, ", ".join(open_on.get(day, ())), "" if day in open_on else closures.get(day, "")
        )
        for day in days
        if count < WEEK_DAYS or day.weekday() < 5 or day in open_on or day in busy
    )
