"""What becomes of bookings that a change of the rota displaces: proposals, and the choice made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from invigilation.errors import InvigilationError
from invigilation.fitting import Misfit, Place
from invigilation.office_hours import DAY, Window
from invigilation.slots import Calendar, Hold, Seat, Wish, free_seats, free_starts
from invigilation.store.ahead import Ahead

NEAREST = 3
"""So many other starts are proposed when nobody is free at the same time."""
PROPOSED_WITHIN = timedelta(days=14)
REACHES = (timedelta(days=3), PROPOSED_WITHIN)
"""Starts are looked for so far before and after, the nearer first."""
PROPOSED_LIMIT = 100
"""Proposals are worked out for so many bookings; those after get none, but may be given a fate."""
REASON_LIMIT = 200


class FateKind(StrEnum):
    """What can become of a displaced booking."""

    REASSIGN = "reassign"
    MOVE = "move"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a scheduler decides for one booking; a reserved one may not be moved.

    `staff` names the new invigilator: needed to reassign, free to leave open in a move. `start`
    (aware) is needed to move, `reason` to cancel: of at most 200 letters.
    """

    kind: FateKind
    staff: str | None = None
    start: datetime | None = None
    reason: str = ""

    @classmethod
    def reassign(cls, staff: str) -> Fate:
        """Give it to somebody else at the same time."""
        return cls(FateKind.REASSIGN, staff=staff)

    @classmethod
    def move(cls, start: datetime, staff: str | None = None) -> Fate:
        """Put it onto another start; to somebody, or to whoever is free."""
        return cls(FateKind.MOVE, staff=staff, start=start)

    @classmethod
    def cancel(cls, reason: str) -> Fate:
        """Cancel it, or give a reserved one back."""
        return cls(FateKind.CANCEL, reason=reason)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A place that is free for a displaced booking; the same start means another invigilator."""

    start: datetime
    staff: str
    staff_name: str


@dataclass(frozen=True, slots=True)
class Displaced:
    """A booking that does not fit (any more), why, and where it could go; the best place first."""

    one: Ahead
    why: frozenset[Misfit]
    proposals: tuple[Proposal, ...] = ()


class Displaces(InvigilationError):
    """A change would leave bookings where they do not fit; nothing was changed.

    `displaced` are all of them, by start, with proposals for each. `mistakes` says, by booking,
    why a fate that was given cannot be carried out (somebody else has the time by now).
    """

    code = "displaces"

    def __init__(self, displaced: Sequence[Displaced], mistakes: Mapping[str, str]) -> None:
        count = len(displaced)
        super().__init__(
            f"This concerns {count} booking{'s' if count != 1 else ''}. "
            "Say what becomes of each of them."
        )
        self.displaced = tuple(displaced)
        self.mistakes = dict(mistakes)


@dataclass(frozen=True, slots=True)
class Prospect:
    """The calendar as it would be after a change, with all holds: what proposals are made from.

    `names` are those of the staff; `now` is the earliest start, `buffer` what follows a session.
    """

    calendar: Calendar
    names: Mapping[str, str]
    now: datetime
    buffer: timedelta

    async def proposals_for(self, displaced: Sequence[Displaced]) -> list[Displaced]:
        """Return the displaced bookings with proposals, worked out beside the event loop."""
        return await asyncio.to_thread(lambda: _Search.of(self, displaced).propose(displaced))

    def without_holds(self) -> Calendar:
        """Return the calendar without holds: those are for the database to know."""
        return replace(self.calendar, holds=())

    def wish_of(self, one: Ahead) -> Wish:
        """Return what a booking asks for; staff need give no notice."""
        buffer = self.buffer // timedelta(minutes=1)
        return Wish(self.now, one.licence_until, one.minutes, buffer, one.assessment)


@dataclass(slots=True)
class _Search:
    """Looks for places, and remembers those that are proposed already.

    `load` is what each person is booked, by the office's week (its Monday).
    """

    prospect: Prospect
    holds: list[Hold]
    staff: dict[str, str]
    load: dict[date, Counter[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, prospect: Prospect, displaced: Sequence[Displaced]) -> _Search:
        """Begin with the holds of all but the displaced bookings."""
        leaving = {_hold(each.one) for each in displaced}
        staff = {seat.id: seat.staff for seat in prospect.calendar.seats}
        search = cls(prospect, [], staff)
        for hold in prospect.calendar.holds:
            if hold not in leaving:
                search.hold(hold)
        return search

    def hold(self, one: Hold) -> None:
        """Note that a seat is taken."""
        self.holds.append(one)
        if one.seat in self.staff:
            minutes = (one.until - one.start) // timedelta(minutes=1)
            self.loads(one.start)[self.staff[one.seat]] += minutes

    def loads(self, start: datetime) -> Counter[str]:
        """Return the minutes that each person is booked in the week of a start."""
        day = start.astimezone(self.prospect.calendar.office.zone).date()
        return self.load.setdefault(day - DAY * day.weekday(), Counter())

    def propose(self, displaced: Sequence[Displaced]) -> list[Displaced]:
        """Propose greedily, by start: no two of them get the same seat as their first proposal.

        Whoever can keep their time is served first, and then those for whom another is sought.
        """
        served = [each.one for each in displaced[:PROPOSED_LIMIT]]
        places = {one.booking.id: self._serve(one, self._beside(one)) for one in served}
        for one in served:
            if not places[one.booking.id] and not one.reserved:
                places[one.booking.id] = self._serve(one, self._nearest(one))
        return [replace(each, proposals=places.get(each.one.booking.id, ())) for each in displaced]

    def _serve(self, one: Ahead, places: Sequence[tuple[datetime, Seat]]) -> tuple[Proposal, ...]:
        length = timedelta(minutes=one.minutes) + self.prospect.buffer
        for start, seat in places[:1]:
            self.hold(Hold(seat.id, start, start + length))
        names = self.prospect.names
        return tuple(Proposal(at, seat.staff, names.get(seat.staff, "")) for at, seat in places)

    def _within(self, first: datetime, last: datetime) -> Calendar:
        """Return the calendar with the holds that a session begun in that time may touch."""
        holds = tuple(h for h in self.holds if h.start < last + DAY and h.until > first - DAY)
        return replace(self.prospect.calendar, holds=holds)

    def _beside(self, one: Ahead) -> list[tuple[datetime, Seat]]:
        """Return a free seat of each other person at the same time; who has least to do first."""
        start = one.booking.start
        calendar = self._within(start, start)
        free = set(free_seats(calendar, self.prospect.wish_of(one), start))
        seats: dict[str, Seat] = {}
        for seat in calendar.seats:
            if seat.id in free and seat.staff != one.booking.staff:
                seats.setdefault(seat.staff, seat)
        load = self.loads(start)
        people = sorted(seats.values(), key=lambda seat: (load[seat.staff], seat.staff))
        return [(start, seat) for seat in people]

    def _nearest(self, one: Ahead) -> list[tuple[datetime, Seat]]:
        """Return the nearest starts, each with a free seat; near ones are looked for first."""
        start = one.booking.start
        wish = self.prospect.wish_of(one)
        found: list[datetime] = []
        for reach in REACHES:
            window = Window(start - reach, start + reach)
            calendar = self._within(window.start, window.end)
            found = free_starts(calendar, wish, window)
            if len(found) >= NEAREST:
                break
        nearest = sorted(found, key=lambda at: (abs(at - start), at))[:NEAREST]
        return [(at, self._seat(one, wish, at)) for at in nearest]

    def _seat(self, one: Ahead, wish: Wish, start: datetime) -> Seat:
        """Return the seat for a start that is free: of the same person, else of the least busy."""
        calendar, load = self._within(start, start), self.loads(start)
        free = set(free_seats(calendar, wish, start))
        return min(
            (seat for seat in calendar.seats if seat.id in free),
            key=lambda seat: (seat.staff != one.booking.staff, load[seat.staff], seat.id),
        )


def place_of(one: Ahead) -> Place:
    """Return what a booking takes."""
    booking = one.booking
    return Place(booking.staff, booking.seat, booking.start, booking.hold_until, one.assessment)


def _hold(one: Ahead) -> Hold:
    return Hold(one.booking.seat, one.booking.start, one.booking.hold_until)
