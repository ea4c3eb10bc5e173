"""The search for free starts, which asks for what is held piece by piece and stops when it knows.

An office of a thousand people holds far more than has to be read to find a month's free starts: a
few of them are enough for almost every start. So the search asks about some seats, then about more,
and at last day by day about all, each time only for the starts that nobody was free at so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Final

from invigilation.lanes import STARTS_A_DAY, STEP, Grid, Sheet, Staffing
from invigilation.office_hours import Window
from invigilation.rota import Refusal, Seat, Wish

AT_FIRST: Final = (8, 24, 64)
"""So many seats are asked about over the whole time, one lot after the other."""
A_DAY: Final = 256
"""So many then of a day on which starts are wanted still, and four times as many each time."""
Held = Mapping[str, Sequence[tuple[int, int]]]
"""From when until when seats are held, by their ids: microseconds since 1970, without the end."""


@dataclass(frozen=True, slots=True)
class Question:
    """Asks what holds these seats at any time from `start` to before `until` (aware UTC).

    More than is asked for does no harm. `wanted` is the lane of the starts that matter.
    """

    seats: Sequence[Seat]
    start: datetime
    until: datetime
    wanted: int


class Search:
    """One search over a window: `for question in search.questions(): search.hear(question, held)`.

    A start is wanted when it lies in the window, keeps the wish's dates, and the office is open.
    """

    def __init__(self, staffing: Staffing, wish: Wish, window: Window) -> None:
        self._zone = zone = staffing.calendar.office.zone
        self._seats = staffing.seats(wish.assessment)
        self._wish = wish
        first, last = (at.astimezone(zone).date() for at in (window.start, window.end))
        self.grid: Grid = Grid.of(zone, wish, first, last)
        self._sheet: Sheet = staffing.sheet(self.grid)
        self._begin = self.grid.at_or_after(window.start)
        self._until = self.grid.at_or_after(window.end)
        fitting = within_dates(wish, window)
        dated = 0
        if fitting is not None:
            ends = (self.grid.at_or_after(at) for at in (fitting.start, fitting.end))
            dated = self.grid.run(*ends)
        self._wanted = self.grid.bits(self._sheet.opened) & dated
        self._free = 0

    def questions(self) -> Iterator[Question]:
        """Give one question after the other, each to be answered by `hear` before the next."""
        seats = self._seats
        at = 0
        for size in AT_FIRST:
            yield from self._ask(seats[at : at + size], self._wanted)
            at += size
        rest: Sequence[Seat] = seats[at:]
        if not self._wanted or not rest:
            return
        self._wanted &= self._sheet.watched(seats)  # at the others nobody ever is
        rest = self._able(rest, self._wanted)
        if len(rest) <= A_DAY:
            yield from self._ask(rest, self._wanted)
            return
        for day in range(0, self.grid.count, STARTS_A_DAY):
            yield from self._ask_of(self.grid.run(day, day + STARTS_A_DAY), rest)

    def _ask_of(self, day: int, seats: Sequence[Seat]) -> Iterator[Question]:
        at, size = 0, A_DAY
        if self._wanted & day:
            seats = self._able(seats, self._wanted & day)
        while self._wanted & day and at < len(seats):
            yield from self._ask(seats[at : at + size], self._wanted & day)
            at, size = at + size, size * 4

    def _able(self, seats: Sequence[Seat], wanted: int) -> list[Seat]:
        """Return the seats of those who are on duty at any of these starts."""
        person = self._sheet.person
        return [seat for seat in seats if person(seat.staff)[1] & wanted]

    def _ask(self, seats: Sequence[Seat], wanted: int) -> Iterator[Question]:
        if not wanted:
            return
        able = self._able(seats, wanted)
        if able:
            lane = self.grid.bytes(wanted)
            start = self.grid.base + STEP * lane.find(1)
            until = self.grid.base + STEP * lane.rfind(1) + self.grid.length
            yield Question(able, start, until, wanted)

    def hear(self, question: Question, held: Held) -> None:
        """Take in what holds the seats of a question."""
        found = 0
        for one in question.seats:
            lane, bits = self._sheet.person(one.staff)
            times = held.get(one.id)
            if times:
                free = bytearray(lane)
                self.grid.strike(free, times)
                bits = self.grid.bits(free)
            found |= bits
        self._free |= found & question.wanted
        self._wanted &= ~found | ~question.wanted

    def starts(self) -> list[datetime]:
        """Return the starts that are free, aware UTC, ascending."""
        lane, base = self.grid.bytes(self._free), self.grid.base
        return [base + STEP * place for place in compress(range(self.grid.count), lane)]

    def judged(self) -> list[tuple[datetime, Refusal | None]]:
        """Return every start of the grid within the window, and why it is refused.

        A start outside the opening hours is `CLOSED`, even if it were too soon as well.
        """
        watched = self.grid.bytes(self._sheet.watched(self._seats))
        free = self.grid.bytes(self._free)
        found: list[tuple[datetime, Refusal | None]] = []
        for place in range(max(self._begin, 0), min(self._until, self.grid.count)):
            start = self.grid.base + STEP * place
            if free[place]:
                found.append((start, None))
            elif not self._sheet.opened[place]:
                found.append((start, Refusal.CLOSED))
            else:
                nobody = Refusal.FULL if watched[place] else Refusal.NOT_STAFFED
                found.append((start, refused_by_dates(self._wish, start) or nobody))
        return found


def within_dates(wish: Wish, window: Window) -> Window | None:
    """Return the part of the window in which the wish's dates allow starts, if any."""
    last_start = wish.latest_end - timedelta(minutes=wish.minutes)
    start = max(window.start, wish.earliest).astimezone(UTC)
    end = min(window.end, last_start + timedelta.resolution).astimezone(UTC)
    return Window(start, end) if start < end else None


def refused_by_dates(wish: Wish, start: datetime) -> Refusal | None:
    """Return whether notice or licence refuse a start."""
    if start < wish.earliest:
        return Refusal.PAST_NOTICE
    if start + timedelta(minutes=wish.minutes) > wish.latest_end:
        return Refusal.OUTSIDE_LICENCE
    return None
