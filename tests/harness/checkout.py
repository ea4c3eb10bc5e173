"""A payment provider to test against: localstripe, with the Checkout Sessions that it lacks.

A program of its own: `python -m tests.harness.checkout PORT`. Its page is served at 127.0.0.1,
so that it is another site than the service at localhost, as the real one is.
"""

from __future__ import annotations

import asyncio
import html
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from localstripe import resources
from localstripe.errors import UserError
from localstripe.server import app, get_post_data
from localstripe.webhooks import schedule_webhook

SHORTEST_S, LONGEST_S = 30 * 60, 24 * 3600
_STARTED: dict[str, tuple[str, str]] = {}
"""By idempotency key: what was asked for, and which session came of it."""
_PORT: list[int] = []
_STRICT: list[bool] = [True]


class CheckoutSession(resources.StripeObject):
    """A page on which exactly this is paid (docs.stripe.com/api/checkout/sessions)."""

    object = "checkout.session"
    _id_prefix = "cs_test_"

    def __init__(
        self,
        mode: str = "",
        line_items: Any = None,
        expires_at: str = "",
        client_reference_id: str = "",
        customer_email: str = "",
        metadata: Any = None,
        payment_intent_data: Any = None,
        payment_method_types: Any = None,
        success_url: str = "",
        cancel_url: str = "",
    ) -> None:
        del payment_intent_data, payment_method_types
        ends = int(expires_at)
        now = int(time.time())
        if mode != "payment" or not line_items or not success_url:
            raise UserError(400, "Bad request")
        if _STRICT[0] and not now + SHORTEST_S - 5 <= ends <= now + LONGEST_S:
            raise UserError(400, "The `expires_at` timestamp must be 30 minutes to 24 hours ahead")
        super().__init__()
        self.mode = mode
        self._items = [_item(one) for one in line_items]
        currencies = {one["currency"] for one in self._items}
        if len(currencies) != 1:
            raise UserError(400, "Bad request")
        self.currency = currencies.pop()
        self.amount_total = sum(one["amount"] for one in self._items)
        self.expires_at = ends
        self.client_reference_id = client_reference_id
        self.customer_email = customer_email
        self.metadata = metadata or {}
        self.success_url = success_url
        self.cancel_url = cancel_url
        self.payment_intent: str | None = None
        self.payment_status = "unpaid"
        self.status = "open"

    @property
    def url(self) -> str | None:
        if self.status != "open":
            return None
        return f"http://127.0.0.1:{_PORT[0]}/_config/checkout/{self.id}"

    def _pay(self, number: str) -> bool:
        """Charge a card; say whether that went through."""
        card = {"number": number, "exp_month": "12", "exp_year": "2099", "cvc": "123"}
        method = resources.PaymentMethod(type="card", card=card)
        intent = resources.PaymentIntent._api_create(
            amount=self.amount_total,
            currency=self.currency,
            payment_method=method.id,
            confirm=True,
        )
        if intent.status != "succeeded":
            return False
        self.payment_intent = intent.id
        self.payment_status, self.status = "paid", "complete"
        return True

    def _expire(self) -> None:
        if self.status != "open":
            raise UserError(400, "Only Checkout Sessions with a status of `open` can be expired")
        self.status = "expired"


def _item(raw: dict[str, Any]) -> dict[str, Any]:
    price = raw["price_data"]
    product = price["product_data"]
    return {
        "currency": price["currency"],
        "amount": int(price["unit_amount"]) * int(raw["quantity"]),
        "name": product["name"],
        "description": product["description"],
    }


def _find(request: web.Request) -> CheckoutSession:
    session = CheckoutSession._api_retrieve(request.match_info["id"])
    assert isinstance(session, CheckoutSession)
    return session


def _tell(kind: str, session: CheckoutSession) -> None:
    schedule_webhook(resources.Event(kind, session))


async def create(request: web.Request) -> web.Response:
    data = await get_post_data(request) or {}
    key = request.headers.get("Idempotency-Key", "")
    asked = json.dumps(data, sort_keys=True)
    known = _STARTED.get(key)
    if known is not None:
        if known[0] != asked:
            raise UserError(400, "Keys for idempotent requests can only be used with the same")
        return web.json_response(CheckoutSession._api_retrieve(known[1])._export())
    session = CheckoutSession(**data)
    if key:
        _STARTED[key] = (asked, session.id)
    return web.json_response(session._export())


async def show(request: web.Request) -> web.Response:
    return web.json_response(_find(request)._export())


async def expire(request: web.Request) -> web.Response:
    session = _find(request)
    session._expire()
    _tell("checkout.session.expired", session)
    return web.json_response(session._export())


async def page(request: web.Request) -> web.Response:
    """The provider's page."""
    return _page(_find(request), "")


async def pay(request: web.Request) -> web.Response:
    """Pay there, and go back."""
    session = _find(request)
    if session.status != "open":
        return _page(session, "This page has expired.")
    number = str((await request.post()).get("card", "")).replace(" ", "")
    if not session._pay(number):
        return _page(session, "Your card was declined.")
    _tell("checkout.session.completed", session)
    raise web.HTTPSeeOther(session.success_url)


def _page(session: CheckoutSession, problem: str) -> web.Response:
    lines = "".join(
        f"<li>{html.escape(one['name'])}: {one['amount'] / 100:.2f} "
        f"<small>{html.escape(one['description'])}</small></li>"
        for one in session._items
    )
    text = (
        "<!doctype html><html lang='en'><title>Pay</title><link rel='icon' href='data:,'>"
        "<h1>Test payment page</h1>"
        f"<p role='alert'>{problem}</p><ul>{lines}</ul>"
        f"<p>Total: {session.amount_total / 100:.2f} {session.currency.upper()}</p>"
        "<form method='post'><label>Card number <input name='card'></label>"
        "<button>Pay</button></form>"
        f"<a href='{html.escape(session.cancel_url)}'>Back</a></html>"
    )
    return web.Response(text=text, content_type="text/html")


async def ready(_: web.Request) -> web.Response:
    return web.Response()


async def lenient(_: web.Request) -> web.Response:
    """Take any `expires_at`: for tests whose clock is not the machine's."""
    _STRICT[0] = False
    return web.Response()


def main(port: int) -> None:
    """Serve on 127.0.0.1."""
    _PORT.append(port)
    resources.Store.dump_to_disk = lambda _: None  # every instance keeps to itself
    routes: tuple[tuple[str, str, Callable[[web.Request], Awaitable[web.Response]]], ...] = (
        ("POST", "/v1/checkout/sessions", create),
        ("GET", "/v1/checkout/sessions/{id}", show),
        ("POST", "/v1/checkout/sessions/{id}/expire", expire),
        ("GET", "/_config/checkout/{id}", page),
        ("POST", "/_config/checkout/{id}", pay),
        ("GET", "/_config/ready", ready),
        ("POST", "/_config/lenient", lenient),
    )
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
