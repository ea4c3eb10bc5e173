"""Which starts can be offered: opening hours, rota, leave and bookings against one wish.

Every start lies on the office's half-hour grid, so the search never walks through time. It keeps a
lane: one byte for each start of the grid, 1 where the session may begin. Every fact of the calendar
is one run of bytes in a lane. With the session and its buffer as long as L:

- a stretch [a, b) that the session must lie in allows the starts from a to b - L;
- a stretch [a, b) that the session must not touch forbids the starts after a - L and before b.

Both ends of a run are divided exactly, to the microsecond, so nothing is rounded.
All arithmetic is in absolute time; only hours, shifts and days know the wall clock. The office's
zone may stand off UTC by any amount, but must keep whole half-hours when it changes, and must not
change at midnight: so that a day begins on the grid and the grid goes evenly through a change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import compress, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from invigilation.office_hours import DAY, MIDNIGHT, Hours, OfficeHours, Window, absolute, joined

STEP: Final = timedelta(minutes=30)
"""The grid: wall clock :00 and :30 in the office's zone."""

_STARTS_A_DAY: Final = DAY // STEP
_Lane = bytes | bytearray


@dataclass(frozen=True, slots=True)
class Shift:
    """A weekly pattern of one person's rota, as the office's wall clock shows it.

    `weekday` is 0 on Monday; one that no week has is a ValueError. The pattern holds from the day
    `first` to the day `last`, both included; None goes on for ever. Shifts that touch make one
    stretch.
    """

    staff: str
    weekday: int
    hours: Hours
    first: date
    last: date | None

    def __post_init__(self) -> None:
        if not 0 <= self.weekday < 7:
            raise ValueError(f"no week has a day {self.weekday}")


