"""What leaves the office: reports and notices to a backend, letters to people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.office_hours import OfficeHours
from invigilation.transitions import advance

WORKING_DAYS = 2
FRIDAY = 4


class Channel(StrEnum):
    """How a delivery leaves: to a backend by one of the first three, to a person by mail."""

    WEBHOOK = "webhook"
    LTI = "lti"
    EDX = "edx"
    MAIL = "mail"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    DISABLED = "disabled"


class DeliveryEvent(StrEnum):
    """What can happen to a delivery; a failure is never the end of it."""

    CLAIM = "claim"
    ACCEPT = "accept"
    FAIL = "fail"
    RELEASE = "release"
    DISABLE = "disable"
    REPLAY = "replay"


_S, _E = DeliveryState, DeliveryEvent
TABLE = {
    (_S.PENDING, _E.CLAIM): _S.CLAIMED,
    # A worker that died holding a claim loses it when the claim runs out.
    (_S.CLAIMED, _E.CLAIM): _S.CLAIMED,
    (_S.CLAIMED, _E.ACCEPT): _S.DELIVERED,
    (_S.CLAIMED, _E.FAIL): _S.PENDING,
    # Put back untried: the place gave no answer to the one before.
    (_S.CLAIMED, _E.RELEASE): _S.PENDING,
    (_S.CLAIMED, _E.DISABLE): _S.DISABLED,
    (_S.DELIVERED, _E.REPLAY): _S.PENDING,
    (_S.DISABLED, _E.REPLAY): _S.PENDING,
    (_S.PENDING, _E.REPLAY): _S.PENDING,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bytes on their way. `target` is a backend's id or a mail address; `body` never changes."""

    id: str
    channel: Channel
    target: str
    type: str
    body: bytes
    state: DeliveryState
    attempts: int
    next_at: datetime
    created: datetime

    def after(self, event: DeliveryEvent) -> DeliveryState:
        """Return the state after the event; raises `IllegalTransition`."""
        return advance(TABLE, "delivery", self.state, event)


def report_due(finished: datetime, office: OfficeHours) -> datetime:
    """Return by when (UTC) the certificate should have left.

    It leaves within 24 to 48 working hours: the end of the second working day after the session,
    or of the next working day when that was a Friday.
    """
    day = finished.astimezone(office.zone).date()
    days = 1 if day.weekday() == FRIDAY else WORKING_DAYS
    ahead = day + timedelta(days=1)
    windows = office.windows(ahead, ahead + timedelta(days=30))
    ends: dict[object, datetime] = {}
    for window in windows:
        ends[window.start.astimezone(office.zone).date()] = window.end
    reachable = list(ends.values())[:days]
    return reachable[-1] if reachable else finished + timedelta(days=30)
