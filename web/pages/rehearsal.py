"""Testing the link: the page, what it measures by, and what is kept of it."""

from __future__ import annotations

import secrets

from aiohttp import web

from invigilation import probe
from invigilation.desk.office import LEARNER
from invigilation.errors import InvalidInput, NotSignedIn
from invigilation.ladder import Rung
from invigilation.probe import NAMES, Figures, Probe, ProbeKind, at_hour
from signalling.mirror import Mirrors
from signalling.sdp import MAX_OFFER_BYTES
from web.auth import csrf
from web.auth.limiting import limit
from web.auth.throttle import Throttle
from web.auth.visitor import VISITOR, request_id_of
from web.keys import DESK, SETTINGS
from web.pages.frame import fields, go, render
from web.pages.me import standing_of
from web.pages.mistakes import Refused
from web.pages.small_tests import PATH, boot_of
from web.pages.tickets import read_json

routes = web.RouteTableDef()

MIRRORS = web.AppKey("mirrors", Mirrors)
RUNS = web.AppKey("runs", Throttle)
RUNS_LIMIT = 40
"""Connections to a mirror of one login in a quarter of an hour: a test makes two."""
PIECES = web.AppKey("pieces", Throttle)
PIECES_LIMIT = 200
"""Pieces of bytes, up or down, of one login in a quarter of an hour."""
PIECE = 60_000
"""Bytes at most."""
SHOWN = 5
_NEVER = {"Cache-Control": "no-store"}
_NOISE = secrets.token_bytes(PIECE)
"""What nothing on the way can make smaller."""

RUNGS = {
    Rung.FULL: ("Full picture and sound", "good"),
    Rung.SMALL: ("Small pictures and sound", "good"),
    Rung.SLOW: ("Small, slow pictures and sound", "warn"),
    Rung.STILLS: ("Still pictures and sound", "warn"),
    Rung.SOUND: ("Sound only", "bad"),
    Rung.TEXT: ("Text only", "bad"),
}


@routes.get(PATH)
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page with its one button, what was measured before, and the consent."""
    standing = await standing_of(request)
    desk, settings = request.app[DESK], request.app[SETTINGS]
    ident = standing.asked.request.id
    wanted = await desk.probes.wanted(ident)
    probes = await desk.probes.of(ident)
    start = wanted.start
    return render(
        request,
        "rehearsal.html",
        at=standing,
        probes=probes[: -SHOWN - 1 : -1],
        rungs=RUNGS,
        agreed=wanted.agreed,
        start=start,
        at_hour=start is not None and at_hour(start, standing.now),
        days=probe.DAYS_BEFORE.days,
        kept=probe.FRESH.days,
        done=request.query.get("done", ""),
        boot=boot_of(request, settings.rehearsal_seconds),
    )


@routes.post(PATH + "/consent")
async def consent(request: web.Request) -> web.StreamResponse:
    """Let the pages test by themselves, or no more."""
    ident = request_id_of(request)
    yes = (await fields(request)).get("small") == "yes"
    if yes:
        await limit(request, "consent", ident)
    await request.app[DESK].probes.agree(ident, yes=yes)
    return go(f"{PATH}?done={'agreed' if yes else 'withdrawn'}#small-tests")


@routes.get(PATH + "/wanted")
async def wanted(request: web.Request) -> web.StreamResponse:
    """Say in how many seconds the learner's page is to test by itself; null: not at all."""
    wait = (await request.app[DESK].probes.wanted(request_id_of(request))).wait
    told = None if wait is None else round(wait.total_seconds())
    return web.json_response({"wait_s": told}, headers=_NEVER)


@routes.get(PATH + "/ping")
async def ping(request: web.Request) -> web.StreamResponse:
    """Answer at once with nothing."""
    request_id_of(request)
    return web.Response(status=204, headers=_NEVER)


@routes.get(PATH + "/bytes")
async def down(request: web.Request) -> web.StreamResponse:
    """Answer with so many bytes of noise."""
    _brake(request, PIECES)
    raw = request.query.get("n", "")
    size = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= len(str(PIECE)) else 0
    if not 0 < size <= PIECE:
        raise InvalidInput("n", f"Ask for 1 to {PIECE} bytes.")
    return web.Response(
        body=_NOISE[:size],
        content_type="application/octet-stream",
        headers={**_NEVER, "Content-Encoding": "identity"},
    )


@routes.post(PATH + "/bytes")
async def up(request: web.Request) -> web.StreamResponse:
    """Take bytes, and say how many came."""
    _learner(request)
    _brake(request, PIECES)
    if (request.content_length or 0) > PIECE:
        raise Refused("too_large", f"Send at most {PIECE} bytes at once.")
    data = await request.read()
    return web.json_response({"bytes": len(data)}, headers=_NEVER)


@routes.post(PATH + "/mirror")
async def mirror(request: web.Request) -> web.StreamResponse:
    """Answer an offer with a connection that sends the learner's own tracks back."""
    who = _learner(request)
    body = await read_json(request)
    sdp = body.get("sdp")
    if not isinstance(sdp, str) or len(sdp) > MAX_OFFER_BYTES:
        raise InvalidInput("sdp", "Send the offer as text.")
    _brake(request, RUNS)
    answer = await request.app[MIRRORS].open(who, sdp)
    return web.json_response({"sdp": answer}, headers=_NEVER)


@routes.delete(PATH + "/mirror")
async def hang_up(request: web.Request) -> web.StreamResponse:
    """End the connection."""
    await request.app[MIRRORS].end(_learner(request))
    return web.Response(status=204, headers=_NEVER)


@routes.post(PATH)
async def keep(request: web.Request) -> web.StreamResponse:
    """Keep what was measured, and say what to expect."""
    ident = _learner(request)
    body = await read_json(request)
    kind = body.pop("kind", "")
    if not isinstance(kind, str) or kind not in set(ProbeKind):
        raise InvalidInput("kind", "Say full or small.")
    if {*body} != {*NAMES}:
        raise InvalidInput("body", "Send each of the figures, and nothing else.")
    one = await request.app[DESK].probes.keep(ident, ProbeKind(kind), Figures(**body))
    return web.json_response(_told(one), headers=_NEVER)


def _told(one: Probe) -> dict[str, object]:
    expected = one.expected
    return {
        "rung": expected.rung.value,
        "way": expected.way.value,
        "name": RUNGS[expected.rung][0],
        "kind": RUNGS[expected.rung][1],
        "words": probe.in_words(one.figures, expected),
    }


def _learner(request: web.Request) -> str:
    """Return the request of the learner whose page asks: its token belongs to their login."""
    login = request[VISITOR].learner
    given = request.headers.get(csrf.HEADER, "")
    if login is None or not secrets.compare_digest(given.encode(), login.csrf.encode()):
        raise NotSignedIn("Please sign in again.")
    return login.person


def _brake(request: web.Request, key: web.AppKey[Throttle]) -> None:
    """Raise for what comes more often than any test needs it."""
    who, brake = request_id_of(request), request.app[key]
    now = request.app[DESK].office.clock.monotonic()
    if brake.wait(LEARNER, who, now) > 0:
        raise Refused("busy", "You have tested the link often. Please wait some minutes.")
    brake.fail(LEARNER, who, now)
