"""The payment desk: a link on which a learner pays what is due, and what is heard of it.

No transaction is open while the provider is asked. What they say may come twice, late, out of
order, or to several processes at once: the row decides, and what does not fit changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from invigilation import record
from invigilation.charge import (
    PAYMENTS,
    TABLE,
    Charge,
    ChargeEvent,
    ChargeState,
    Payment,
    PaymentEvent,
    PaymentState,
)
from invigilation.desk.office import LEARNER, Office, new_id
from invigilation.desk.settling import confirm_reserved, moved, thank, time_of, unpaid
from invigilation.errors import Busy, NotFound
from invigilation.ports import Bill, Fate, Line, Link, Payments, Word
from invigilation.record import Data
from invigilation.request import Request, RequestState
from invigilation.store import Tx
from invigilation.store.views import Sitting
from invigilation.transitions import can

log = logging.getLogger(__name__)

LINK_LASTS = timedelta(minutes=31)
"""Providers ask for half an hour at least, by their own clocks."""
WORTH_USING = timedelta(minutes=3)
"""A link that ends sooner is not shown again; another is made."""
LOOK_AFTER = timedelta(minutes=2)
"""So long after a link was made the provider is asked what became of it, if they said nothing."""
FORGOTTEN = timedelta(days=2)
"""After that, a link of a provider that cannot be asked any more is over."""
LOOK_LIMIT = 100
TRIES = 3
SERVICE = "payment service"
EVENTS = {
    Fate.PAID: PaymentEvent.PAY,
    Fate.EXPIRED: PaymentEvent.EXPIRE,
    Fate.FAILED: PaymentEvent.FAIL,
}


class Result(StrEnum):
    """What a provider's word has led to."""

    BOOKED = "booked"
    SETTLED = "settled"
    LATE = "late"
    FAILED = "failed"
    EXPIRED = "expired"
    NOTHING = "nothing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a provider's word has led to, and the sittings that were booked by it."""

    result: Result
    booked: list[Sitting]


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An attempt that has no link yet, and the bill that its link is for."""

    payment: Payment
    bill: Bill


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """Takes payments. Without a provider (`port` is None) people pay by hand, see `ChargeDesk`."""

    office: Office
    port: Payments | None = None

    @property
    def provider(self) -> Payments:
        """The provider; raises `NotFound` when there is none."""
        if self.port is None:
            raise NotFound("payment link", "")
        return self.port

    async def begin(self, request: str) -> Payment:
        """Return a payment whose `url` is where this request's unpaid charges can be paid.

        The one that is open is used again when it fits. The charges are `submitted` from now on.
        Raises `NotFound` when nothing is to be paid, and `Busy` when the provider cannot be
        reached: then nothing has changed.
        """
        provider = self.provider
        for _ in range(TRIES):
            found = await self._prepare(request)
            if isinstance(found, _Fresh):
                try:
                    link = await provider.open(found.bill)
                except Busy:
                    await self._give_up(found.payment)
                    raise
                return await self._linked(found.payment, link)
            if isinstance(found, Payment):
                return found
            for stale in found:
                await self._close(stale)
        raise Busy(SERVICE)

    async def _prepare(self, request: str) -> _Fresh | Payment | list[Payment]:
        """Return the open payment that fits, those that stand in the way, or a new one."""
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            asked, charges = await self._owed(tx, request)
            open_ = await tx.payments.open_on([one.id for one in charges])
            for one in open_:
                if await self._fits(tx, one, request, charges):
                    return one
            if open_:
                return open_
            ident = new_id("py")
            expires = now + LINK_LASTS
            gross = sum(one.price.gross_pence for one in charges)
            currency = charges[0].currency
            # Until the provider has named it, it has our own name.
            payment = Payment(
                ident,
                request,
                self.provider.name,
                ident,
                "",
                gross,
                currency,
                PaymentState.OPEN,
                now,
                expires,
            )
            await tx.payments.add(payment, [one.id for one in charges])
            learner = await tx.people.learner(asked.learner)
        email = "" if learner is None else learner.email
        lines = tuple(_line(one) for one in charges)
        return _Fresh(payment, Bill(ident, request, email, lines, currency, expires))

    @staticmethod
    async def _owed(tx: Tx, request: str) -> tuple[Request, list[Charge]]:
        """Return the request and what is unpaid on it, in one currency; its learner held."""
        asked = await tx.requests.find(request)
        if asked is None:
            raise NotFound("request", request)
        await tx.charges.hold_learner(asked.learner)
        charges = unpaid(await tx.charges.on(asked))
        charges = [one for one in charges if one.currency == charges[0].currency]
        if not charges:
            raise NotFound("charge", request)
        return asked, charges

    async def _fits(self, tx: Tx, one: Payment, request: str, charges: list[Charge]) -> bool:
        """Say whether an open payment is for exactly these charges, and lasts a while."""
        covered = {charge.id for charge in await tx.payments.charges_of(one.id)}
        return (
            one.url != ""
            and one.request == request
            and one.provider == self.provider.name
            and covered == {charge.id for charge in charges}
            and one.expires - self.office.clock.now() >= WORTH_USING
        )

    async def _linked(self, payment: Payment, link: Link) -> Payment:
        """Write down where it is paid, and that the learner is sent there."""
        async with self.office.store.write() as tx:
            one = await self._hold(tx, payment)
            charges = await tx.payments.charges_of(one.id)
            if one.state is PaymentState.OPEN and len(unpaid(charges)) == len(charges):
                after = replace(one, reference=link.reference, url=link.url)
                await tx.payments.save(after)
                for charge in charges:
                    if can(TABLE, charge.state, ChargeEvent.SUBMIT):
                        await moved(self.office, tx, charge, ChargeEvent.SUBMIT, LEARNER)
                return after
        # A scheduler has settled it meanwhile. Nobody has seen the link, so nobody can pay there.
        await self._give_up(payment)
        raise Busy(SERVICE)

    async def _give_up(self, payment: Payment) -> None:
        """End an attempt whose link nobody has seen; its charges are as they were."""
        async with self.office.store.write() as tx:
            one = await self._hold(tx, payment)
            if one.state is PaymentState.OPEN and not one.url:
                await tx.payments.save(one.after(PaymentEvent.EXPIRE))

    async def _close(self, payment: Payment) -> None:
        """Let nobody pay there any more; if somebody has paid, that counts."""
        if payment.url:
            await self.take(await self.provider.close(payment.reference))
        else:
            await self._give_up(payment)

    async def take(self, word: Word) -> Heard:
        """Hear a provider's word on a link."""
        event = EVENTS.get(word.fate)
        if event is None:
            return Heard(Result.NOTHING, [])
        return await self.heard(word.reference, event, word.pence, word.currency)

    async def heard(
        self, reference: str, event: PaymentEvent, amount: int = 0, currency: str = ""
    ) -> Heard:
        """Hear that a link was paid (how much, in pence, and in what), failed or expired.

        What was heard before, or comes out of order, changes nothing. An unknown reference, and
        an amount or currency that differ, are refused: the staff finds them in the audit log.
        """
        async with self.office.store.write() as tx:
            known = await tx.payments.known_as(reference)
            if known is None and event is not PaymentEvent.PAY:
                return Heard(Result.NOTHING, [])  # of a link that was made and never shown
            if known is None:
                await self._refuse(tx, "payment", reference, amount, currency)
                return Heard(Result.REFUSED, [])
            await tx.rota.still()
            payment = await self._hold(tx, known)
            if not can(PAYMENTS, payment.state, event):
                return Heard(Result.NOTHING, [])
            if event is not PaymentEvent.PAY:
                return await self._undo(tx, payment, event)
            if (amount, currency) != (payment.gross_pence, payment.currency):
                if payment.note is None:
                    note = f"Refused: {amount} {currency} came instead."
                    await tx.payments.save(replace(payment, note=note))
                    await self._refuse(tx, payment.id, reference, amount, currency)
                return Heard(Result.REFUSED, [])
            return await self._settle(tx, payment)

    async def _hold(self, tx: Tx, payment: Payment) -> Payment:
        """Return the payment as it is now, its learner held."""
        request = await tx.requests.find(payment.request)
        if request is None:
            raise NotFound("request", payment.request)
        await tx.charges.hold_learner(request.learner)
        return await tx.payments.find(payment.id) or payment

    async def _refuse(
        self, tx: Tx, subject: str, reference: str, amount: int, currency: str
    ) -> None:
        log.error("refused a payment that does not fit: %s", subject)
        data: Data = {"reference": reference, "pence": amount, "currency": currency}
        who = "payments" if self.port is None else self.port.name
        await self.office.note(tx, who, "payment.refused", subject, None, data)

    async def _undo(self, tx: Tx, payment: Payment, event: PaymentEvent) -> Heard:
        """Let charges fall back to `due`, or be `failed`, so that they can be paid again."""
        await tx.payments.save(payment.after(event))
        failed = event is PaymentEvent.FAIL
        step = ChargeEvent.FAIL if failed else ChargeEvent.EXPIRE
        for charge in await tx.payments.charges_of(payment.id):
            if charge.state is ChargeState.SUBMITTED and not await tx.payments.open_on([charge.id]):
                more = {"provider": payment.provider, "reference": payment.reference}
                await moved(self.office, tx, charge, step, payment.provider, **more)
        return Heard(Result.FAILED if failed else Result.EXPIRED, [])

    async def _settle(self, tx: Tx, payment: Payment) -> Heard:
        who = payment.provider
        covered = await tx.payments.charges_of(payment.id)
        paid = payment.after(PaymentEvent.PAY)
        settled = []
        for charge in covered:
            if can(TABLE, charge.state, ChargeEvent.SETTLE):
                more = {"provider": who, "reference": payment.reference}
                settled.append(
                    await moved(self.office, tx, charge, ChargeEvent.SETTLE, who, **more)
                )
        request = await tx.requests.find(payment.request)
        if request is None:
            raise NotFound("request", payment.request)
        if len(settled) < len(covered):
            paid = await self._surplus(tx, paid, covered, settled)
        await tx.payments.save(paid)
        booked = await confirm_reserved(self.office, tx, request.learner, who, request.id)
        return await self._tell(tx, request, covered, booked)

    async def _surplus(
        self, tx: Tx, payment: Payment, covered: list[Charge], settled: list[Charge]
    ) -> Payment:
        """Mark money that came for what was paid or waived before: a person gives it back."""
        known = {charge.id for charge in settled}
        twice = sum(one.price.gross_pence for one in covered if one.id not in known)
        log.error("money came for charges that were settled before: %s", payment.id)
        data: Data = {"pence": twice, "currency": payment.currency, "reference": payment.reference}
        await self.office.note(tx, payment.provider, "payment.surplus", payment.id, None, data)
        return replace(payment, note=f"To be paid back by hand: {twice} {payment.currency} pence.")

    async def _tell(
        self, tx: Tx, request: Request, covered: list[Charge], booked: list[Sitting]
    ) -> Heard:
        mine = next((one for one in booked if one.request == request.id), None)
        if mine is not None:
            at = time_of(mine)
            await thank(self.office, tx, request, "payment_received", covered, at)
            return Heard(Result.BOOKED, booked)
        lapsed = await tx.bookings.lapsed_of(request.id)
        late = request.state is RequestState.OPEN and not unpaid(await tx.charges.on(request))
        if late and lapsed is not None:
            at = {"start": record.stamp(lapsed.start), "zone": lapsed.zone}
            await thank(self.office, tx, request, "payment_late", covered, at)
            return Heard(Result.LATE, booked)
        await thank(self.office, tx, request, "payment_received", covered, {})
        return Heard(Result.SETTLED, booked)

    async def check(self, request: str) -> list[Sitting]:
        """Ask the provider about a request's open payment now; return what was booked by it.

        For a learner who comes back before the provider's word does. Raises `Busy`.
        """
        if self.port is None:
            return []
        async with self.office.store.read() as tx:
            open_ = await tx.payments.open_of(request)
        booked: list[Sitting] = []
        for one in open_:
            if one.url and one.provider == self.port.name:
                booked += (await self.take(await self.port.ask(one.reference))).booked
        return booked

    async def look(self) -> list[Sitting]:
        """Ask what became of open links whose word never came, and close those nobody needs.

        Returns the sittings that were booked by it. What cannot be asked now is asked next time.
        """
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            open_ = await tx.payments.open_since_before(now - LOOK_AFTER, LOOK_LIMIT)
        booked: list[Sitting] = []
        for one in open_:
            try:
                booked += (await self._look_at(one)).booked
            except Busy:
                break  # the next look comes soon, and they need not be asked 100 times
        return booked

    async def _look_at(self, one: Payment) -> Heard:
        if not one.url:
            await self._give_up(one)
            return Heard(Result.EXPIRED, [])
        if self.port is None or self.port.name != one.provider:
            if self.office.clock.now() < one.expires + FORGOTTEN:
                return Heard(Result.NOTHING, [])
            return await self.heard(one.reference, PaymentEvent.EXPIRE)
        word = await self.port.ask(one.reference)
        if word.fate is Fate.OPEN and not await self._needed(one):
            word = await self.port.close(one.reference)
        return await self.take(word)

    async def _needed(self, one: Payment) -> bool:
        """Say whether a link still is where all of its charges are to be paid, and not over."""
        async with self.office.store.read() as tx:
            charges = await tx.payments.charges_of(one.id)
        waits = all(charge.state is ChargeState.SUBMITTED for charge in charges)
        return waits and self.office.clock.now() < one.expires

    async def newest(self, request: str) -> Payment | None:
        """Return a request's newest attempt to pay."""
        async with self.office.store.read() as tx:
            return await tx.payments.newest_of(request)


def _line(charge: Charge) -> Line:
    price = charge.price
    return Line(charge.title, price.net_pence, price.vat_pence, price.vat_basis_points)
