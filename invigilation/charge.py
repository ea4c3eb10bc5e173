"""A charge: what a confirmed no-show, or an extra service, makes of a request; and its payment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.transitions import advance


class ChargeState(StrEnum):
    """A charge is held until a next request makes it due; it never bills by itself.

    `SUBMITTED`: the learner has been sent to pay it, and no answer has come yet.
    """

    HELD = "held"
    DUE = "due"
    SUBMITTED = "submitted"
    SETTLED = "settled"
    FAILED = "failed"
    WAIVED = "waived"


class ChargeEvent(StrEnum):
    """What can happen to a charge."""

    FALL_DUE = "fall_due"
    SUBMIT = "submit"
    EXPIRE = "expire"
    FAIL = "fail"
    SETTLE = "settle"
    WAIVE = "waive"


_S, _E = ChargeState, ChargeEvent
TABLE = {
    (_S.HELD, _E.FALL_DUE): _S.DUE,
    (_S.HELD, _E.WAIVE): _S.WAIVED,
    (_S.DUE, _E.SUBMIT): _S.SUBMITTED,
    (_S.DUE, _E.SETTLE): _S.SETTLED,
    (_S.DUE, _E.WAIVE): _S.WAIVED,
    (_S.SUBMITTED, _E.EXPIRE): _S.DUE,
    (_S.SUBMITTED, _E.FAIL): _S.FAILED,
    (_S.SUBMITTED, _E.SETTLE): _S.SETTLED,
    (_S.SUBMITTED, _E.WAIVE): _S.WAIVED,
    (_S.FAILED, _E.SUBMIT): _S.SUBMITTED,
    (_S.FAILED, _E.SETTLE): _S.SETTLED,
    (_S.FAILED, _E.WAIVE): _S.WAIVED,
}
NO_SHOW = "no_show"
"""The product of a missed session."""
CURRENCY = "GBP"
UNPAID = frozenset({_S.DUE, _S.SUBMITTED, _S.FAILED})
"""A charge in one of these stands before the next booking."""


class PaymentState(StrEnum):
    """Where an attempt to pay stands."""

    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"
    FAILED = "failed"


class PaymentEvent(StrEnum):
    """What a payment provider can tell of an attempt."""

    PAY = "pay"
    EXPIRE = "expire"
    FAIL = "fail"


PAYMENTS = {
    (PaymentState.OPEN, PaymentEvent.PAY): PaymentState.PAID,
    (PaymentState.OPEN, PaymentEvent.EXPIRE): PaymentState.EXPIRED,
    (PaymentState.OPEN, PaymentEvent.FAIL): PaymentState.FAILED,
    # Money that comes late has come.
    (PaymentState.EXPIRED, PaymentEvent.PAY): PaymentState.PAID,
    (PaymentState.FAILED, PaymentEvent.PAY): PaymentState.PAID,
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
    """A charge: for a missed `booking`, on the later `request` once there is one, or for a product.

    `product` and `title` are as they were when the charge was made; `currency` is ISO 4217.
    """

    id: str
    learner: str
    booking: str | None
    request: str | None
    product: str
    title: str
    net_pence: int
    vat_basis_points: int
    currency: str
    state: ChargeState
    reason: str | None
    created: datetime
    settled: datetime | None = None

    @property
    def price(self) -> Price:
        """The amount, with its VAT."""
        return Price(self.net_pence, self.vat_basis_points)

    def after(
        self,
        event: ChargeEvent,
        *,
        request: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> Charge:
        """Return the charge after the event; raises `IllegalTransition`.

        `at` is when it was settled.
        """
        return replace(
            self,
            state=advance(TABLE, "charge", self.state, event),
            request=request or self.request,
            reason=reason or self.reason,
            settled=at or self.settled,
        )


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is charged for: a row that an administrator keeps, not code."""

    id: str
    code: str
    title: str
    net_pence: int
    vat_basis_points: int
    currency: str
    active: bool

    @property
    def price(self) -> Price:
        """The amount, with its VAT."""
        return Price(self.net_pence, self.vat_basis_points)


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay what is due on a request; `reference` is the provider's name for it."""

    id: str
    request: str
    provider: str
    reference: str
    url: str
    gross_pence: int
    currency: str
    state: PaymentState
    created: datetime
    expires: datetime
    note: str | None = None

    def after(self, event: PaymentEvent) -> Payment:
        """Return the attempt after the event; raises `IllegalTransition`."""
        return replace(self, state=advance(PAYMENTS, "payment", self.state, event))
