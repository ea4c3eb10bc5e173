"""What leaves the office: reports and notices to a backend, letters to people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from invigilation.transitions import advance

RESULT_WITHIN = timedelta(hours=48)


class Channel(StrEnum):
    """How a delivery leaves."""

    WEBHOOK = "webhook"
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
    DISABLE = "disable"


_S, _E = DeliveryState, DeliveryEvent
TABLE = {
    (_S.PENDING, _E.CLAIM): _S.CLAIMED,
    # A worker that died holding a claim loses it when the claim runs out.
    (_S.CLAIMED, _E.CLAIM): _S.CLAIMED,
    (_S.CLAIMED, _E.ACCEPT): _S.DELIVERED,
    (_S.CLAIMED, _E.FAIL): _S.PENDING,
    (_S.CLAIMED, _E.DISABLE): _S.DISABLED,
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
