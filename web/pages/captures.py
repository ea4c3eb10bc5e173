"""The learner's page sends pictures of the document: signalling/PROTOCOL.md, web/captures.py."""

from __future__ import annotations

import secrets

import structlog
from aiohttp import web

from invigilation.errors import InvalidInput, NotFound, NotSignedIn
from web.arriving import CHUNK, LATER_S, NoRoom
from web.auth import csrf, learner_device
from web.auth.visitor import VISITOR, request_id_of
from web.captures import Captures, Unwanted, plan_of
from web.keys import DESK
from web.pages.mistakes import Refused
from web.pages.tickets import read_json

log = structlog.get_logger(__name__)
routes = web.RouteTableDef()
CAPTURES = web.AppKey("captures", Captures)
PATH = "/room/captures"
_NEVER = {"Cache-Control": "no-store"}


@routes.post(PATH)
async def begin(request: web.Request) -> web.StreamResponse:
    """Take a capture on, or say where to go on with it."""
    session = await _session(request)
    body = await read_json(request)
    if body.get("session") != session:
        raise NotFound("session", str(body.get("session")))
    plan = plan_of(session, body)
    try:
        have, evidence = await request.app[CAPTURES].begin(plan)
    except Unwanted:
        return _unwanted()
    log.info(
        "capture",
        session=session,
        kind=plan.kind,
        side=plan.side,
        bytes=plan.size,
        have=sum(have),
        quality=body.get("quality"),
    )
    answer = {"capture": plan.name, "chunk": CHUNK, "have": have, "evidence": evidence}
    return web.json_response(answer, headers=_NEVER)


@routes.put(PATH + "/{capture}/{part:[0-9]}/{offset:[0-9]{1,8}}")
async def put(request: web.Request) -> web.StreamResponse:
    """Take a chunk in."""
    session = await _session(request)
    if (request.content_length or 0) > CHUNK:
        raise Refused("too_large", f"Send at most {CHUNK} bytes at once.")
    data = await request.read()
    where = request.match_info
    have = request.app[CAPTURES].put(
        session, where["capture"], int(where["part"]), int(where["offset"]), data
    )
    return web.json_response({"have": have}, headers=_NEVER)


@routes.post(PATH + "/{capture}/finish")
async def finish(request: web.Request) -> web.StreamResponse:
    """Put the picture into the record."""
    session = await _session(request)
    if await read_json(request):
        raise InvalidInput("body", "Send an empty JSON object.")
    try:
        evidence = await request.app[CAPTURES].finish(session, request.match_info["capture"])
    except Unwanted:
        return _unwanted()
    except NoRoom:
        return web.json_response({"evidence": None, "later": LATER_S}, headers=_NEVER)
    return web.json_response({"evidence": evidence}, headers=_NEVER)


def _unwanted() -> web.Response:
    """Tell the page to drop a picture that came too late: a slow link is nobody's mistake."""
    return web.json_response({"evidence": None, "wanted": False}, headers=_NEVER)


async def _session(request: web.Request) -> str:
    """Return the session of the learner whose page asks: its token belongs to their login."""
    learner = request[VISITOR].learner
    given = request.headers.get(csrf.HEADER, "")
    if learner is None or not secrets.compare_digest(given.encode(), learner.csrf.encode()):
        raise NotSignedIn("Please sign in again.")
    sitting = await request.app[DESK].bookings.latest(request_id_of(request))
    if sitting is None:
        raise NotFound("session", "")
    await learner_device.check(request, sitting.session)
    return sitting.session
