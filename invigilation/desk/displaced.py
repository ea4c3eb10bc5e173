"""What becomes of bookings that a change of the rota displaces: proposals, and the choice made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
        return await asyncio.to_thread(self._propose, displaced)

    def _propose(self, displaced: Sequence[Displaced]) -> list[Displaced]:
        """Propose greedily, by start: no two of them get the same seat as their first proposal.

        Whoever can keep their time is served first, and then those for whom another is sought.
        """
        leaving = {_hold(each.one) for each in displaced}
        holds = [hold for hold in self.calendar.holds if hold not in leaving]
        served = displaced[:PROPOSED_LIMIT]
        places: dict[str, list[tuple[datetime, Seat]]] = {}
        for seek in (self._beside, self._nearest):
            for one in (each.one for each in served):
                if places.get(one.booking.id) or (one.reserved and seek == self._nearest):
                    continue
                found = seek(one, replace(self.calendar, holds=tuple(holds)))
                places[one.booking.id] = found
                holds += [self._held(one, *first) for first in found[:1]]
        return [
            replace(each, proposals=self._named(places.get(each.one.booking.id, ())))
            for each in displaced
        ]

    def _held(self, one: Ahead, start: datetime, seat: Seat) -> Hold:
        return Hold(seat.id, start, start + timedelta(minutes=one.minutes) + self.buffer)

    def _named(self, places: Iterable[tuple[datetime, Seat]]) -> tuple[Proposal, ...]:
        return tuple(
            Proposal(start, seat.staff, self.names.get(seat.staff, "")) for start, seat in places
        )

    def without_holds(self) -> Calendar:
        """Return the calendar without holds: those are for the database to know."""
        return replace(self.calendar, holds=())

    def wish_of(self, one: Ahead) -> Wish:
        """Return what a booking asks for; staff need give no notice."""
        buffer = self.buffer // timedelta(minutes=1)
        return Wish(self.now, one.licence_until, one.minutes, buffer, one.assessment)

    def _beside(self, one: Ahead, calendar: Calendar) -> list[tuple[datetime, Seat]]:
        """Return a free seat of each other person at the same time; who has least to do first."""
        start = one.booking.start
        free = set(free_seats(calendar, self.wish_of(one), start))
        seats: dict[str, Seat] = {}
        for seat in calendar.seats:
            if seat.id in free and seat.staff != one.booking.staff:
                seats.setdefault(seat.staff, seat)
        load = self._load(calendar, start)
        people = sorted(seats.values(), key=lambda seat: (load[seat.staff], seat.staff))
        return [(start, seat) for seat in people]

    def _nearest(self, one: Ahead, calendar: Calendar) -> list[tuple[datetime, Seat]]:
        start = one.booking.start
        window = Window(start - PROPOSED_WITHIN, start + PROPOSED_WITHIN)
        wish = self.wish_of(one)
        starts = sorted(free_starts(calendar, wish, window), key=lambda at: (abs(at - start), at))
        return [(at, self._seat(one, calendar, wish, at)) for at in starts[:NEAREST]]

    def _seat(self, one: Ahead, calendar: Calendar, wish: Wish, start: datetime) -> Seat:
        """Return the seat for a start that is free: of the same person, else of the least busy."""
        free = set(free_seats(calendar, wish, start))
        load = self._load(calendar, start)
        return min(
            (seat for seat in calendar.seats if seat.id in free),
            key=lambda seat: (seat.staff != one.booking.staff, load[seat.staff], seat.id),
        )

    def _load(self, calendar: Calendar, start: datetime) -> Counter[str]:
        """Return the minutes that each person is booked in the office's week of a start."""
        zone = self.calendar.office.zone
        week = _monday(start.astimezone(zone).date())
        staff = {seat.id: seat.staff for seat in self.calendar.seats}
        load: Counter[str] = Counter()
        for hold in calendar.holds:
            if hold.seat in staff and _monday(hold.start.astimezone(zone).date()) == week:
                load[staff[hold.seat]] += (hold.until - hold.start) // timedelta(minutes=1)
        return load


def place_of(one: Ahead) -> Place:
    """Return what a booking takes."""
    booking = one.booking
    return Place(booking.staff, booking.seat, booking.start, booking.hold_until, one.assessment)


def _hold(one: Ahead) -> Hold:
    return Hold(one.booking.seat, one.booking.start, one.booking.hold_until)


def _monday(day: date) -> date:
    return day - DAY * day.weekday()
