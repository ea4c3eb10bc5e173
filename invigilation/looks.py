"""Looks: why somebody of the staff sees pictures of a person or recordings, and what is unusual.

Whoever opens evidence that is not of their own session says why, once for some hours. The rules of
what is unusual look at nothing but these reasons: they accuse nobody, they have somebody ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from invigilation.errors import InvalidInput

LASTS = timedelta(hours=8)
"""So long a reason holds for one person and one record."""
OWN_WORK = timedelta(hours=8)
"""So long after its end a session is still its invigilator's work of the day."""
OWN_LASTS = timedelta(days=7)
"""So long after its end its invigilator sees its evidence without being asked for a reason."""
WORDS = range(5, 501)
"""Letters of a reason that somebody writes."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class LookReason(StrEnum):
    """Why somebody looks."""

    NO_SHOW = "no_show"
    DISPUTE = "dispute"
    QUESTION = "question"
    GAP = "gap"
    QUALITY = "quality"
    AUDIT = "audit"
    OTHER = "other"
    THEIRS = "their_session"
    SECOND = "second_opinion"
    SUPERVISION = "supervision"
    FORM = "deciding"
    RIGHTS = "learner_rights"
    PLATFORM = "platform"


CHOICES = (
    LookReason.NO_SHOW,
    LookReason.DISPUTE,
    LookReason.QUESTION,
    LookReason.GAP,
    LookReason.QUALITY,
    LookReason.AUDIT,
    LookReason.OTHER,
)
"""What people choose from; the others follow from what somebody is doing."""


class Standing(StrEnum):
    """Whether somebody may look at a record's evidence just now."""

    MAY = "may"
    CONFIRM = "confirm"
    """It is theirs, from another day: they confirm that it is them, and are asked no reason."""
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody said why they look at a record (a session's, or an officer's form's).

    `founded` is False where nothing in the office bears the reason out.
    """

    id: str
    staff: str
    subject: str
    reason: LookReason
    words: str
    founded: bool
    opened: datetime

    @property
    def until(self) -> datetime:
        """The moment from which a new reason is asked for."""
        return self.opened + LASTS


class AlarmKind(StrEnum):
    """What is unusual about somebody's looks."""

    MANY = "many"
    NIGHT = "night"
    UNFOUNDED = "unfounded"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is usual: more is not forbidden, but somebody is told."""

    an_hour: int = 10
    a_day: int = 30
    unfounded: int = 3
    night_begins: int = 22
    night_ends: int = 6
    """Hours of the office's clock."""


@dataclass(frozen=True, slots=True)
class LookAlarm:
    """That somebody's looks were unusual, and what a colleague found out about it.

    `records` is how many records they had opened, in the time that the rule looks at.
    """

    id: str
    staff: str
    kind: AlarmKind
    at: datetime
    records: int
    note: str = ""
    closed_by: str | None = None
    closed: datetime | None = None


def unusual(
    looks: Iterable[Look], now: datetime, zone: tzinfo, limits: Limits
) -> dict[AlarmKind, int]:
    """Return what is unusual about one person's looks of the last day, each with how many records.

    `looks` are theirs, the newest too; those that nobody was asked a reason for do not count.
    """
    chosen = [one for one in looks if one.reason in CHOICES and now - one.opened < DAY]
    found: dict[AlarmKind, int] = {}
    hour = _records(one for one in chosen if now - one.opened < HOUR)
    day = _records(chosen)
    if hour > limits.an_hour or day > limits.a_day:
        found[AlarmKind.MANY] = hour if hour > limits.an_hour else day
    night = _records(one for one in chosen if at_night(one.opened, zone, limits))
    if night and at_night(now, zone, limits):
        found[AlarmKind.NIGHT] = night
    without = _records(one for one in chosen if not one.founded)
    if without >= limits.unfounded:
        found[AlarmKind.UNFOUNDED] = without
    return found


def at_night(moment: datetime, zone: tzinfo, limits: Limits) -> bool:
    """Say whether that is at night on the office's clock."""
    hour = moment.astimezone(zone).hour
    return hour >= limits.night_begins or hour < limits.night_ends


def reason_of(raw: str, words: str) -> tuple[LookReason, str]:
    """Return a reason that somebody chose, and their words; raises `InvalidInput`."""
    if raw not in {one.value for one in CHOICES}:
        raise InvalidInput("reason", "Choose why you look at this.")
    reason, words = LookReason(raw), " ".join(words.split())
    if reason is LookReason.OTHER and len(words) not in WORDS:
        raise InvalidInput("words", f"Say in a few words why: {WORDS[0]} to {WORDS[-1]} letters.")
    if len(words) > WORDS[-1]:
        raise InvalidInput("words", f"Say it in {WORDS[-1]} letters at most.")
    return reason, words


def _records(looks: Iterable[Look]) -> int:
    return len({one.subject for one in looks})
