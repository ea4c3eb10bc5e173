"""Lanes: one byte for each start of the grid, 1 where a session may begin.

Every start lies on the office's half-hour grid, so no search ever walks through time. Every fact of
the calendar is one run of bytes in a lane. With the session and its buffer as long as L:

- a stretch [a, b) that the session must lie in allows the starts from a to b - L;
- a stretch [a, b) that the session must not touch forbids the starts after a - L and before b.

Both ends of a run are divided exactly, to the microsecond, so nothing is rounded.
All arithmetic is in absolute time; only hours, shifts and days know the wall clock. The office's
zone may stand off UTC by any amount, but must keep whole half-hours when it changes, and must not
change at midnight: so that a day begins on the grid and the grid goes evenly through a change.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from invigilation.office_hours import DAY, MIDNIGHT, Hours, Window, absolute, joined
from invigilation.rota import Calendar, Leave, Seat, Shift, Wish

STEP: Final = timedelta(minutes=30)
"""The grid: wall clock :00 and :30 in the office's zone."""
STARTS_KEPT: Final = 16_384
"""Of the lanes that were worked out, some 11 months are kept: 2 bytes a start and person."""

STARTS_A_DAY: Final = DAY // STEP
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_STEP_MICROS: Final = STEP // _MICROSECOND
Lane = bytes | bytearray
_Pattern = frozenset[tuple[int, Hours, date, date | None]]


