"""A charge: what a confirmed no-show makes of the learner's next request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.transitions import advance


class ChargeState(StrEnum):
    """A charge is held until a next request makes it due; it never bills by itself."""

    HELD = "held"
    DUE = "due"
    PAID = "paid"
    WAIVED = "waived"


class ChargeEvent(StrEnum):
    """What can happen to a charge."""

    FALL_DUE = "fall_due"
    PAY = "pay"
    WAIVE = "waive"


_S, _E = ChargeState, ChargeEvent
TABLE = {
    (_S.HELD, _E.FALL_DUE): _S.DUE,
    (_S.HELD, _E.WAIVE): _S.WAIVED,
    (_S.DUE, _E.PAY): _S.PAID,
    (_S.DUE, _E.WAIVE): _S.WAIVED,
}


@dataclass(frozen=True, slots=True)
class Price:
    """A net amount in pence and the VAT on it in basis points (2,000 is 20 %)."""

    net_pence: int
    vat_basis_points: int

    @property
    def vat_pence(self) -> int:
        """The VAT, rounded half up to a penny."""
        return (self.net_pence * self.vat_basis_points + 5_000) // 10_000

    @property
    def gross_pence(self) -> int:
        """What is to be paid."""
        return self.net_pence + self.vat_pence


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge for the missed `booking`, on the later `request` once there is one."""

    id: str
    learner: str
    booking: str
    request: str | None
    net_pence: int
    vat_basis_points: int
    state: ChargeState
    reason: str | None
    created: datetime

    @property
    def price(self) -> Price:
        """The amount, with its VAT."""
        return Price(self.net_pence, self.vat_basis_points)

    def after(
        self, event: ChargeEvent, *, request: str | None = None, reason: str | None = None
    ) -> Charge:
        """Return the charge after the event; raises `IllegalTransition`."""
        return replace(
            self,
            state=advance(TABLE, "charge", self.state, event),
            request=request or self.request,
            reason=reason or self.reason,
        )
