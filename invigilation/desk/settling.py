"""What belongs to every move of a charge: its note in the audit log, and what it sets free.

Each function works in its caller's transaction, which holds the learner
(`tx.charges.hold_learner`): of two moves at once the second sees what the first has done.
"""

from __future__ import annotations

from collections.abc import Iterable

from invigilation import record
from invigilation.charge import CURRENCY, NO_SHOW, UNPAID, Charge, ChargeEvent, ChargeState
from invigilation.desk import bookings
from invigilation.desk.office import SERVICE, Office, new_id
from invigilation.desk.placing import release
from invigilation.desk.products import product_of
from invigilation.errors import NotFound
from invigilation.record import Data
from invigilation.request import Request, RequestState
from invigilation.store import Tx
from invigilation.store.views import Sitting


async def made(office: Office, tx: Tx, charge: Charge, who: str, note: str = "") -> Charge:
    """Insert a charge, and note it."""
    await tx.charges.add(charge)
    after: dict[str, record.Plain] = {
        "state": charge.state.value,
        "product": charge.product,
        "request": charge.request,
    }
    if note:
        after["reason"] = note
    await office.note(tx, who, "charge.made", charge.id, None, after)
    return charge


async def moved(
    office: Office, tx: Tx, charge: Charge, event: ChargeEvent, who: str, **more: str
) -> Charge:
    """Take a charge through an event, and note it.

    `more` may have a reason, the provider and its reference, and the request on which it falls due.
    Raises `IllegalTransition`.
    """
    settled = office.clock.now() if event is ChargeEvent.SETTLE else None
    request, reason = more.get("request"), more.get("reason")
    after = charge.after(event, request=request, reason=reason, at=settled)
    await tx.charges.save(after)
    before: Data = {"state": charge.state.value}
    told: Data = {"state": after.state.value, **{name: text for name, text in more.items() if text}}
    await office.note(tx, who, f"charge.{after.state.value}", charge.id, before, told)
    return after


async def hold_no_show(office: Office, tx: Tx, sitting: Sitting, who: str) -> Charge | None:
    """Make the charge of a missed session, held until the learner's next request.

    None when nothing is charged for a missed session: the product is retired or costs nothing.
    """
    product = await product_of(office, tx, NO_SHOW)
    if product is None or product.net_pence == 0:
        return None
    charge = Charge(
        new_id("ch"),
        sitting.learner,
        sitting.booking,
        None,
        product.code,
        product.title,
        product.net_pence,
        product.vat_basis_points,
        product.currency,
        ChargeState.HELD,
        None,
        office.clock.now(),
    )
    return await made(office, tx, charge, who)


async def confirm_reserved(
    office: Office, tx: Tx, learner: str, who: str, paid: str = ""
) -> list[Sitting]:
    """Book every time that waited for this learner's payment and that nothing holds up now.

    Who pays for the request `paid` while a time is offered for it takes the offer by that. A time
    of a request that cannot be booked any more is given back: money that has come stays settled.
    """
    booked = []
    for booking in await tx.charges.reserved_of(learner, paid):
        request = await tx.requests.find(booking.request)
        if request is None:
            continue
        if request.state is not RequestState.OPEN:
            # An officer on board was accepted in the very instant in which the time was held.
            await release(office, tx, booking, SERVICE, tell=False)
        elif not unpaid(await tx.charges.on(request)):
            booked.append(await bookings.confirm(office, tx, booking, who))
    return booked


def unpaid(charges: Iterable[Charge]) -> list[Charge]:
    """Return those that must be paid before the next booking."""
    return [one for one in charges if one.state in UNPAID]


async def thank(
    office: Office, tx: Tx, request: Request, kind: str, paid: list[Charge], at: Data
) -> None:
    """Write the learner that their money came; `at` says for which time, if there is one."""
    learner = await tx.people.learner(request.learner)
    assessment = await tx.requests.assessment(request.assessment)
    if learner is None or assessment is None:
        raise NotFound("request", request.id)
    facts: Data = {
        "name": learner.name,
        "title": assessment.title,
        "request": request.id,
        "zone": learner.zone,
        "gross_pence": sum(one.price.gross_pence for one in paid),
        "vat_pence": sum(one.price.vat_pence for one in paid),
        "currency": paid[0].currency if paid else CURRENCY,
        **at,
    }
    await tx.outbox.add(office.letter(learner.email, kind, facts))


def time_of(sitting: Sitting) -> Data:
    """Return a sitting's time as letters have it."""
    return {"start": record.stamp(sitting.start), "zone": sitting.zone}
