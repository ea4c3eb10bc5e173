"""Counts who signs in, and who tries to: by the answers of the doors, whatever is behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.auth import cookies
from web.watchers import Metrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STAFF, LEARNER, MACHINE = "staff", "learner", "machine"
GOOD, REFUSED, SLOWED = "good", "refused", "slowed"
DOORS: Final[Mapping[str, str]] = {
    "POST /staff/sign-in": STAFF,
    "POST /staff/sign-in/code": STAFF,
    "GET /staff/company/back": STAFF,
    "GET /staff/company/enter": STAFF,
    "POST /r/{token}": LEARNER,
    "POST /api/oauth/token": MACHINE,
    "POST /edx/oauth2/access_token": MACHINE,
}
"""Where somebody shows a secret, and as what."""
KEYS: Final = {STAFF: cookies.STAFF, LEARNER: cookies.LEARNER}
"""What whoever is let in is given."""


@dataclass(frozen=True, slots=True)
class Entrances:
    """Counts at the doors. Half a sign-in (a right password, the code still to come) is none."""

    metrics: Metrics

    def middleware(self) -> Middleware:
        """Return what sees every answer, after all others have had it."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            kind = DOORS.get(door_of(request))
            if kind is None:
                return await handler(request)
            try:
                response = await handler(request)
            except web.HTTPException as refusal:
                self._count(kind, refusal)
                raise
            self._count(kind, response)
            return response

        return count

    def _count(self, kind: str, answer: web.StreamResponse) -> None:
        result = result_of(kind, answer)
        if result:
            self.metrics.sign_ins.labels(kind, result).inc()


def door_of(request: web.Request) -> str:
    """Return the method and the path of a route, without what stands in it."""
    resource = request.match_info.route.resource
    return "" if resource is None else f"{request.method} {resource.canonical}"


def result_of(kind: str, answer: web.StreamResponse) -> str:
    """Say how it went, by the answer; empty for half of the way."""
    if answer.status == 429:
        return SLOWED
    if answer.status >= 500 or answer.status == 403:  # not even a try: a form of another page's
        return ""
    if answer.status >= 400:
        return REFUSED
    if kind == MACHINE:
        return GOOD
    given = answer.cookies.get(KEYS[kind])
    return GOOD if given is not None and given.value else ""
