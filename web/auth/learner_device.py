"""Which device a learner's browser is: a secret of its own, by which a session knows it again.

Nobody is shut out by it. A browser that has lost its cookie is another device: it gets one page
more, on which the learner says that they want to go on there.
"""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from invigilation.desk.people import digest
from invigilation.errors import InvigilationError
from web.auth import cookies
from web.keys import DESK

DEVICE: Final = "__Host-device"
DEVICE_HOURS: Final = 30 * 24
SHORTEST: Final = 20
LONGEST: Final = 100
FRESH = web.RequestKey("fresh_device", str)
"""The secret that a browser without one gets with the answer."""


class OtherDevice(InvigilationError):
    """The learner takes part on another device."""

    code = "other_device"

    def __init__(self) -> None:
        super().__init__("Your session is open on another device. Load this page again.")


def secret_of(request: web.Request) -> str:
    """Return the secret of the browser that asks; a new one where it has none."""
    given = request.cookies.get(DEVICE, "")
    if SHORTEST <= len(given) <= LONGEST and given.isascii():
        return given
    request[FRESH] = fresh = request.get(FRESH) or secrets.token_urlsafe(24)
    return fresh


def digest_of(request: web.Request) -> str:
    """Return by what the browser that asks is known: the digest of its secret."""
    return digest(secret_of(request))


async def bind(request: web.Request, session: str, secret: str) -> bool:
    """Let the session belong to this browser, if it belongs to none; say whether it is this one."""
    return await request.app[DESK].devices.bind(session, digest(secret))


def keep(response: web.StreamResponse, secret: str) -> None:
    """Let the browser keep its secret."""
    cookies.keep(response, DEVICE, secret, DEVICE_HOURS)


async def check(request: web.Request, session: str) -> None:
    """Raise `OtherDevice` when the session belongs to another browser than the one that asks."""
    known = await request.app[DESK].devices.of(session)
    if known is not None and known.device != digest_of(request):
        raise OtherDevice
