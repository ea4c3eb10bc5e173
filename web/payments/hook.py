"""Where Stripe tells of payments: POST /payments/stripe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from web.keys import DESK, RELAY
from web.payments.stripe import Forged, read_webhook

log = logging.getLogger(__name__)

PATH = "/payments/stripe"
BODY_LIMIT = 64 * 1024
BODY_S = 10.0
"""How long a body may take to arrive."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def route(secret: str) -> web.RouteDef:
    """Return the route that hears Stripe. It answers 200 to all that Stripe has signed.

    400 means forged, 413 too large; whatever fails on our side is a 500, and Stripe comes again.
    """

    async def hear(request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        if body is None:
            return web.Response(status=413)
        try:
            word = read_webhook(body, request.headers.get("Stripe-Signature", ""), secret)
        except Forged:
            log.warning("a forged payment webhook was refused")
            return web.Response(status=400)
        if word is not None:
            heard = await request.app[DESK].payments.take(word)
            request.app[RELAY].changed(*heard.booked)
        return web.Response(status=200)

    return web.post(PATH, hear)


async def _body(request: web.Request) -> bytes | None:
    """Return the raw body, as it was signed; None if it is too large."""
    body = bytearray()
    async with asyncio.timeout(BODY_S):
        async for piece in request.content.iter_chunked(BODY_LIMIT):
            body += piece
            if len(body) > BODY_LIMIT:
                return None
    return bytes(body)
