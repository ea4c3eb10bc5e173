"""A gap: a stretch of a running assessment in which nothing came from the learner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.transitions import advance

Run = tuple[datetime, datetime | None]
"""From when to when (exclusive; None: still) an assessment's clock ran; aware UTC."""


class Ruling(StrEnum):
    """Whose a gap was: `TECHNICAL` gives its time back, `LEARNER` does not."""

    TECHNICAL = "technical"
    LEARNER = "learner"


class GapState(StrEnum):
    """Where a gap stands."""

    OPEN = "open"
    CLOSED = "closed"
    TECHNICAL = "technical"
    LEARNER = "learner"


class GapEvent(StrEnum):
    """What can happen to a gap; it may be ruled anew."""

    CLOSE = "close"
    RULE_TECHNICAL = "rule_technical"
    RULE_LEARNER = "rule_learner"


_S, _E = GapState, GapEvent
TABLE = {
    (_S.OPEN, _E.CLOSE): _S.CLOSED,
    (_S.CLOSED, _E.RULE_TECHNICAL): _S.TECHNICAL,
    (_S.CLOSED, _E.RULE_LEARNER): _S.LEARNER,
    (_S.TECHNICAL, _E.RULE_TECHNICAL): _S.TECHNICAL,
    (_S.TECHNICAL, _E.RULE_LEARNER): _S.LEARNER,
    (_S.LEARNER, _E.RULE_TECHNICAL): _S.TECHNICAL,
    (_S.LEARNER, _E.RULE_LEARNER): _S.LEARNER,
}
RULES = {Ruling.TECHNICAL: _E.RULE_TECHNICAL, Ruling.LEARNER: _E.RULE_LEARNER}


@dataclass(frozen=True, slots=True)
class Gap:
    """From the last packet to the next one; `lost` is the assessment time that ran in it."""

    id: str
    session: str
    began: datetime
    ended: datetime | None = None
    lost: timedelta | None = None
    ruling: Ruling | None = None
    note: str = ""
    ruled_by: str | None = None
    ruled_at: datetime | None = None

    @property
    def state(self) -> GapState:
        """Where the gap stands."""
        if self.ended is None:
            return _S.OPEN
        return _S.CLOSED if self.ruling is None else GapState(self.ruling.value)

    @property
    def gives_back(self) -> timedelta:
        """The assessment time that the learner gets back for it, as it is ruled now."""
        if self.ruling is not Ruling.TECHNICAL or self.lost is None:
            return timedelta(0)
        return self.lost

    def closed(self, ended: datetime, runs: Iterable[Run]) -> Gap:
        """Return the gap with its end, and what the clock, which ran in `runs`, lost in it."""
        advance(TABLE, "gap", self.state, _E.CLOSE)
        last = max(ended, self.began)
        return replace(self, ended=last, lost=time_run(runs, self.began, last))

    def ruled(self, ruling: Ruling, note: str, by: str, at: datetime) -> Gap:
        """Return the gap as somebody ruled it; it must have ended."""
        advance(TABLE, "gap", self.state, RULES[ruling])
        return replace(self, ruling=ruling, note=note, ruled_by=by, ruled_at=at)


def time_run(runs: Iterable[Run], first: datetime, last: datetime) -> timedelta:
    """Return how long a clock ran from `first` to `last`."""
    none = timedelta(0)
    spans = (min(until or last, last) - max(since, first) for since, until in runs)
    return sum((max(span, none) for span in spans), none)
