"""When the exam office is open, in absolute time.

Hours are written as people say them, as the wall clock of the office's zone, and are turned into
UTC once, here. The wall clock has two traps a year, and they have one meaning throughout:

- a time that happens twice (autumn) means its first happening (PEP 495, fold 0);
- a time that does not happen (spring) moves forward by the gap: 01:30 becomes 02:30 BST.

So hours from 01:00 to 02:00 last two hours on the day the clock goes back, and none on the day it
goes forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
MIDNIGHT: Final = time(0)
LONDON: Final = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of one day, as the wall clock of the office's zone shows it.

    `end` is later than `start`, or 00:00, which is the midnight at the day's end; both are without
    a zone. Anything else is a ValueError.
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("hours are wall clock times without a zone")
        if self.end <= self.start and self.end != MIDNIGHT:
            raise ValueError(f"hours end at {self.end}, which is not after {self.start}")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of absolute time: aware UTC, from `start` up to but not including `end`."""

    start: datetime
    end: datetime


_MONDAY_TO_THURSDAY: Final = Hours(time(9), time(17))
_FRIDAY: Final = Hours(time(9), time(15))

DEFAULT_WEEK: Final[tuple[Hours | None, ...]] = (
    *(_MONDAY_TO_THURSDAY,) * 4,
    _FRIDAY,
    None,
    None,
)
"""Monday first: 09:00 to 17:00, on Friday to 15:00, closed at the weekend."""


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """The opening hours of the office, day by day.

    `week` has seven entries, Monday first; None is a closed day. `closures` are whole days (bank
    holidays and one-off closures). `openings` replace everything else known of their day: they
    open a Saturday, they open a bank holiday, and an empty tuple closes a day.
    """

    zone: ZoneInfo
    week: tuple[Hours | None, ...]
    closures: frozenset[date]
    openings: Mapping[date, tuple[Hours, ...]]

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError(f"a week has 7 days, not {len(self.week)}")

    def hours(self, day: date) -> tuple[Hours, ...]:
        """Return the wall clock hours of one day, in the order they were written."""
        opening = self.openings.get(day)
        if opening is not None:
            return opening
        usual = self.week[day.weekday()]
        return () if usual is None or day in self.closures else (usual,)

    def windows(self, first: date, last: date) -> list[Window]:
        """Return the open windows of the office's days `first` to `last`, both included.

        They ascend and are apart: hours that touch or overlap are one window.
        """
        days = (first + DAY * n for n in range((last - first).days + 1))
        return joined(absolute(day, hours, self.zone) for day in days for hours in self.hours(day))


def absolute(day: date, hours: Hours, zone: ZoneInfo) -> Window:
    """Return these hours of this day in absolute time.

    In a clock change's gap the window may be empty or end before it starts; `joined` drops it.
    """
    last = day + DAY if hours.end == MIDNIGHT else day
    return Window(
        datetime.combine(day, hours.start, zone).astimezone(UTC),
        datetime.combine(last, hours.end, zone).astimezone(UTC),
    )


def joined(windows: Iterable[Window]) -> list[Window]:
    """Return the same time as ascending windows that are apart, without empty ones."""
    apart: list[Window] = []
    for window in sorted(windows, key=_start):
        if window.end <= window.start:
            continue
        if apart and window.start <= apart[-1].end:
            if window.end > apart[-1].end:
                apart[-1] = Window(apart[-1].start, window.end)
        else:
            apart.append(window)
    return apart


def _start(window: Window) -> datetime:
    return window.start
