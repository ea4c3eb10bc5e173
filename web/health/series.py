"""From the minutes of all processes to the points of a picture, and to an hour's row of a table.

What each process counts is added up; what describes the worst is the worst of any; and so is it
with the minutes that fall into one point. A point without a single minute is None: nobody was
there to measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from invigilation.health import EVERY, Sample

Points = tuple[float | None, ...]
Value = Callable[[Sample], float]
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
CLOCK = {1: (1, 2, 5, 10, 20, 30, 60), 60: (1, 2, 5, 10, 20, 30, 60), 3_600: (1, 2, 4, 8, 12, 24)}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in equal steps, `last` its end."""

    last: datetime
    step: timedelta
    steps: int

    @property
    def first(self) -> datetime:
        """Where it begins."""
        return self.last - self.steps * self.step

    def place(self, at: datetime) -> int:
        """Return the step that a moment falls into; the ends count to the outermost."""
        return min(max((at - self.first) // self.step, 0), self.steps - 1)

    def at(self, place: int) -> datetime:
        """Return when a step begins."""
        return self.first + place * self.step

    def hold(self, samples: Iterable[Sample]) -> list[list[Sample]]:
        """Sort the minutes into the steps."""
        found: list[list[Sample]] = [[] for _ in range(self.steps)]
        for one in samples:
            if self.first <= one.at <= self.last:
                found[self.place(one.at)].append(one)
        return found


def level(value: Value) -> Callable[[list[Sample]], float]:
    """Return what stood at once: the highest of each process, added up."""

    def of(minutes: list[Sample]) -> float:
        nodes = {one.node for one in minutes}
        return sum(max(value(one) for one in minutes if one.node == node) for node in nodes)

    return of


def worst(value: Value) -> Callable[[list[Sample]], float]:
    """Return the highest of all."""
    return lambda minutes: max(value(one) for one in minutes)


def least(value: Value) -> Callable[[list[Sample]], float]:
    """Return the lowest of all."""
    return lambda minutes: min(value(one) for one in minutes)


def count(value: Value) -> Callable[[list[Sample]], float]:
    """Return what was counted, all of it."""
    return lambda minutes: sum(value(one) for one in minutes)


def mean(value: Value, weight: Value) -> Callable[[list[Sample]], float]:
    """Return the mean of `value`, each minute by its `weight`; 0 where nothing has any."""

    def of(minutes: list[Sample]) -> float:
        weights = sum(weight(one) for one in minutes)
        return sum(value(one) * weight(one) for one in minutes) / weights if weights else 0.0

    return of


def points(held: Sequence[list[Sample]], of: Callable[[list[Sample]], float]) -> Points:
    """Return one value for each step, None where there is no minute."""
    return tuple(of(minutes) if minutes else None for minutes in held)


def nice(highest: float, at_least: float) -> float:
    """Return a round number that is not smaller: its first digit alone, or 15 tens."""
    wanted = max(highest, at_least)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(power * step for step in ROUND if power * step >= wanted * 0.9999)


def nice_seconds(highest: float, at_least: float) -> float:
    """Return a round time that is not shorter: so many seconds, minutes, hours or days."""
    wanted = max(highest, at_least)
    unit = max(one for one in (1, 60, 3_600, 86_400) if one <= wanted or one == 1)
    if unit == 86_400 or wanted < 1:
        return unit * nice(wanted / unit, 0.001)
    return unit * next(one for one in CLOCK[unit] if unit * one >= wanted * 0.9999)


def shape(values: Points, top: float) -> str:
    """Return the filled outline of steps, one unit wide each, in a box 100 high (SVG path data)."""
    parts: list[str] = []
    for known, run in groupby(enumerate(values), key=lambda one: one[1] is not None):
        steps = [(place, value or 0.0) for place, value in run]
        if not known:
            continue
        parts.append(f"M{steps[0][0]} 100")
        for same, flat in groupby(steps, key=lambda one: _height(one[1], top)):
            end = [*flat][-1][0] + 1
            parts.append(f"V{same}H{end}")
        parts.append("V100Z")
    return "".join(parts)


def unknown(values: Points) -> list[tuple[int, int]]:
    """Return (first step, how many) of each stretch without figures."""
    found = []
    for known, run in groupby(enumerate(values), key=lambda one: one[1] is not None):
        places = [place for place, _ in run]
        if not known:
            found.append((places[0], len(places)))
    return found


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when a check failed, or nothing was measured (`check` empty)."""

    check: str
    first: datetime
    last: datetime


def stretches(samples: Sequence[Sample], since: datetime, now: datetime) -> list[Stretch]:
    """Return when something was wrong, the newest first.

    Minutes belong together while they are no more than three apart. Before the first minute
    that is kept nobody knows.
    """
    near = 3 * EVERY
    found: list[Stretch] = []
    open_: dict[str, Stretch] = {}
    before: datetime | None = None
    for one in samples:
        if one.at < since:
            continue
        if before is not None and one.at - before > near:
            found.append(Stretch("", before, one.at))
        before = one.at
        for check in one.failing.split():
            known = open_.get(check)
            if known is not None and one.at - known.last > near:
                found.append(known)
                known = None
            open_[check] = Stretch(check, known.first if known else one.at, one.at)
    if before is not None and now - before > near:
        found.append(Stretch("", before, now))
    found += open_.values()
    return sorted(found, key=lambda one: one.first, reverse=True)


def _height(value: float, top: float) -> str:
    """Return the y of a value: 100 at the bottom, 0 at the top; what is not nothing is seen."""
    share = min(value / top, 1.0)
    if value > 0:
        share = max(share, 0.015)
    return f"{100 - 100 * share:.4g}"
