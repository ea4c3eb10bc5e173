"""Waiting for a full day: the first in line is offered a time that has become free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.transitions import advance

OFFER_LASTS = timedelta(minutes=30)
"""So long is an offered time held for the learner who was waiting."""


class WaitingState(StrEnum):
    """Where somebody stands who waits."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    LEFT = "left"


class WaitingEvent(StrEnum):
    """What can happen to somebody who waits."""

    OFFER = "offer"
    ACCEPT = "accept"
    LAPSE = "lapse"
    LEAVE = "leave"


_S, _E = WaitingState, WaitingEvent
TABLE = {
    (_S.WAITING, _E.OFFER): _S.OFFERED,
    # The day comes too near, or the licence ends, and nothing has become free.
    (_S.WAITING, _E.LAPSE): _S.LAPSED,
    (_S.WAITING, _E.LEAVE): _S.LEFT,
    (_S.OFFERED, _E.ACCEPT): _S.ACCEPTED,
    (_S.OFFERED, _E.LAPSE): _S.LAPSED,
    (_S.OFFERED, _E.LEAVE): _S.LEFT,
}
IN_LINE = frozenset({_S.WAITING, _S.OFFERED})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A place in the line for any start from `first` to before `last` (aware UTC).

    `booking` is the reserved booking that was offered.
    """

    id: str
    request: str
    first: datetime
    last: datetime
    zone: str
    state: WaitingState
    created: datetime
    booking: str | None = None

    def after(self, event: WaitingEvent, booking: str | None = None) -> Waiting:
        """Return the place after the event; raises `IllegalTransition`."""
        state = advance(TABLE, "place in the line", self.state, event)
        return replace(self, state=state, booking=booking or self.booking)
