"""When the learner's face is taken again: at moments that nobody can foresee, and after gaps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Final

from invigilation.desk.room_view import RoomView
from invigilation.gap import Gap
from invigilation.recheck import Recheck, RecheckCause
from invigilation.session import SessionState

SOONEST: Final = timedelta(minutes=20)
LATEST: Final = timedelta(minutes=40)
"""Of the assessment's running time, from one random re-check to the next."""
JUST_BEGUN: Final = timedelta(minutes=1)
"""A room that finds more running time than this has taken the session up in the middle."""
SETTLED: Final = timedelta(seconds=5)
"""After a gap, the picture needs a moment until it is sharp."""
GAPS_APART: Final = timedelta(minutes=1)
"""A link that is lost all the time does not fill the record with faces."""
RETRY_S: Final = 15.0
"""A picture that could not be had is tried again after this."""


class Rechecking:
    """Says when one is due; what was taken it finds in the session's record."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._next: timedelta | None = None
        self._taken = 0
        self._tried_at = float("-inf")

    def due(self, view: RoomView, at: datetime, now: float) -> RecheckCause | None:
        """Say why a face is to be taken at this moment (`now`: the same, monotonic), if it is."""
        if view.session.state is not SessionState.IN_PROGRESS:
            return None
        random = self._random_due(view, at)
        if now - self._tried_at < RETRY_S:
            return None
        if gap_due(view.gaps, view.rechecks, at):
            cause = RecheckCause.GAP
        elif random:
            cause = RecheckCause.RANDOM
        else:
            return None
        self._tried_at = now
        return cause

    def _random_due(self, view: RoomView, at: datetime) -> bool:
        ran = view.session.used(at)
        taken = [one for one in view.rechecks if one.cause is RecheckCause.RANDOM]
        if self._next is None:
            first = SOONEST if ran < JUST_BEGUN else timedelta(0)
            self._draw(ran, first)
        elif len(taken) > self._taken:
            self._draw(ran, SOONEST)
        self._taken = len(taken)
        if self._next is None or ran < self._next:
            return False
        if any(one.result is None for one in taken):
            self._draw(ran, SOONEST)  # one at a time: whoever judges is not to be buried in them
            return False
        return True

    def _draw(self, ran: timedelta, first: timedelta) -> None:
        seconds = self._dice.uniform(first.total_seconds(), LATEST.total_seconds())
        self._next = ran + timedelta(seconds=seconds)


def gap_due(gaps: Iterable[Gap], rechecks: Iterable[Recheck], at: datetime) -> bool:
    """Say whether the learner's face has not been taken since the last gap that ended."""
    ends = [gap.ended for gap in gaps if gap.ended is not None]
    if not ends:
        return False
    taken = [(one.cause, one.taken_at) for one in rechecks]
    if any(when >= max(ends) for _, when in taken):
        return False
    after_gaps = [when for cause, when in taken if cause is RecheckCause.GAP]
    if after_gaps and at - max(after_gaps) < GAPS_APART:
        return False
    return at - max(ends) >= SETTLED
