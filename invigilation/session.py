"""A session: one learner, one invigilator, one sitting of an assessment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.gap import Gap, Run
from invigilation.transitions import advance


class SessionState(StrEnum):
    """Where a session stands; a lost link is not a state, it never ends a session."""

    SCHEDULED = "scheduled"
    CHECKED_IN = "checked_in"
    IDENTIFIED = "identified"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    REFUSED = "refused"
    STOPPED = "stopped"
    ENDED = "ended"
    ATTESTED = "attested"
    CLOSED = "closed"


class SessionEvent(StrEnum):
    """What moves a session on."""

    CHECK_IN = "check_in"
    CONFIRM_IDENTITY = "confirm_identity"
    REOPEN_IDENTITY = "reopen_identity"
    REFUSE = "refuse"
    ADMIT = "admit"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    END = "end"
    ATTEST = "attest"
    CLOSE = "close"


_S, _E = SessionState, SessionEvent
TABLE = {
    (_S.SCHEDULED, _E.CHECK_IN): _S.CHECKED_IN,
    (_S.SCHEDULED, _E.CLOSE): _S.CLOSED,
    (_S.CHECKED_IN, _E.CONFIRM_IDENTITY): _S.IDENTIFIED,
    (_S.CHECKED_IN, _E.REFUSE): _S.REFUSED,
    (_S.CHECKED_IN, _E.STOP): _S.STOPPED,
    # Nobody met the learner, and a scheduler has found so.
    (_S.CHECKED_IN, _E.CLOSE): _S.CLOSED,
    (_S.IDENTIFIED, _E.REOPEN_IDENTITY): _S.CHECKED_IN,
    (_S.IDENTIFIED, _E.ADMIT): _S.IN_PROGRESS,
    (_S.IDENTIFIED, _E.REFUSE): _S.REFUSED,
    (_S.IDENTIFIED, _E.STOP): _S.STOPPED,
    (_S.IDENTIFIED, _E.CLOSE): _S.CLOSED,
    (_S.IN_PROGRESS, _E.PAUSE): _S.PAUSED,
    (_S.IN_PROGRESS, _E.STOP): _S.STOPPED,
    (_S.IN_PROGRESS, _E.END): _S.ENDED,
    (_S.PAUSED, _E.RESUME): _S.IN_PROGRESS,
    (_S.PAUSED, _E.STOP): _S.STOPPED,
    (_S.PAUSED, _E.END): _S.ENDED,
    (_S.REFUSED, _E.ATTEST): _S.ATTESTED,
    (_S.STOPPED, _E.ATTEST): _S.ATTESTED,
    (_S.ENDED, _E.ATTEST): _S.ATTESTED,
}
LIVE = frozenset({_S.CHECKED_IN, _S.IDENTIFIED, _S.IN_PROGRESS, _S.PAUSED})
"""Both people are, or should be, in the room."""
OVER = frozenset({_S.REFUSED, _S.STOPPED, _S.ENDED, _S.ATTESTED, _S.CLOSED})
SEALED = frozenset({_S.ATTESTED, _S.CLOSED})
"""Nothing more can be done in it, and it is in nobody's hands."""

EXTRA_MINUTES = range(1, 241)
"""How much more time an invigilator may give at once."""


class Outcome(StrEnum):
    """What the attestation says of the sitting as a whole."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    REFUSED = "refused"
    TECHNICAL = "technical"


OUTCOMES = {
    _S.ENDED: frozenset({Outcome.COMPLETED, Outcome.TECHNICAL}),
    _S.STOPPED: frozenset({Outcome.STOPPED, Outcome.TECHNICAL}),
    _S.REFUSED: frozenset({Outcome.REFUSED, Outcome.TECHNICAL}),
}
"""The outcomes an invigilator may attest, by the state in which the session came to its end."""


@dataclass(frozen=True, slots=True)
class Session:
    """One sitting. Times are aware UTC; `spent` is assessment time used before `running_since`.

    `given_back` is the time of gaps that were ruled technical. `invigilator` is who took the
    session over, None while it is whoever the booking names; `handing_to` is to whom it is offered.
    """

    id: str
    booking: str
    state: SessionState
    minutes: int
    seq: int
    reason: str | None = None
    started: datetime | None = None
    running_since: datetime | None = None
    spent: timedelta = timedelta(0)
    finished: datetime | None = None
    outcome: Outcome | None = None
    given_back: timedelta = timedelta(0)
    invigilator: str | None = None
    handing_to: str | None = None

    def after(self, event: SessionEvent, at: datetime, reason: str | None = None) -> Session:
        """Return the session after `event` at time `at`; raises `IllegalTransition`.

        Only time between admission and end counts as spent, pauses excepted: the learner never
        pays for a pause.
        """
        state = advance(TABLE, "session", self.state, event)
        return replace(
            self,
            state=state,
            reason=reason if event is not _E.ATTEST else self.reason,
            started=at if event is _E.ADMIT else self.started,
            running_since=at if state is _S.IN_PROGRESS else None,
            spent=self.used(at),
            finished=at if state in OVER and self.finished is None else self.finished,
            handing_to=None if state in SEALED else self.handing_to,
        )

    def used(self, at: datetime) -> timedelta:
        """Return the assessment time that has run until `at`, gaps and all."""
        if self.running_since is None:
            return self.spent
        return self.spent + max(at - self.running_since, timedelta(0))

    def remaining(self, at: datetime) -> timedelta:
        """Return the assessment time that is left at `at`; never below zero."""
        left = timedelta(minutes=self.minutes) + self.given_back - self.used(at)
        return max(left, timedelta(0))

    def gap(self, ident: str, began: datetime, before: Sequence[Gap], now: datetime) -> Gap | None:
        """Return the gap that opens `now`, dated back; None when no clock runs or one is open.

        `before` are the gaps so far. No moment lies in two of them: time is given back once.
        """
        if self.state is not _S.IN_PROGRESS or any(gap.ended is None for gap in before):
            return None
        ends = [gap.ended for gap in before if gap.ended is not None]
        first = max([self.started or now, *ends])
        return Gap(ident, self.id, max(first, min(began, now)))

    def after_ruling(self, before: Gap, ruled: Gap) -> Session:
        """Return the session with the time of one of its gaps given back as it is ruled now."""
        given_back = self.given_back + ruled.gives_back - before.gives_back
        return replace(self, given_back=given_back)


STARTS = frozenset({_E.ADMIT, _E.RESUME})
HALTS = frozenset({_E.PAUSE, _E.STOP, _E.END})


def runs(steps: Iterable[tuple[SessionEvent, datetime]]) -> tuple[Run, ...]:
    """Return from when to when the assessment's clock ran, given what moved it, in order."""
    found: list[Run] = []
    since: datetime | None = None
    for event, at in steps:
        if event in STARTS:
            since = at
        elif event in HALTS and since is not None:
            found.append((since, at))
            since = None
    if since is not None:
        found.append((since, None))
    return tuple(found)
