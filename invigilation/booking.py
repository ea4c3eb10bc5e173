"""A booking: a seat held for a learner from a start to an end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.transitions import advance


class BookingState(StrEnum):
    """Where a booking stands."""

    RESERVED = "reserved"
    LAPSED = "lapsed"
    BOOKED = "booked"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    NO_SHOW_PROPOSED = "no_show_proposed"
    LEARNER_NO_SHOW = "learner_no_show"
    PROVIDER_FAULT = "provider_fault"
    TECHNICAL_UNRESOLVED = "technical_unresolved"
    EXCUSED = "excused"


class BookingEvent(StrEnum):
    """What can happen to a booking."""

    CONFIRM = "confirm"
    LAPSE = "lapse"
    MOVE = "move"
    CANCEL = "cancel"
    ATTEND = "attend"
    PROPOSE_NO_SHOW = "propose_no_show"
    CONFIRM_NO_SHOW = "confirm_no_show"
    FIND_PROVIDER_FAULT = "find_provider_fault"
    FIND_TECHNICAL = "find_technical"
    EXCUSE = "excuse"


_S, _E = BookingState, BookingEvent
TABLE = {
    (_S.RESERVED, _E.CONFIRM): _S.BOOKED,
    (_S.RESERVED, _E.LAPSE): _S.LAPSED,
    (_S.RESERVED, _E.MOVE): _S.RESERVED,
    (_S.BOOKED, _E.MOVE): _S.BOOKED,
    (_S.BOOKED, _E.CANCEL): _S.CANCELLED,
    (_S.BOOKED, _E.ATTEND): _S.ATTENDED,
    (_S.BOOKED, _E.PROPOSE_NO_SHOW): _S.NO_SHOW_PROPOSED,
    (_S.BOOKED, _E.FIND_PROVIDER_FAULT): _S.PROVIDER_FAULT,
    (_S.BOOKED, _E.FIND_TECHNICAL): _S.TECHNICAL_UNRESOLVED,
    (_S.BOOKED, _E.EXCUSE): _S.EXCUSED,
    (_S.NO_SHOW_PROPOSED, _E.CONFIRM_NO_SHOW): _S.LEARNER_NO_SHOW,
    (_S.NO_SHOW_PROPOSED, _E.FIND_PROVIDER_FAULT): _S.PROVIDER_FAULT,
    (_S.NO_SHOW_PROPOSED, _E.FIND_TECHNICAL): _S.TECHNICAL_UNRESOLVED,
    (_S.NO_SHOW_PROPOSED, _E.EXCUSE): _S.EXCUSED,
    # The learner came, and yet the session could not take place or be finished.
    (_S.ATTENDED, _E.FIND_PROVIDER_FAULT): _S.PROVIDER_FAULT,
    (_S.ATTENDED, _E.FIND_TECHNICAL): _S.TECHNICAL_UNRESOLVED,
    # After a dispute a scheduler may still find otherwise.
    (_S.LEARNER_NO_SHOW, _E.EXCUSE): _S.EXCUSED,
    (_S.LEARNER_NO_SHOW, _E.FIND_PROVIDER_FAULT): _S.PROVIDER_FAULT,
    (_S.LEARNER_NO_SHOW, _E.FIND_TECHNICAL): _S.TECHNICAL_UNRESOLVED,
}
ACTIVE = frozenset({_S.RESERVED, _S.BOOKED, _S.NO_SHOW_PROPOSED})
"""A booking in one of these holds its seat and its entitlement."""
OCCUPIED = ACTIVE | {_S.ATTENDED}
"""While a booking is in one of these, its invigilator can do nothing else in that lane.

The database's own constraint knows `ACTIVE` alone: who attends was booked before.
"""


@dataclass(frozen=True, slots=True)
class Booking:
    """A seat held for a request, from `start` to `end`; `hold_until` adds the buffer. Aware UTC.

    `placed` is when it took its present time. A reserved one holds its seat until `reserved_until`
    for somebody who pays or who was waiting; it has no session before it is confirmed.
    """

    id: str
    request: str
    seat: str
    staff: str
    start: datetime
    end: datetime
    hold_until: datetime
    state: BookingState
    sequence: int
    zone: str
    placed: datetime
    reserved_until: datetime | None = None

    def after(self, event: BookingEvent) -> Booking:
        """Return the booking after the event; raises `IllegalTransition`."""
        return replace(self, state=advance(TABLE, "booking", self.state, event))