@dataclass(frozen=True, slots=True)
class Leave:
    """Time when a person is away: aware UTC, `end` not included."""

    staff: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Seat:
    """A lane of one invigilator; who can watch three learners at once has three seats."""

    id: str
    staff: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A booking on a seat, with the buffer after it: aware UTC, `until` not included."""

    seat: str
    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """All that decides what can be offered. The order within the tuples has no meaning.

    Leave and holds must be complete for as far as a session may run past the last start asked for.
    `skills` names the assessments that a person takes; one who is not in it takes every one.
    """

    office: OfficeHours
    shifts: tuple[Shift, ...]
    leave: tuple[Leave, ...]
    seats: tuple[Seat, ...]
    holds: tuple[Hold, ...]
    skills: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def seats_for(self, assessment: str) -> list[Seat]:
        """Return the seats of those who take that assessment, in their order."""
        if not self.skills:
            return list(self.seats)
        able = self.skills
        return [s for s in self.seats if s.staff not in able or assessment in able[s.staff]]


@dataclass(frozen=True, slots=True)
class Wish:
    """The session somebody wants.

    `earliest` is the first moment it may start (now and the notice), `latest_end` the end of the
    licence: the session may end at that moment and its buffer may run past it. `minutes` is the
    session without its buffer. Below 1 minute, or with a buffer below 0, it is a ValueError.
    `assessment` is what is sat: it decides who has the skill.
    """

    earliest: datetime
    latest_end: datetime
    minutes: int
    buffer_minutes: int
    assessment: str = ""

    def __post_init__(self) -> None:
        if self.minutes < 1 or self.buffer_minutes < 0:
            raise ValueError(f"no session lasts {self.minutes} + {self.buffer_minutes} minutes")


class Refusal(StrEnum):
    """Why a start is not offered; the first that applies, in this order."""

    PAST_NOTICE = "past_notice"
    OUTSIDE_LICENCE = "outside_licence"
    OFF_GRID = "off_grid"
    CLOSED = "closed"
    NOT_STAFFED = "not_staffed"
    FULL = "full"


_PROGRESS: Final = {refusal: place for place, refusal in enumerate(Refusal)}


def free_starts(calendar: Calendar, wish: Wish, window: Window) -> list[datetime]:
    """Return the starts within `window` that can be offered, aware UTC, ascending.

    Offered means: on the grid, not before `wish.earliest`, ended by `wish.latest_end`, and the
    session with its buffer lies inside office hours, inside one stretch of an invigilator's rota,
    clear of their leave, and clear of the holds on one of their seats. The session itself may run
    past the end of `window`.
    """
    zone = calendar.office.zone
    start = max(window.start, wish.earliest)
    last_start = wish.latest_end - timedelta(minutes=wish.minutes)
    end = min(window.end, last_start + timedelta.resolution)
    if end <= start:
        return []
    grid = _grid(zone, wish, start.astimezone(zone).date(), end.astimezone(zone).date())
    begin, until = grid.at_or_after(start), grid.at_or_after(end)
    lanes = _seat_lanes(calendar, wish, grid, _staffed_lanes(calendar, grid))
    free = grid.intersection(_open_lane(calendar, grid), grid.union(lane for _, lane in lanes))
    return [grid.base + STEP * n for n in compress(range(begin, until), free[begin:until])]


def free_seats(calendar: Calendar, wish: Wish, start: datetime) -> list[str]:
    """Return the ids of the seats free at this start, in the calendar's order; [] if not offered.

    `start` is aware.
    """
    zone = calendar.office.zone
    start = start.astimezone(UTC)
    day = start.astimezone(zone).date()
    grid = _grid(zone, wish, day, day)
    place = grid.at_or_after(start)
    refused = _refused_by_wish(zone, wish, start) is not None
    if refused or not _open_lane(calendar, grid)[place]:
        return []
    lanes = _seat_lanes(calendar, wish, grid, _staffed_lanes(calendar, grid))
    return [seat.id for seat, lane in lanes if lane[place]]


def why_not(calendar: Calendar, wish: Wish, start: datetime) -> Refusal | None:
    """Return why this start (aware) is not offered, or None when it is."""
    zone = calendar.office.zone
    start = start.astimezone(UTC)
    refused = _refused_by_wish(zone, wish, start)
    if refused is not None:
        return refused
    day = start.astimezone(zone).date()
    grid = _grid(zone, wish, day, day)
    return _refused_by_calendar(calendar, wish, grid)[grid.at_or_after(start)]


def why_day_empty(calendar: Calendar, wish: Wish, day: date) -> Refusal | None:
    """Return why no start of this day (of the office's zone) is offered, or None when one is.

    Starts are refused for different reasons; the one told is that of the start that came closest
    to being offered, among those that the opening hours allow. So a day whose last hours are too
    soon is `PAST_NOTICE`, although the office is also closed later that day.
    """
    zone = calendar.office.zone
    grid = _grid(zone, wish, day, day)
    every: list[Refusal | None] = []
    while_open: list[Refusal | None] = []
    for place, found in enumerate(_refused_by_calendar(calendar, wish, grid)):
        refusal = _refused_by_wish(zone, wish, grid.base + STEP * place) or found
        every.append(refusal)
        if found is not Refusal.CLOSED:
            while_open.append(refusal)
    told = while_open or every
    if None in told:
        return None
    return max((refusal for refusal in told if refusal is not None), key=_PROGRESS.__getitem__)


def judged(calendar: Calendar, wish: Wish, window: Window) -> list[tuple[datetime, Refusal | None]]:
    """Return every start of the grid within `window`, aware UTC, ascending, and why it is refused.

    None stands where it can be offered: those are the starts that `free_starts` returns. A start
    outside the opening hours is `CLOSED`, even if it were too soon as well.
    """
    zone = calendar.office.zone
    last = window.end.astimezone(zone).date()
    grid = _grid(zone, wish, window.start.astimezone(zone).date(), last)
    begin, until = grid.at_or_after(window.start), grid.at_or_after(window.end)
    found = _refused_by_calendar(calendar, wish, grid)[begin:until]
    starts = [grid.base + STEP * place for place in range(begin, until)]
    return [
        (
            start,
            refusal
            if refusal is Refusal.CLOSED
            else _refused_by_wish(zone, wish, start) or refusal,
        )
        for start, refusal in zip(starts, found, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Grid:
    """The starts of whole days: `count` of them, a STEP apart, from `base` (a midnight, in UTC).

    A lane is a byte for each of them. `length` is the session with its buffer.
    """

    base: datetime
    count: int
    length: timedelta

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

    def strike(self, lane: bytearray, start: datetime, end: datetime) -> None:
        """Forbid the starts whose length would touch this time; an empty time touches none."""
        begin = max((start - self.base - self.length) // STEP + 1, 0)
        size = min(self.at_or_after(end), self.count) - begin
        if size > 0 and start < end:
            lane[begin : begin + size] = bytes(size)

    def intersection(self, one: _Lane, other: _Lane) -> bytes:
        """Return the starts that both lanes allow."""
        common = int.from_bytes(one, "big") & int.from_bytes(other, "big")
        return common.to_bytes(self.count, "big")

    def union(self, lanes: Iterable[_Lane]) -> bytes:
        """Return the starts that any lane allows."""
        allowed = 0
        for lane in lanes:
            allowed |= int.from_bytes(lane, "big")
        return allowed.to_bytes(self.count, "big")


def _grid(zone: ZoneInfo, wish: Wish, first: date, last: date) -> _Grid:
    """Return the grid of these days, both included: 46 or 50 starts when the clock changes."""
    base = _midnight(first, zone)
    count = (_midnight(last + DAY, zone) - base) // STEP
    return _Grid(base, count, timedelta(minutes=wish.minutes + wish.buffer_minutes))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _open_lane(calendar: Calendar, grid: _Grid) -> bytearray:
    days = _days(calendar.office.zone, grid)
    # Hours that reach midnight may go on the day after.
    return grid.lane(calendar.office.windows(days[0], days[-1] + DAY))


def _days(zone: ZoneInfo, grid: _Grid) -> list[date]:
    first = grid.base.astimezone(zone).date()
    end = (grid.base + STEP * grid.count).astimezone(zone).date()
    return [first + DAY * n for n in range((end - first).days)]


def _staffed_lanes(calendar: Calendar, grid: _Grid) -> dict[str, bytearray]:
    """Return, for each person with a rota, the starts that it and their leave allow."""
    zone = calendar.office.zone
    days = _days(zone, grid)
    changes = [day for day in days if _midnight(day + DAY, zone) - _midnight(day, zone) != DAY]
    # Between two of these days every week is like the one before.
    cuts = {days[0], days[-1] + DAY, *changes, *(day + DAY for day in changes)}
    rota: dict[str, list[Shift]] = defaultdict(list)
    for shift in calendar.shifts:
        rota[shift.staff].append(shift)
    lanes = {
        staff: _night_lane(shifts, zone, grid, days)
        if any(shift.hours.end == MIDNIGHT for shift in shifts)
        else _rota_lane(shifts, zone, grid, cuts)
        for staff, shifts in rota.items()
    }
    for leave in calendar.leave:
        if leave.staff in lanes:
            grid.strike(lanes[leave.staff], leave.start, leave.end)
    return lanes


def _night_lane(shifts: list[Shift], zone: ZoneInfo, grid: _Grid, days: list[date]) -> bytearray:
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


def _rota_lane(shifts: list[Shift], zone: ZoneInfo, grid: _Grid, cuts: set[date]) -> bytearray:
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
        lane += week * weeks + week[: rest * _STARTS_A_DAY]
    return lane


def _week_lane(
    shifts: list[Shift], zone: ZoneInfo, days: list[date], length: timedelta
) -> bytearray:
    """Return the starts that shifts allow on these days, on all of which they hold.

    Days can be taken apart like this because these hours do not reach midnight, so that no
    stretch joins two of them.
    """
    base = _midnight(days[0], zone)
    count = (_midnight(days[-1] + DAY, zone) - base) // STEP
    stretches = joined(
        absolute(day, shift.hours, zone)
        for day in days
        for shift in shifts
        if shift.weekday == day.weekday()
    )
    return _Grid(base, count, length).lane(stretches)


def _seat_lanes(
    calendar: Calendar, wish: Wish, grid: _Grid, staffed: dict[str, bytearray]
) -> Iterator[tuple[Seat, bytearray]]:
    """Yield the seats of those with a rota, each with the starts that all but the office allow."""
    holds: dict[str, list[Hold]] = defaultdict(list)
    for hold in calendar.holds:
        holds[hold.seat].append(hold)
    for seat in calendar.seats_for(wish.assessment):
        if seat.staff in staffed:
            lane = staffed[seat.staff].copy()
            for hold in holds.get(seat.id, ()):
                grid.strike(lane, hold.start, hold.until)
            yield seat, lane


def _refused_by_calendar(calendar: Calendar, wish: Wish, grid: _Grid) -> list[Refusal | None]:
    """Return for every start of the grid what stands against it; the wish's dates apart."""
    opened = _open_lane(calendar, grid)
    staffed = _staffed_lanes(calendar, grid)
    # A person without a seat, or the skill, can watch nobody: their rota staffs nothing.
    able = calendar.seats_for(wish.assessment)
    watched = grid.union(staffed[seat.staff] for seat in able if seat.staff in staffed)
    free = grid.union(lane for _, lane in _seat_lanes(calendar, wish, grid, staffed))
    refused: list[Refusal | None] = []
    for is_open, is_watched, is_free in zip(opened, watched, free, strict=True):
        if not is_open:
            refused.append(Refusal.CLOSED)
        elif not is_watched:
            refused.append(Refusal.NOT_STAFFED)
        else:
            refused.append(None if is_free else Refusal.FULL)
    return refused


def _refused_by_wish(zone: ZoneInfo, wish: Wish, start: datetime) -> Refusal | None:
    if start < wish.earliest:
        return Refusal.PAST_NOTICE
    if start + timedelta(minutes=wish.minutes) > wish.latest_end:
        return Refusal.OUTSIDE_LICENCE
    wall = start.astimezone(zone)
    on_grid = wall.minute % 30 == 0 and wall.second == 0 and wall.microsecond == 0
    return None if on_grid else Refusal.OFF_GRID
