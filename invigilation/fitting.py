"""Whether a booking fits still: office hours, rota, leave, lanes, skills and busy times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from invigilation.office_hours import DAY, OfficeHours, Window, absolute, joined
from invigilation.slots import Leave, Shift


class Misfit(StrEnum):
    """Why a booking does not fit; a change of the rota answers for all but `BUSY`."""

    CLOSED = "closed"
    OFF_DUTY = "off_duty"
    AWAY = "away"
    NO_LANE = "no_lane"
    NO_SKILL = "no_skill"
    BUSY = "busy"


OURS = frozenset(Misfit) - {Misfit.BUSY}
"""What comes from outside (busy times of somebody's own calendar) cannot be refused."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a booking takes: aware UTC, `until` is the end of its buffer; `assessment` is an id."""

    staff: str
    seat: str
    start: datetime
    until: datetime
    assessment: str


@dataclass(frozen=True, slots=True)
class _Own:
    """What is one person's: thousands of bookings are judged, each by few of these."""

    shifts: list[Shift] = field(default_factory=list)
    leave: list[Leave] = field(default_factory=list)
    busy: list[Leave] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a booking must fit. `skills` name the assessments of those who take only some.

    `seats` are the ids of lanes in use; a busy time is like leave, but from outside.
    """

    office: OfficeHours
    shifts: tuple[Shift, ...]
    leave: tuple[Leave, ...]
    busy: tuple[Leave, ...]
    seats: frozenset[str]
    skills: Mapping[str, frozenset[str]]
    _own: dict[str, _Own] = field(default_factory=dict, init=False, compare=False)
    _days: dict[tuple[str, date], list[Window]] = field(
        default_factory=dict, init=False, compare=False
    )

    def __post_init__(self) -> None:
        for shift in self.shifts:
            self._of(shift.staff).shifts.append(shift)
        for leave in self.leave:
            self._of(leave.staff).leave.append(leave)
        for time in self.busy:
            self._of(time.staff).busy.append(time)

    def _of(self, staff: str) -> _Own:
        return self._own.setdefault(staff, _Own())

    def may_take(self, staff: str, assessment: str) -> bool:
        """Say whether somebody takes this assessment."""
        only = self.skills.get(staff)
        return only is None or assessment in only

    def misfits(self, place: Place) -> frozenset[Misfit]:
        """Return all that stands against a booking at this place; empty when it fits."""
        found = set()
        if not _within(self._open(place), place):
            found.add(Misfit.CLOSED)
        if not _within(self._on_duty(place), place):
            found.add(Misfit.OFF_DUTY)
        if _touched(self._of(place.staff).leave, place):
            found.add(Misfit.AWAY)
        if _touched(self._of(place.staff).busy, place):
            found.add(Misfit.BUSY)
        if place.seat not in self.seats:
            found.add(Misfit.NO_LANE)
        if not self.may_take(place.staff, place.assessment):
            found.add(Misfit.NO_SKILL)
        return frozenset(found)

    def _open(self, place: Place) -> list[Window]:
        day = place.start.astimezone(self.office.zone).date()
        if ("", day) not in self._days:
            # Hours that reach midnight may go on the day after.
            self._days["", day] = self.office.windows(day, day + DAY)
        return self._days["", day]

    def _on_duty(self, place: Place) -> list[Window]:
        zone = self.office.zone
        day = place.start.astimezone(zone).date()
        key = place.staff, day
        if key not in self._days:
            self._days[key] = joined(
                absolute(each, shift.hours, zone)
                for each in (day, day + DAY)
                for shift in self._of(place.staff).shifts
                if _holds(shift, each)
            )
        return self._days[key]


def _holds(shift: Shift, day: date) -> bool:
    ended = shift.last is not None and shift.last < day
    return shift.weekday == day.weekday() and shift.first <= day and not ended


def _within(windows: Iterable[Window], place: Place) -> bool:
    return any(one.start <= place.start and place.until <= one.end for one in windows)


def _touched(times: Iterable[Leave], place: Place) -> bool:
    return any(
        one.start < place.until and place.start < one.end and one.start < one.end for one in times
    )
