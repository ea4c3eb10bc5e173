"""The cookies: one each for staff, learners, second cameras and whoever has not signed in.

All are `__Host-` (RFC 6265bis 4.1.3.2): no other host and no plain connection can set them.
Browsers take `Secure` on http://localhost too. `Strict` suffices even for a link in a mail: the
page behind it needs no cookie, it only shows a button.
"""

from __future__ import annotations

from aiohttp import web

STAFF = "__Host-invigilation"
ENTERING = "__Host-entering"
"""Of staff between the password and the second factor."""
LEARNER = "__Host-learner"
SECOND = "__Host-second"
VISITOR = "__Host-visitor"
ZONE = "zone"
ZONE_SECONDS = 365 * 24 * 3600


def keep(response: web.StreamResponse, name: str, token: str, hours: int | None = None) -> None:
    """Give the browser a secret, for some hours or until it is closed."""
    response.set_cookie(
        name,
        token,
        max_age=None if hours is None else hours * 3600,
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )


def drop(response: web.StreamResponse, name: str) -> None:
    """Take a secret back."""
    response.del_cookie(name, path="/", secure=True, httponly=True, samesite="Strict")


def keep_zone(response: web.StreamResponse, zone: str) -> None:
    """Remember the time zone that somebody reads times in; no secret."""
    response.set_cookie(ZONE, zone, max_age=ZONE_SECONDS, path="/", samesite="Lax")
