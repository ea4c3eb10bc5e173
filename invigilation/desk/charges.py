"""The charge desk: what is due from whom, paid or waived by a scheduler, and the ledger of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.charge import Charge, ChargeEvent, ChargeState, Payment
from invigilation.desk.office import Office, actor, allow, new_id
from invigilation.desk.products import product_of
from invigilation.desk.settling import confirm_reserved, made, moved, thank, time_of, unpaid
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from invigilation.request import RequestState
from invigilation.store import Tx
from invigilation.store.audit import Change
from invigilation.store.charges import Chargeable, Movement, Owed
from invigilation.store.views import Sitting

__all__ = ["Account", "ChargeDesk", "Chargeable", "Movement", "Owed", "Settled", "pay_code"]

OPEN = frozenset(ChargeState) - {ChargeState.SETTLED, ChargeState.WAIVED}
LIST_LIMIT = 500
SEARCH_LIMIT = 20
NOTE_LIMIT = 1_000
LEDGER_LIMIT = timedelta(days=367)
MANUAL = "manual"
_PAY_CODE = re.compile(r"PAY-?([0-9A-F]{4})-?([0-9A-F]{4})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Account:
    """A charge with all that happened to it, oldest first, and the attempts to pay it."""

    owed: Owed
    code: str
    history: list[Change]
    payments: list[Payment]


@dataclass(frozen=True, slots=True)
class Settled:
    """A charge that is settled or waived, and the sittings that were booked by that."""

    charge: Charge
    booked: list[Sitting]


@dataclass(frozen=True, slots=True)
class ChargeDesk:
    """Keeps charges."""

    office: Office

    async def open(self, by: Staff) -> list[Owed]:
        """Return the charges that are neither settled nor waived, newest first."""
        return await self.search(by, OPEN)

    async def search(
        self, by: Staff, states: Collection[ChargeState], words: str = ""
    ) -> list[Owed]:
        """Return charges in these states, newest first, 500 at most.

        `words`: a part of the learner's name, address or reference, of the charge's title, or a
        payment reference (`pay_code`).
        """
        allow(by, Role.SCHEDULER)
        words = words.strip()
        code = _PAY_CODE.fullmatch(words)
        request = f"rq_{code[1]}{code[2]}".lower() if code else ""
        async with self.office.store.read() as tx:
            return await tx.charges.search(states, words, LIST_LIMIT, request)

    async def account(self, by: Staff, charge: str) -> Account:
        """Return a charge with its history; raises `NotFound`."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            owed = await tx.charges.look(charge)
            if owed is None:
                raise NotFound("charge", charge)
            history = await tx.audit.of(charge)
            payments = await tx.payments.of_charge(charge)
        request = owed.charge.request
        return Account(owed, pay_code(request) if request else "", history, payments)

    async def chargeable(self, by: Staff, words: str) -> list[Chargeable]:
        """Return open and booked requests by a part of a name, address or reference, 20 at most."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            return await tx.charges.chargeable(words.strip(), SEARCH_LIMIT)

    async def add(self, by: Staff, request: str, product: str, note: str) -> Charge:
        """Charge a request for a product, at its present price; it is due at once.

        Raises `InvalidInput` or `NotFound`.
        """
        allow(by, Role.SCHEDULER)
        note = _said("note", note)
        async with self.office.store.write() as tx:
            asked = await tx.requests.find(request)
            if asked is None or asked.state not in {RequestState.OPEN, RequestState.BOOKED}:
                raise NotFound("request", request)
            await tx.charges.hold_learner(asked.learner)
            priced = await product_of(self.office, tx, product)
            if priced is None:
                raise InvalidInput("product", "Choose what is charged for.")
            charge = Charge(
                new_id("ch"),
                asked.learner,
                None,
                request,
                priced.code,
                priced.title,
                priced.net_pence,
                priced.vat_basis_points,
                priced.currency,
                ChargeState.DUE,
                note,
                self.office.clock.now(),
            )
            return await made(self.office, tx, charge, actor(by, Role.SCHEDULER), note)

    async def pay(self, charge: str, by: Staff, note: str) -> Settled:
        """Note that a charge was paid, and how (a bank reference, say); the learner is told.

        A time that is held for the learner is booked when nothing else is unpaid. Raises
        `InvalidInput`, `NotFound` or `IllegalTransition`.
        """
        allow(by, Role.SCHEDULER)
        note = _said("note", note)
        who = actor(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            one = await self._held(tx, charge)
            reason = f"{note} ({by.name})"
            more = {"reason": reason, "provider": MANUAL, "reference": note}
            after = await moved(self.office, tx, one, ChargeEvent.SETTLE, who, **more)
            paid = one.request or ""
            booked = await confirm_reserved(self.office, tx, one.learner, who, paid)
            request = await tx.requests.find(one.request) if one.request else None
            if request is not None:
                time = next((time_of(s) for s in booked if s.request == request.id), {})
                await thank(self.office, tx, request, "payment_received", [after], time)
        return Settled(after, booked)

    async def waive(self, charge: str, by: Staff, reason: str) -> Settled:
        """Waive a charge, with a reason; a time that is held is booked, as with `pay`."""
        allow(by, Role.SCHEDULER)
        said = f"{_said('reason', reason)} ({by.name})"
        who = actor(by, Role.SCHEDULER)
        async with self.office.store.write() as tx:
            one = await self._held(tx, charge)
            after = await moved(self.office, tx, one, ChargeEvent.WAIVE, who, reason=said)
            booked = await confirm_reserved(self.office, tx, one.learner, who)
        return Settled(after, booked)

    @staticmethod
    async def _held(tx: Tx, ident: str) -> Charge:
        """Return a charge, its learner held; the rota stays still for what may be booked."""
        owed = await tx.charges.look(ident)
        if owed is None:
            raise NotFound("charge", ident)
        await tx.rota.still()
        await tx.charges.hold_learner(owed.learner.id)
        return await tx.charges.find(ident) or owed.charge

    async def unpaid(self, request: str) -> list[Charge]:
        """Return what must be paid before this request can be booked; raises `NotFound`."""
        async with self.office.store.read() as tx:
            asked = await tx.requests.find(request)
            if asked is None:
                raise NotFound("request", request)
            return unpaid(await tx.charges.on(asked))

    async def ledger(self, by: Staff, first: datetime, last: datetime) -> list[Movement]:
        """Return every move of a charge from `first` to before `last`, oldest first.

        Raises `InvalidInput` for a time that is longer than a year.
        """
        allow(by, Role.SCHEDULER)
        if not timedelta(0) < last - first <= LEDGER_LIMIT:
            raise InvalidInput("last", "Choose at most a year, its last day not before its first.")
        async with self.office.store.read() as tx:
            return await tx.charges.movements(first, last)


def pay_code(request: str) -> str:
    """Return the reference that a learner states who pays by hand: `PAY-1A2B-3C4D`.

    It is made of the request's own id, so that it needs no row and never changes.
    """
    digits = request.partition("_")[2].upper()
    return f"PAY-{digits[:4]}-{digits[4:8]}"


def _said(field: str, raw: str) -> str:
    text = raw.strip()
    if not 0 < len(text) <= NOTE_LIMIT:
        raise InvalidInput(field, f"Say why or how, in 1 to {NOTE_LIMIT:,} letters.")
    return text