def micros(moment: datetime) -> int:
    """Return a moment as microseconds since 1970, as the store keeps it."""
    return (moment - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Grid:
    """The starts of whole days: `count` of them, a STEP apart, from `base` (a midnight, in UTC).

    `length` is the session with its buffer.
    """

    base: datetime
    count: int
    length: timedelta

    @classmethod
    def of(cls, zone: ZoneInfo, wish: Wish, first: date, last: date) -> Grid:
        """Return the grid of these days, both included: 46 or 50 starts when the clock changes."""
        base = midnight(first, zone)
        count = (midnight(last + DAY, zone) - base) // STEP
        return cls(base, count, timedelta(minutes=wish.minutes + wish.buffer_minutes))

    def at_or_after(self, moment: datetime) -> int:
        """Return the place of the first start not before this moment; it may lie outside."""
        return -((self.base - moment) // STEP)

    def lane(self, stretches: Iterable[Window]) -> bytearray:
        """Return the starts whose whole length lies in one of the stretches, which are apart."""
        lane = bytearray(self.count)
        for stretch in stretches:
            begin = max(self.at_or_after(stretch.start), 0)
            size = min((stretch.end - self.base - self.length) // STEP + 1, self.count) - begin
            if size > 0:
                lane[begin : begin + size] = b"\1" * size
        return lane

    def strike(self, lane: bytearray, times: Iterable[tuple[int, int]]) -> None:
        """Forbid the starts whose length would touch these times, in microseconds since 1970.

        An empty time touches none.
        """
        base, count, step = micros(self.base), self.count, _STEP_MICROS
        before = base + self.length // _MICROSECOND - step
        for start, end in times:
            begin = (start - before) // step
            until = -((base - end) // step)
            begin = max(begin, 0)
            until = min(until, count)
            if begin < until and start < end:
                lane[begin:until] = bytes(until - begin)

    def bits(self, lane: Lane) -> int:
        """Return a lane as one number, to be joined with others."""
        return int.from_bytes(lane, "big")

    def bytes(self, bits: int) -> bytes:
        """Return the lane of a number."""
        return bits.to_bytes(self.count, "big")

    def run(self, begin: int, until: int) -> int:
        """Return the number of the lane that allows the places from `begin` to before `until`."""
        begin, until = max(begin, 0), min(until, self.count)
        if until <= begin:
            return 0
        return int.from_bytes(b"\1" * (until - begin) + bytes(self.count - until), "big")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment (UTC) of a day."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


class Staffing:
    """A calendar's rota, made ready to be asked often: people of one pattern share their lanes.

    Holds are no part of it. What it has worked out it keeps, up to `STARTS_KEPT`.
    """

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        patterns: dict[str, set[tuple[int, Hours, date, date | None]]] = defaultdict(set)
        for shift in calendar.shifts:
            patterns[shift.staff].add((shift.weekday, shift.hours, shift.first, shift.last))
        self._patterns = {staff: frozenset(pattern) for staff, pattern in patterns.items()}
        self._away: dict[str, list[Leave]] = defaultdict(list)
        for leave in calendar.leave:
            self._away[leave.staff].append(leave)
        self._seats: dict[str, tuple[Seat, ...]] = {}
        self._sheets: OrderedDict[Grid, Sheet] = OrderedDict()
        self._kept = 0

    def seats(self, assessment: str) -> tuple[Seat, ...]:
        """Return the seats of those who have a rota and the skill.

        Everybody's first comes before anybody's second: so a few of them are of many people.
        """
        key = assessment if self.calendar.skills else ""
        found = self._seats.get(key)
        if found is None:
            turns: dict[str, int] = defaultdict(int)
            ordered: list[tuple[int, Seat]] = []
            for seat in self.calendar.seats_for(assessment):
                if seat.staff in self._patterns:
                    ordered.append((turns[seat.staff], seat))
                    turns[seat.staff] += 1
            ordered.sort(key=lambda one: one[0])
            found = self._seats[key] = tuple(seat for _, seat in ordered)
        return found

    def sheet(self, grid: Grid) -> Sheet:
        """Return everybody's lanes of a grid."""
        sheet = self._sheets.get(grid)
        if sheet is None:
            sheet = self._sheets[grid] = Sheet(self.calendar, grid, self._patterns, self._away)
            self._kept += grid.count
            while self._kept > STARTS_KEPT and len(self._sheets) > 1:
                self._kept -= self._sheets.popitem(last=False)[0].count
        else:
            self._sheets.move_to_end(grid)
        return sheet


class Sheet:
    """The lanes of a rota on one grid, each worked out when it is first asked for."""

    def __init__(
        self,
        calendar: Calendar,
        grid: Grid,
        patterns: dict[str, _Pattern],
        away: dict[str, list[Leave]],
    ) -> None:
        self._zone = zone = calendar.office.zone
        self._grid = grid
        self._patterns = patterns
        self._away = away
        self._days = days = _days(zone, grid)
        changes = [day for day in days if midnight(day + DAY, zone) - midnight(day, zone) != DAY]
        # Between two of these days every week is like the one before.
        self._cuts = {days[0], days[-1] + DAY, *changes, *(day + DAY for day in changes)}
        # Hours that reach midnight may go on the day after.
        self.opened = bytes(grid.lane(calendar.office.windows(days[0], days[-1] + DAY)))
        """The starts that the opening hours allow."""
        self._of_pattern: dict[_Pattern, bytes] = {}
        self._of_person: dict[str, tuple[bytes, int]] = {}
        self._watched: dict[int, int] = {}

    def person(self, staff: str) -> tuple[bytes, int]:
        """Return the starts that somebody's rota and leave allow, as a lane and as its number."""
        found = self._of_person.get(staff)
        if found is None:
            lane = self._pattern(self._patterns[staff])
            leave = self._away.get(staff)
            if leave:
                there = bytearray(lane)
                times = [(micros(one.start), micros(one.end)) for one in leave]
                self._grid.strike(there, times)
                lane = bytes(there)
            found = self._of_person[staff] = (lane, self._grid.bits(lane))
        return found

    def watched(self, seats: tuple[Seat, ...]) -> int:
        """Return the starts at which anybody of these is on duty, as a lane's number.

        Kept by the identity of `seats`, which are a rota's for one skill.
        """
        found = self._watched.get(id(seats))
        if found is None:
            found = 0
            for seat in seats:
                found |= self.person(seat.staff)[1]
            self._watched[id(seats)] = found
        return found

    def _pattern(self, pattern: _Pattern) -> bytes:
        lane = self._of_pattern.get(pattern)
        if lane is None:
            shifts = [Shift("", *one) for one in pattern]
            lane = bytes(
                _night_lane(shifts, self._zone, self._grid, self._days)
                if any(shift.hours.end == MIDNIGHT for shift in shifts)
                else _rota_lane(shifts, self._zone, self._grid, self._cuts)
            )
            self._of_pattern[pattern] = lane
        return lane


def _days(zone: ZoneInfo, grid: Grid) -> list[date]:
    first = grid.base.astimezone(zone).date()
    end = (grid.base + STEP * grid.count).astimezone(zone).date()
    return [first + DAY * n for n in range((end - first).days)]


def _night_lane(shifts: list[Shift], zone: ZoneInfo, grid: Grid, days: list[date]) -> bytearray:
    """Return the starts that a rota allows which reaches midnight: its days must stay together."""
    stretches = joined(
        absolute(day, shift.hours, zone)
        for day in [*days, days[-1] + DAY]
        for shift in shifts
        if shift.weekday == day.weekday()
        and shift.first <= day
        and (shift.last is None or day <= shift.last)
    )
    return grid.lane(stretches)


def _rota_lane(shifts: list[Shift], zone: ZoneInfo, grid: Grid, cuts: set[date]) -> bytearray:
    """Return the starts that one person's rota allows.

    `cuts` are the first day of the grid, the day after its last, and those where the length of
    the day begins to differ. Each part between cuts is worked out for a week and then repeated.
    """
    first, end = min(cuts), max(cuts)
    turns = {shift.first for shift in shifts}
    turns.update(s.last + DAY for s in shifts if s.last is not None and s.last < end)
    cuts = cuts | {day for day in turns if first < day < end}
    lane = bytearray()
    for begin, until in pairwise(sorted(cuts)):
        now = [s for s in shifts if s.first <= begin and (s.last is None or begin <= s.last)]
        days = [begin + DAY * n for n in range(min((until - begin).days, 7))]
        week = _week_lane(now, zone, days, grid.length)
        weeks, rest = divmod((until - begin).days, len(days))
        lane += week * weeks + week[: rest * STARTS_A_DAY]
    return lane


def _week_lane(
    shifts: list[Shift], zone: ZoneInfo, days: list[date], length: timedelta
) -> bytearray:
    """Return the starts that shifts allow on these days, on all of which they hold.

    Days can be taken apart like this because these hours do not reach midnight, so that no
    stretch joins two of them.
    """
    base = midnight(days[0], zone)
    count = (midnight(days[-1] + DAY, zone) - base) // STEP
    stretches = joined(
        absolute(day, shift.hours, zone)
        for day in days
        for shift in shifts
        if shift.weekday == day.weekday()
    )
    return Grid(base, count, length).lane(stretches)
