"""Judging, on evidence, why a session did not take place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

CHECK_IN_OPENS = timedelta(minutes=30)
CHECK_IN_CLOSES = timedelta(minutes=15)
ATTEMPTS_FROM = timedelta(minutes=60)
"""So long before the start and later, whatever the learner does to come in is an attempt.

That is before check-in opens: somebody who was here early, and whose link then failed, did come.
"""
HEARTBEAT_GAP = timedelta(minutes=2)
"""The service counts as healthy while no two heartbeats lie further apart than this."""


class Finding(StrEnum):
    """What the evidence supports; only a scheduler's confirmation makes a no-show of it."""

    NO_SHOW = "no_show"
    PROVIDER_FAULT = "provider_fault"
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which the service gave no sign of life: aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the time around a start; moments are aware UTC, ascending.

    `attempts` are the learner's: page opened, probe, token used.
    """

    start: datetime
    invigilator_ready: tuple[datetime, ...]
    heartbeats: tuple[datetime, ...]
    attempts: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the conditions of a no-show: whether it holds, in a plain sentence.

    `proof` are the moments that it rests on: those that make it hold, or that speak against it.
    """

    holds: bool
    words: str
    proof: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A finding, and what it rests on: the invigilator, the service and the learner, in order."""

    finding: Finding
    conditions: tuple[Condition, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each condition's sentence."""
        return tuple(one.words for one in self.conditions)

    @property
    def missing(self) -> tuple[str, ...]:
        """The sentences of those that do not hold: each stands against a no-show."""
        return tuple(one.words for one in self.conditions if not one.holds)


def opens(start: datetime) -> datetime:
    """Return when check-in opens."""
    return start - CHECK_IN_OPENS


def closes(start: datetime) -> datetime:
    """Return when check-in closes: the end of the grace time."""
    return start + CHECK_IN_CLOSES


def judge(evidence: Evidence) -> Judgement:
    """Propose what the missed session was.

    `NO_SHOW` needs all of: the invigilator was ready before the start; the service was healthy
    from the opening of check-in through the grace time; the learner attempted nothing, not even
    early (`ATTEMPTS_FROM`). Whatever is missing on our side is our fault; an attempt without a
    check-in is a technical matter.
    """
    first, last = opens(evidence.start), closes(evidence.start)
    ready = tuple(at for at in evidence.invigilator_ready if first <= at <= evidence.start)
    silences = silent(evidence.heartbeats, first, last)
    early = evidence.start - ATTEMPTS_FROM
    tried = tuple(at for at in evidence.attempts if early <= at <= last)
    conditions = (
        Condition(
            bool(ready),
            "The invigilator was ready before the start."
            if ready
            else "The invigilator was not ready before the start.",
            ready or evidence.invigilator_ready,
        ),
        Condition(
            not silences,
            "The service was not healthy through the whole of the grace time."
            if silences
            else "The service was healthy through the grace time.",
            tuple(one.start for one in silences),
        ),
        Condition(
            not tried,
            "The learner tried to come in." if tried else "The learner made no attempt to come in.",
            tried,
        ),
    )
    if not ready or silences:
        return Judgement(Finding.PROVIDER_FAULT, conditions)
    return Judgement(Finding.TECHNICAL if tried else Finding.NO_SHOW, conditions)


def silent(beats: Iterable[datetime], first: datetime, last: datetime) -> tuple[Silence, ...]:
    """Return when the service gave no sign of life for too long between `first` and `last`.

    A heartbeat a little outside may begin or end the time; both ends must be covered.
    """
    inside = sorted(at for at in beats if first - HEARTBEAT_GAP <= at <= last + HEARTBEAT_GAP)
    if not inside:
        return (Silence(first, last),)
    found = [Silence(a, b) for a, b in pairwise(inside) if b - a > HEARTBEAT_GAP]
    if inside[0] > first:
        found.insert(0, Silence(first, inside[0]))
    if inside[-1] < last:
        found.append(Silence(inside[-1], last))
    return tuple(found)
