"""How often anybody may ask: one table of rates, kept for every route in one place.

A request is counted by the place that it comes from (`network_of`), before its handler runs; a
handler may count it once more by who asks (`limit`). Places with many people in them, such as a
ship behind one address, stay far below these rates; an operator raises all of them at once by the
setting `rate_factor`. Where somebody has used up a place's rate, everybody there who is signed in
is counted by themselves (`OWN`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from invigilation.errors import InvigilationError
from web.api.problems import Problem
from web.auth.known import KNOWN, Known
from web.auth.place import FORWARDED, network_of, peer_of, place_of
from web.auth.shared import Shared
from web.keys import SETTINGS

Held = tuple[tuple[str, int], ...]
"""What is counted while a request is handled, and how many there may be of each."""
Explain = Callable[[web.Request, InvigilationError], web.StreamResponse]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times in so many seconds; `shared` with the other processes by Redis, if it is set.

    What may be guessed is shared; the others only keep one process from being overrun.
    """

    times: int
    seconds: int = 60
    shared: bool = False


RATES: Final[Mapping[str, Rate]] = {
    "read": Rate(3_000),
    "write": Rate(1_500),
    "file": Rate(12_000),
    "socket": Rate(600),
    "ticket": Rate(600),
    "token": Rate(120, shared=True),
    "sign_in": Rate(600, shared=True),
    "link": Rate(300, shared=True),
    "launch": Rate(600, shared=True),
    "slots": Rate(600),
    "export": Rate(60),
    "piece": Rate(6_000),
    "evidence": Rate(3_000),
    "look_up": Rate(600),
    "consent": Rate(20),
    "own_read": Rate(300),
    "own_write": Rate(150),
    "own_file": Rate(600),
    "own_socket": Rate(60),
    "own_ticket": Rate(60),
    "own_piece": Rate(1_500),
    "own_evidence": Rate(600),
    "own_slots": Rate(60),
    "own_export": Rate(20),
}
"""Every rate, of one place. `piece`: of a picture or a recording that is sent in many requests;
`evidence`: a player asks for a recording piece by piece; `look_up`: whose unknown cookies are,
while another rate is used up; `consent`: how often one learner gives one again; `own_...`: of one
person who is signed in, when their place has used up its own."""

OWN: Final[Mapping[str, str]] = {
    name.removeprefix("own_"): name for name in RATES if name.startswith("own_")
}
"""By a place's rate that of a person; what may be guessed has none."""

UNCOUNTED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked by machines of the house, often and cheaply."""

ROUTES: Final[Mapping[str, str]] = {
    "GET /static/{name}": "file",
    "GET /favicon.ico": "file",
    "GET /room/socket/": "socket",
    "POST /room/ticket": "ticket",
    "POST /api/oauth/token": "token",
    "POST /edx/oauth2/access_token": "token",
    "POST /staff/sign-in": "sign_in",
    "POST /staff/sign-in/code": "sign_in",
    "POST /staff/confirm": "sign_in",
    "GET /staff/company": "sign_in",
    "GET /staff/company/enter": "sign_in",
    "GET /r/{token}": "link",
    "POST /r/{token}": "link",
    "GET /onboard/{token}": "link",
    "POST /onboard/{token}": "link",
    "GET /second/{token}": "link",
    "POST /second/{token}": "link",
    "GET /feeds/{token}.ics": "link",
    "GET /lti/picture/{token}": "link",
    "GET /lti/register/{invitation}": "link",
    "GET /lti/login": "launch",
    "POST /lti/login": "launch",
    "POST /lti/launch": "launch",
    "GET /lti/start/{attempt}": "launch",
    "GET /api/requests/{id}/slots": "slots",
    "GET /me/book": "slots",
    "GET /me/change": "slots",
    "GET /staff/book/{request}": "slots",
    "GET /staff/bookings/{booking}/places": "slots",
    "GET /staff/records/{session}/bundle": "export",
    "GET /staff/records/{session}/report.pdf": "export",
    "GET /staff/records/{session}/download": "export",
    "GET /staff/onboard/{form}/download": "export",
    "GET /staff/bookings.csv": "export",
    "GET /staff/audit.csv": "export",
    "GET /staff/charges/ledger.csv": "export",
    "GET /staff/evidence/{evidence}": "evidence",
    "PUT /room/captures/{capture}/{part}/{offset}": "piece",
    "PUT /room/local/{recording}/{n}/{offset}": "piece",
    "GET /rehearsal/ping": "piece",
    "GET /rehearsal/bytes": "piece",
    "POST /rehearsal/bytes": "piece",
}
"""What is expensive or could be guessed. Every other route has the rate `read`, or `write` when it
may change something; what leads nowhere counts as `link`."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
AT_ONCE: Final = 300
"""Requests of one place that are being handled, live connections apart."""
ROUTE_AT_ONCE: Final = 200
"""Of them, of one route: what hangs there leaves room for the others."""
OWN_AT_ONCE: Final = 40
"""The same of one person who is signed in, where their place has no more."""
BODY_S: Final = 120.0
"""So long may what somebody sends take to come in; the slowest link brings a form in 20 s."""
PICTURE_S: Final = 1_800.0
PICTURES: Final = frozenset({"POST /onboard/{token}"})
"""Where as much as a photograph comes in one request."""
TIDY_S: Final = 10.0
"""Between two looks for counts that are over."""
PLAIN: Final = ("/edx/", "/room/", "/payments/", "/lti/")
"""Under these paths machines and scripts ask."""

