"""Which starts can be offered: opening hours, rota, leave and bookings against one wish.

Every start lies on the office's half-hour grid, so the search never walks through time. It keeps
one byte for each start of the grid, 1 where the session may begin, and every fact of the calendar
becomes one run of bytes. With the session and its buffer as long as L:

- a stretch [a, b) that the session must lie in allows the starts from a to b - L;
- a stretch [a, b) that the session must not touch forbids the starts after a - L and before b.

Both ends of a run are divided exactly, to the microsecond, so nothing is rounded.
All arithmetic is in absolute time; only shifts, hours and the grid know the wall clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import chain, compress
from typing import Final
from zoneinfo import ZoneInfo

from invigilation.office_hours import DAY, Hours, OfficeHours, Window, absolute, joined

STEP: Final = timedelta(minutes=30)
"""The grid: wall clock :00 and :30 in the office's zone."""

_WEEK: Final = timedelta(weeks=1)


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
    """

    office: OfficeHours
    shifts: tuple[Shift, ...]
    leave: tuple[Leave, ...]
    seats: tuple[Seat, ...]
    holds: tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """The session somebody wants.

    `earliest` is the first moment it may start (now and the notice), `latest_end` the end of the
    licence: the session may end at that moment and its buffer may run past it. `minutes` is the
    session without its buffer. Below 1 minute, or with a buffer below 0, it is a ValueError.
    """

    earliest: datetime
    latest_end: datetime
    minutes: int
    buffer_minutes: int

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
    grid = _grid(calendar.office.zone, wish, _narrowed(window, wish))
    if not grid.count:
        return []
    free = grid.union(lane for _, lane in _lanes(calendar, grid))
    return [grid.base + STEP * index for index in compress(range(grid.count), free)]


def free_seats(calendar: Calendar, wish: Wish, start: datetime) -> list[str]:
    """Return the ids of the seats free at this start, in the calendar's order; [] if not offered.

    `start` is aware.
    """
    start = start.astimezone(UTC)
    if _refused_before_search(calendar.office.zone, wish, start) is not None:
        return []
    grid = _Grid(start, 1, _length(wish))
    return [seat.id for seat, lane in _lanes(calendar, grid) if lane[0]]


def why_not(calendar: Calendar, wish: Wish, start: datetime) -> Refusal | None:
    """Return why this start (aware) is not offered, or None when it is."""
    start = start.astimezone(UTC)
    early = _refused_before_search(calendar.office.zone, wish, start)
    if early is not None:
        return early
    return _refusals(calendar, _Grid(start, 1, _length(wish)))[0]


def why_day_empty(calendar: Calendar, wish: Wish, day: date) -> Refusal | None:
    """Return why no start of this day (of the office's zone) is offered, or None when one is.

    Starts are refused for different reasons; the one told is that of the start that came closest
    to being offered, among those that the opening hours allow. So a day whose last hours are too
    soon is `PAST_NOTICE`, although the office is also closed later that day.
    """
    zone = calendar.office.zone
    midnights = [datetime.combine(d, time(), zone).astimezone(UTC) for d in (day, day + DAY)]
    grid = _grid(zone, wish, Window(*midnights))
    refusals: list[Refusal | None] = []
    open_refusals: list[Refusal | None] = []
    for index, found in enumerate(_refusals(calendar, grid)):
        refusal = _refused_before_search(zone, wish, grid.base + STEP * index) or found
        refusals.append(refusal)
        if found is not Refusal.CLOSED:
            open_refusals.append(refusal)
    told = open_refusals or refusals
    if None in told:
        return None
    return max((refusal for refusal in told if refusal is not None), key=_PROGRESS.__getitem__)


@dataclass(frozen=True, slots=True)
class _Grid:
    """`count` starts, STEP apart, from `base`; a lane is a bytearray of that size."""

    base: datetime
    count: int
    length: timedelta

    def lane(self, stretches: Iterable[Window]) -> bytearray:
        """Return the starts whose whole length lies in one of the stretches, which are apart."""
        lane = bytearray(self.count)
        for stretch in stretches:
            begin = max(self._at_or_after(stretch.start), 0)
            size = min((stretch.end - self.base - self.length) // STEP + 1, self.count) - begin
            if size > 0:
                lane[begin : begin + size] = b"\1" * size
        return lane

    def strike(self, lane: bytearray, start: datetime, end: datetime) -> None:
        """Forbid the starts whose length would touch this time; an empty time touches none."""
        begin = max((start - self.base - self.length) // STEP + 1, 0)
        size = min(self._at_or_after(end), self.count) - begin
        if size > 0 and start < end:
            lane[begin : begin + size] = bytes(size)

    def both(self, one: bytearray, other: bytearray) -> bytearray:
        """Return the starts that both lanes allow."""
        common = int.from_bytes(one, "big") & int.from_bytes(other, "big")
        return bytearray(common.to_bytes(self.count, "big"))

    def union(self, lanes: Iterable[bytearray]) -> bytes:
        """Return the starts that any lane allows."""
        allowed = 0
        for lane in lanes:
            allowed |= int.from_bytes(lane, "big")
        return allowed.to_bytes(self.count, "big")

    def _at_or_after(self, moment: datetime) -> int:
        return -((self.base - moment) // STEP)


@dataclass(frozen=True, slots=True)
class _Almanac:
    """Weekly hours in absolute time for the days `first` to `last`; each pattern is made once."""

    zone: ZoneInfo
    first: date
    last: date
    _known: dict[tuple[int, Hours], list[Window]] = field(default_factory=dict)

    def stretches(self, shift: Shift) -> list[Window]:
        """Return the stretches of one shift, a week apart."""
        first_day = self.first + DAY * ((shift.weekday - self.first.weekday()) % 7)
        key = (shift.weekday, shift.hours)
        weekly = self._known.get(key)
        if weekly is None:
            weeks = (self.last - first_day) // _WEEK + 1
            days = (first_day + _WEEK * week for week in range(weeks))
            weekly = [absolute(day, shift.hours, self.zone) for day in days]
            self._known[key] = weekly
        begin = max(-((first_day - shift.first) // _WEEK), 0)
        if shift.last is None:
            return weekly[begin:]
        return weekly[begin : max((shift.last - first_day) // _WEEK + 1, 0)]


def _days(calendar: Calendar, grid: _Grid) -> tuple[date, date]:
    """Return the days whose hours can reach the grid's sessions, with a day to spare each side."""
    zone = calendar.office.zone
    end = grid.base + STEP * grid.count
    return grid.base.astimezone(zone).date() - DAY, end.astimezone(zone).date() + DAY


def _open_lane(calendar: Calendar, grid: _Grid) -> bytearray:
    return grid.lane(calendar.office.windows(*_days(calendar, grid)))


def _staffed_lanes(calendar: Calendar, grid: _Grid, opened: bytearray) -> dict[str, bytearray]:
    """Return, for each person, the starts that the office, their rota and their leave allow."""
    almanac = _Almanac(calendar.office.zone, *_days(calendar, grid))
    rota: dict[str, list[list[Window]]] = defaultdict(list)
    for shift in calendar.shifts:
        rota[shift.staff].append(almanac.stretches(shift))
    lanes = {
        staff: grid.both(opened, grid.lane(joined(chain.from_iterable(weekly))))
        for staff, weekly in rota.items()
    }
    for leave in calendar.leave:
        if leave.staff in lanes:
            grid.strike(lanes[leave.staff], leave.start, leave.end)
    return lanes


def _seat_lanes(
    calendar: Calendar, grid: _Grid, staffed: dict[str, bytearray]
) -> Iterator[tuple[Seat, bytearray]]:
    """Yield the seats of the rota, each with the starts at which it is free."""
    holds: dict[str, list[Hold]] = defaultdict(list)
    for hold in calendar.holds:
        holds[hold.seat].append(hold)
    for seat in calendar.seats:
        if seat.staff in staffed:
            lane = staffed[seat.staff].copy()
            for hold in holds.get(seat.id, ()):
                grid.strike(lane, hold.start, hold.until)
            yield seat, lane


def _lanes(calendar: Calendar, grid: _Grid) -> Iterator[tuple[Seat, bytearray]]:
    staffed = _staffed_lanes(calendar, grid, _open_lane(calendar, grid))
    return _seat_lanes(calendar, grid, staffed)


def _refusals(calendar: Calendar, grid: _Grid) -> list[Refusal | None]:
    """Return for every start of the grid what the calendar says of it; the wish's dates apart."""
    opened = _open_lane(calendar, grid)
    staffed = _staffed_lanes(calendar, grid, opened)
    # A person without a seat can watch nobody: their hours staff nothing.
    watching = grid.union(staffed[s.staff] for s in calendar.seats if s.staff in staffed)
    free = grid.union(lane for _, lane in _seat_lanes(calendar, grid, staffed))
    found: list[Refusal | None] = []
    for is_open, is_staffed, is_free in zip(opened, watching, free, strict=True):
        if is_free:
            found.append(None)
        elif is_staffed:
            found.append(Refusal.FULL)
        else:
            found.append(Refusal.NOT_STAFFED if is_open else Refusal.CLOSED)
    return found


def _refused_before_search(zone: ZoneInfo, wish: Wish, start: datetime) -> Refusal | None:
    if start < wish.earliest:
        return Refusal.PAST_NOTICE
    if start + timedelta(minutes=wish.minutes) > wish.latest_end:
        return Refusal.OUTSIDE_LICENCE
    return None if _to_grid(zone, start) == start else Refusal.OFF_GRID


def _length(wish: Wish) -> timedelta:
    return timedelta(minutes=wish.minutes + wish.buffer_minutes)


def _narrowed(window: Window, wish: Wish) -> Window:
    """Return the part of the window in which the wish's own dates let a session start."""
    last_start = wish.latest_end - timedelta(minutes=wish.minutes)
    just_after = last_start + timedelta.resolution
    return Window(max(window.start, wish.earliest), min(window.end, just_after))


def _grid(zone: ZoneInfo, wish: Wish, window: Window) -> _Grid:
    """Return the grid of the starts within the window."""
    base = _to_grid(zone, window.start.astimezone(UTC))
    return _Grid(base, max(-((base - window.end) // STEP), 0), _length(wish))


def _to_grid(zone: ZoneInfo, moment: datetime) -> datetime:
    """Return the first start on the grid that is not before `moment` (UTC).

    The wall clock may stand off UTC by any amount, but changes by whole steps, so that the grid
    goes evenly through its changes.
    """
    wall = moment.astimezone(zone)
    past_hour = timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
    return moment + -past_hour % STEP
