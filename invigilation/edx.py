"""Exams and attempts as an edX platform names them, when it takes us as its proctoring provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.transitions import advance


class AttemptState(StrEnum):
    """What the platform has said of an attempt, until we have told it our review."""

    CREATED = "created"
    STARTED = "started"
    SUBMITTED = "submitted"
    ERROR = "error"
    REVIEWED = "reviewed"
    DELETED = "deleted"


class AttemptEvent(StrEnum):
    """What can happen to an attempt; all but the review is the platform's word."""

    START = "start"
    SUBMIT = "submit"
    FAIL = "fail"
    REVIEW = "review"
    DELETE = "delete"


_S, _E = AttemptState, AttemptEvent
_THERE = (_S.CREATED, _S.STARTED, _S.SUBMITTED, _S.ERROR, _S.REVIEWED)
TABLE = {
    (_S.CREATED, _E.START): _S.STARTED,
    (_S.CREATED, _E.SUBMIT): _S.SUBMITTED,
    (_S.CREATED, _E.FAIL): _S.ERROR,
    # The platform repeats itself, and its words may overtake each other.
    (_S.STARTED, _E.START): _S.STARTED,
    (_S.STARTED, _E.SUBMIT): _S.SUBMITTED,
    (_S.STARTED, _E.FAIL): _S.ERROR,
    (_S.SUBMITTED, _E.START): _S.SUBMITTED,
    (_S.SUBMITTED, _E.SUBMIT): _S.SUBMITTED,
    (_S.SUBMITTED, _E.FAIL): _S.ERROR,
    (_S.ERROR, _E.START): _S.ERROR,
    (_S.ERROR, _E.SUBMIT): _S.SUBMITTED,
    (_S.ERROR, _E.FAIL): _S.ERROR,
    # It answers our review with its own word on the attempt.
    (_S.REVIEWED, _E.START): _S.REVIEWED,
    (_S.REVIEWED, _E.SUBMIT): _S.REVIEWED,
    (_S.REVIEWED, _E.FAIL): _S.REVIEWED,
    **{(state, _E.REVIEW): _S.REVIEWED for state in _THERE},
    **{(state, _E.DELETE): _S.DELETED for state in _THERE},
}


@dataclass(frozen=True, slots=True)
class Platform:
    """An edX platform: where it is, and the secrets of both sides, wrapped.

    With `secret` it signs in here (as client `backend`) and signs its instructors' tokens; with
    `lms_client` and `lms_secret` we sign in there. `reviewer` is the e-mail address of the
    platform's user in whose name we review; empty for none.
    """

    backend: str
    url: str
    secret: bytes
    lms_client: str
    lms_secret: bytes
    reviewer: str = ""


@dataclass(frozen=True, slots=True)
class Exam:
    """An exam: `id` is our name for it, `lms_id` the platform's; `facts` its last word, as JSON."""

    id: str
    backend: str
    lms_id: str
    course: str
    content: str
    name: str
    minutes: int
    practice: bool
    due: datetime | None
    facts: str


@dataclass(frozen=True, slots=True)
class EdxAttempt:
    """One learner's attempt; `candidate` is the platform's obscured name for them.

    `request` is what we made of it. A practice attempt has none: nobody invigilates it.
    """

    id: str
    exam: str
    candidate: str
    request: str | None
    practice: bool
    state: AttemptState
    created: datetime

    def after(self, event: AttemptEvent) -> EdxAttempt:
        """Return the attempt after the event; raises `IllegalTransition`."""
        return replace(self, state=advance(TABLE, "attempt", self.state, event))