log = structlog.get_logger(__name__)


class TooMany(InvigilationError):
    """Too often in too short a time; `wait_s` seconds from now it may be tried again."""

    code = "too_many"

    def __init__(self, wait_s: int) -> None:
        super().__init__("There were too many requests from your network. Please wait a moment.")
        self.wait_s = wait_s


class _Memory(MemoryStorage):
    """The library's counts in memory, which it would go through at every single request."""

    def __init__(self) -> None:
        super().__init__()
        self._tidied = time.monotonic()

    async def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - the library's, mangled
        now = time.monotonic()
        if now - self._tidied < TIDY_S:
            return
        self._tidied = now
        over = [key for key, end in self.expirations.items() if end <= time.time()]
        for key in over:
            await self.clear(key)


@dataclass(slots=True)
class Limiter:
    """Counts who asks how often; `factor` multiplies every rate."""

    factor: float = 1.0
    redis_url: str = ""
    refused: Counter[str] = field(default_factory=Counter)
    """How often each rate refused somebody, since the start."""
    at_once: Counter[str] = field(default_factory=Counter)
    _own: SlidingWindowCounterRateLimiter = field(init=False)
    shared: Shared | None = field(init=False)
    """What all processes count together, if Redis is set up."""
    _shared: SlidingWindowCounterRateLimiter | None = field(init=False)
    _warned: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Make the counts; nothing is connected yet."""
        self._own = SlidingWindowCounterRateLimiter(_Memory())
        self.shared = Shared(self.redis_url) if self.redis_url else None
        self._shared = None
        if self.shared is not None:
            self._shared = SlidingWindowCounterRateLimiter(self.shared.storage)

    async def take(self, name: str, who: str) -> None:
        """Count once; raises `TooMany` beyond the rate of that name."""
        if not await self.allows(name, who):
            raise self.refusal(name)

    async def allows(self, name: str, who: str) -> bool:
        """Count once; say whether it is within the rate of that name."""
        rate = RATES[name]
        item = RateLimitItemPerSecond(max(1, round(rate.times * self.factor)), rate.seconds)
        return await self._hit(rate, item, name, who)

    def refusal(self, name: str) -> TooMany:
        """Note that somebody is refused; return what to raise."""
        self.refused[name] += 1
        if self.refused[name] % 100 == 1:
            log.warning("too many requests", rate=name, refused=self.refused[name])
        return TooMany(RATES[name].seconds if name in RATES else 1)

    async def _hit(self, rate: Rate, item: RateLimitItemPerSecond, name: str, who: str) -> bool:
        if rate.shared and self.shared is not None and self._shared is not None:
            within = await self.shared.ask(self._shared.hit(item, name, who))
            if within is not None:
                return within
        return await self._own.hit(item, name, who)

    def has_room(self, name: str, held: Held) -> bool:
        """Say whether there may be one more request at once."""
        return name == "socket" or all(
            self.at_once.get(what, 0) < most * self.factor for what, most in held
        )

    @contextlib.contextmanager
    def place(self, name: str, held: Held) -> Iterator[None]:
        """Hold one of the requests that there may be at once; raises `TooMany`."""
        if name == "socket":  # it lasts as long as the session
            yield
            return
        if not self.has_room(name, held):
            raise self.refusal("at_once")
        for what, _most in held:
            self.at_once[what] += 1
        try:
            yield
        finally:
            for what, _most in held:
                self.at_once[what] -= 1
                if not self.at_once[what]:
                    del self.at_once[what]

    def look(self, request: web.Request) -> None:
        """Say once when a proxy stands in front that no setting names: all count as one place."""
        if self._warned or FORWARDED not in request.headers:
            return
        if place_of(request) == peer_of(request):
            self._warned = True
            log.warning("a proxy names clients and is not in trusted_proxies: see operating.md")

    async def close(self) -> None:
        """Let go of Redis."""
        if self.shared is not None:
            await self.shared.close()


LIMITER = web.AppKey("limiter", Limiter)


async def limit(request: web.Request, name: str, who: str = "") -> None:
    """Count this request under a rate of the table, by who asks or else by its place.

    Raises `TooMany`.
    """
    await request.config_dict[LIMITER].take(name, who or network_of(request))


def rate_of(request: web.Request) -> str:
    """Return the name of the rate that a request counts under."""
    route = _route(request)
    if not route:
        return "link"
    return ROUTES.get(route) or ("read" if request.method in SAFE else "write")


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    method = "GET" if request.method == "HEAD" else request.method
    return "" if resource is None else f"{method} {resource.canonical}"


def limits(explain: Explain) -> Middleware:
    """Make the middleware that counts every request by its place, and turns away what is too much.

    It stands before all others: nothing of the request is read before. `explain` makes the page.
    """

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in UNCOUNTED:
            return await handler(request)
        limiter, name = request.config_dict[LIMITER], rate_of(request)
        limiter.look(request)
        try:
            held = await _admit(request, limiter, name)
            with limiter.place(name, held), _hurry(request):
                return await handler(request)
        except TooMany as refusal:
            answer = _for_machines(request, refusal) or explain(request, refusal)
            answer.headers["Retry-After"] = str(refusal.wait_s)
            return answer

    return counted


async def _admit(request: web.Request, limiter: Limiter, name: str) -> Held:
    """Count a request; return what it is held by. Raises `TooMany`."""
    place = network_of(request)
    held = ((place, AT_ONCE), (f"{place} {_route(request)}", ROUTE_AT_ONCE))
    within = await limiter.allows(name, place)
    if within and limiter.has_room(name, held):
        return held
    who, known = "", request.config_dict.get(KNOWN)
    if name in OWN and known is not None:
        who = await known.find(request, lambda: limiter.allows("look_up", place))
    if not who:
        raise limiter.refusal("at_once" if within else name)
    await limiter.take(OWN[name], who)
    return ((who, OWN_AT_ONCE),)


@contextlib.contextmanager
def _hurry(request: web.Request) -> Iterator[None]:
    """Cut a connection whose body does not come in, whatever waits for it."""
    if not request.can_read_body:
        yield
        return

    def cut() -> None:
        if not request.content.is_eof() and request.transport is not None:
            log.info("a body came too slowly", rate=rate_of(request))
            request.transport.abort()

    seconds = PICTURE_S if _route(request) in PICTURES else BODY_S
    timer = asyncio.get_running_loop().call_later(seconds, cut)
    try:
        yield
    finally:
        timer.cancel()


def setup(app: web.Application, explain: Explain) -> None:
    """Count every request of an application, which holds its settings by now."""
    settings = app[SETTINGS]
    app[LIMITER] = Limiter(settings.rate_factor, settings.redis_url)
    app[KNOWN] = Known()
    app.middlewares.append(limits(explain))
    app.cleanup_ctx.append(_closing)


async def _closing(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[LIMITER].close()


def _for_machines(request: web.Request, refusal: TooMany) -> web.Response | None:
    if request.path.startswith("/api/"):
        return Problem("too_many", str(refusal)).response()
    if request.path.startswith(PLAIN):
        error = {"error": {"code": refusal.code, "detail": str(refusal)}}
        return web.json_response(error, status=429)
    return None
