"""Paying what is due: the bill, the way to the provider's page, and the way back."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from invigilation.booking import Booking, BookingState
from invigilation.charge import Charge, PaymentState
from invigilation.desk.charges import pay_code
from invigilation.desk.office import LEARNER
from invigilation.desk.requests import Asked
from invigilation.errors import Busy, NotFound
from web.auth.visitor import request_id_of
from web.keys import DESK, RELAY, SETTINGS
from web.pages.frame import go, render
from web.pages.zones import zone_of

routes = web.RouteTableDef()

LOOK_AGAIN_S = 4
LOOKS = 15
"""So many times the page asks by itself whether the payment has come."""
SAID = {
    "failed": "The payment did not go through. Nothing was taken. You can try again now.",
    "expired": "The payment page has closed. Nothing was taken. You can try again now.",
    "left": "You have not paid yet.",
}
DOWN = (
    "We cannot reach the payment service just now. Nothing was taken, and your time is still held "
    "for you. Please try again in a minute."
)


@dataclass(frozen=True, slots=True)
class Till:
    """What a learner has to pay, and the time that is held until they do."""

    asked: Asked
    charges: list[Charge]
    reserved: Booking | None
    zone: str
    by_card: bool
    code: str
    instructions: str

    @property
    def net_pence(self) -> int:
        """The sum without VAT."""
        return sum(one.price.net_pence for one in self.charges)

    @property
    def vat_pence(self) -> int:
        """The VAT of all lines."""
        return sum(one.price.vat_pence for one in self.charges)

    @property
    def gross_pence(self) -> int:
        """What is to be paid."""
        return self.net_pence + self.vat_pence

    @property
    def until(self) -> datetime | None:
        """Until when the time is held."""
        return None if self.reserved is None else self.reserved.reserved_until


@routes.get("/me/pay")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the bill, and until when the chosen time is held."""
    till = await _till(request)
    if not till.charges:
        return go("/me")
    return _page(request, till, SAID.get(request.query.get("said", ""), ""))


@routes.post("/me/pay")
async def pay(request: web.Request) -> web.StreamResponse:
    """Send the learner to the provider's page, by a page of ours.

    A redirect would not do: a form of ours may lead nowhere else (`form-action`).
    """
    try:
        payment = await request.app[DESK].payments.begin(request_id_of(request))
    except NotFound:
        return go("/me")
    except Busy:
        till = await _till(request)
        return _page(request, till, "", problem=DOWN, status=503)
    response = render(request, "pay_go.html", href=payment.url, title="Going to the payment page")
    response.headers["Refresh"] = f"0; url={payment.url}"
    return response


@routes.post("/me/pay/give-back")
async def give_back(request: web.Request) -> web.StreamResponse:
    """Give the held time back; what is due stays due."""
    with contextlib.suppress(NotFound):  # its half hour was over by itself
        await request.app[DESK].bookings.give_back(request_id_of(request), LEARNER)
    return go("/me")


@routes.get("/me/pay/back")
async def back(request: web.Request) -> web.StreamResponse:
    """Take in who comes from the provider's page.

    The login is not sent along on the way from another site; on the way from this page it is.
    """
    href = "/me/pay?said=left" if request.query.get("left") else "/me/pay/done"
    response = render(request, "pay_go.html", href=href, title="Going back to your session")
    response.headers["Refresh"] = f"0; url={href}"
    return response


@routes.get("/me/pay/done")
async def done(request: web.Request) -> web.StreamResponse:
    """Say what became of the payment, asking the provider if they have said nothing yet."""
    desk = request.app[DESK]
    ident = request_id_of(request)
    with contextlib.suppress(Busy):  # their word comes by the webhook or by the sweep
        request.app[RELAY].changed(*await desk.payments.check(ident))
    till = await _till(request)
    if not till.charges:
        booked = await desk.bookings.latest(ident)
        if booked is not None and booked.booking_state is BookingState.BOOKED:
            return go("/me?done=booked")
        return render(request, "pay_done.html", till=till, waits=False)
    newest = await desk.payments.newest(ident)
    state = PaymentState.EXPIRED if newest is None else newest.state
    if state is not PaymentState.OPEN:
        return go(f"/me/pay?said={'failed' if state is PaymentState.FAILED else 'expired'}")
    looks = _number(request.query.get("n", ""))
    again = looks < LOOKS
    response = render(request, "pay_done.html", till=till, waits=True, again=again)
    if again:
        response.headers["Refresh"] = f"{LOOK_AGAIN_S}; url=/me/pay/done?n={looks + 1}"
    return response


def _number(raw: str) -> int:
    return int(raw) if raw.isdecimal() and len(raw) < 4 else 0


async def _till(request: web.Request) -> Till:
    desk = request.app[DESK]
    ident = request_id_of(request)
    asked = await desk.requests.find(ident)
    return Till(
        asked,
        await desk.charges.unpaid(ident),
        await desk.bookings.reservation(ident),
        zone_of(request, asked.learner.zone),
        desk.payments.port is not None,
        pay_code(ident),
        request.app[SETTINGS].payment_instructions,
    )


def _page(
    request: web.Request, till: Till, said: str, problem: str = "", status: int = 200
) -> web.StreamResponse:
    return render(request, "pay.html", status=status, till=till, said=said, problem=problem)
