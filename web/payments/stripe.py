"""Stripe: a Checkout Session for each bill, and the reading of what Stripe tells of it.

Sources: docs.stripe.com/api/checkout/sessions, docs.stripe.com/webhooks (signatures).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
import stripe

from invigilation.errors import Busy, InvigilationError
from invigilation.ports import Bill, Fate, Line, Link, Word
from web.pages.words import money, percent

log = logging.getLogger(__name__)

NAME = "stripe"
CONNECT_S = 3.05
ANSWER_S = 10.0
CALLS = 4
"""So many calls to Stripe are under way at once; others wait for one of them."""
TOLERANCE_S = 300
"""How old a webhook's signature may be."""
EVENTS = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
}


class Forged(InvigilationError):
    """A webhook that Stripe has not signed, or too long ago."""

    code = "forged"


class StripePayments:
    """Takes payments through Stripe Checkout. `url` is the service's own address.

    Calls block, so they are made in threads; none is repeated by itself: the sweep asks again.
    """

    name = NAME

    def __init__(self, api_key: str, url: str, base: str = "") -> None:
        self._url = url
        self._session = requests.Session()
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base} if base else {},
            http_client=stripe.RequestsClient(timeout=(CONNECT_S, ANSWER_S), session=self._session),
            max_network_retries=0,
        )
        self._threads = ThreadPoolExecutor(CALLS, thread_name_prefix="stripe")

    def close_all(self) -> None:
        """Give threads and connections back; no call may follow."""
        self._threads.shutdown(cancel_futures=True)
        self._session.close()

    async def open(self, bill: Bill) -> Link:
        """Make a Checkout Session; the bill's key makes a repeated call harmless."""
        options = {"idempotency_key": bill.key}
        params = self._params(bill)
        try:
            made = await self._call(lambda: self._sessions.create(params=params, options=options))
        except stripe.InvalidRequestError:
            raise Busy("payment service") from None
        return Link(made.id, made.url)

    async def ask(self, reference: str) -> Word:
        """Say what Stripe knows of a session; one that it does not know has expired."""
        try:
            found = await self._call(lambda: self._sessions.retrieve(reference))
        except stripe.InvalidRequestError:
            return Word(reference, Fate.EXPIRED)
        return word_of(found)

    async def close(self, reference: str) -> Word:
        """Expire a session; one that was paid meanwhile stays paid."""
        try:
            found = await self._call(lambda: self._sessions.expire(reference))
        except stripe.InvalidRequestError:
            return await self.ask(reference)
        return word_of(found)

    @property
    def _sessions(self) -> Any:
        return self._client.v1.checkout.sessions

    def _params(self, bill: Bill) -> dict[str, Any]:
        known = {"payment": bill.key, "request": bill.request}
        return {
            "mode": "payment",
            # The slot waits for half an hour: methods that take days would lose it.
            "payment_method_types": ["card"],
            "line_items": [_item(line, bill.currency) for line in bill.lines],
            "expires_at": int(bill.expires.timestamp()),
            "client_reference_id": bill.key,
            "customer_email": bill.email,
            "metadata": known,
            "payment_intent_data": {"metadata": known},
            "success_url": f"{self._url}/me/pay/back",
            "cancel_url": f"{self._url}/me/pay/back?left=1",
        }

    async def _call(self, call: Callable[[], Any]) -> Any:
        """Make a call in a thread; raises `Busy`, or what Stripe refuses as wrong."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, call)
        except stripe.InvalidRequestError as error:
            # Its sentence may quote what was sent, such as an address; where the fault is may not.
            log.warning("stripe refused a call: %s %s", error.code, error.param)
            raise
        except stripe.StripeError as error:
            # Its text may hold what was sent; its kind says enough.
            log.warning("stripe could not be asked: %s %s", type(error).__name__, error.http_status)
            raise Busy("payment service") from None


def _item(line: Line, currency: str) -> dict[str, Any]:
    """Return a line with its VAT in it, to the penny as we round it, and stated in words."""
    net, vat = money(line.net_pence), money(line.vat_pence)
    return {
        "quantity": 1,
        "price_data": {
            "currency": currency.lower(),
            "unit_amount": line.net_pence + line.vat_pence,
            "product_data": {
                "name": line.title,
                "description": f"{net} and {vat} VAT ({percent(line.vat_basis_points)})",
            },
        },
    }


def word_of(session: Any) -> Word:
    """Read a Checkout Session, an object of the library or of JSON."""
    if session["payment_status"] == "paid":
        fate = Fate.PAID
    else:
        fate = Fate.EXPIRED if session["status"] == "expired" else Fate.OPEN
    pence, currency = session["amount_total"] or 0, session["currency"] or ""
    return Word(session["id"], fate, int(pence), str(currency).upper())


def read_webhook(body: bytes, signature: str, secret: str) -> Word | None:
    """Return what a webhook says of a link; None when it is about something else.

    Raises `Forged` when it is not signed with the secret, or was signed over 5 minutes ago.
    """
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_S)
        event = json.loads(body)
        kind, session = event["type"], event["data"]["object"]
        if kind not in EVENTS:
            return None
        word = word_of(session)
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError):
        raise Forged("This was not signed by Stripe.") from None
    if kind == "checkout.session.async_payment_failed":
        return Word(word.reference, Fate.FAILED)
    return word
