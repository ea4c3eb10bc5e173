"""The rota's nouns: who works when, what is held, what somebody wishes, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from invigilation.office_hours import Hours, OfficeHours


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
