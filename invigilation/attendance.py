"""Judging, on evidence, why a session did not take place."""

from __future__ import annotations

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
class Evidence:
    """What is known of the time around a start; moments are aware UTC, ascending.

    `attempts` are the learner's: page opened, probe, token used.
    """

    start: datetime
    invigilator_ready: tuple[datetime, ...]
    heartbeats: tuple[datetime, ...]
    attempts: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A finding and, for each condition, whether it holds, in plain words."""

    finding: Finding
    reasons: tuple[str, ...]


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
    ready = any(first <= at <= evidence.start for at in evidence.invigilator_ready)
    healthy = _no_gap(evidence.heartbeats, first, last)
    early = evidence.start - ATTEMPTS_FROM
    tried = any(early <= at <= last for at in evidence.attempts)
    reasons = (
        "The invigilator was ready before the start."
        if ready
        else "The invigilator was not ready before the start.",
        "The service was healthy through the grace time."
        if healthy
        else "The service was not healthy through the whole of the grace time.",
        "The learner tried to come in." if tried else "The learner made no attempt to come in.",
    )
    if not (ready and healthy):
        return Judgement(Finding.PROVIDER_FAULT, reasons)
    return Judgement(Finding.TECHNICAL if tried else Finding.NO_SHOW, reasons)


def _no_gap(beats: tuple[datetime, ...], first: datetime, last: datetime) -> bool:
    inside = [at for at in beats if first - HEARTBEAT_GAP <= at <= last + HEARTBEAT_GAP]
    moments = sorted(inside)
    if not moments or moments[0] > first or moments[-1] < last:
        return False
    return all(b - a <= HEARTBEAT_GAP for a, b in pairwise(moments))
