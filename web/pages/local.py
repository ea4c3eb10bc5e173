"""The learner's page tells and brings what their device kept: signalling/PROTOCOL.md."""

from __future__ import annotations

import secrets

from aiohttp import web

from invigilation.errors import NotFound, NotSignedIn
from invigilation.fill import NotWanted
from web.arriving import CHUNK, LATER_S, NoRoom, WrongOffset
from web.auth import csrf
from web.auth.visitor import VISITOR, request_id_of
from web.keys import SETTINGS
from web.local import LocalKeeping, is_recording, links_of
from web.pages.mistakes import Refused
from web.pages.tickets import read_json

routes = web.RouteTableDef()
LOCAL = web.AppKey("local", LocalKeeping)
PATH = "/room/local"
_NEVER = {"Cache-Control": "no-store"}


@routes.get(PATH, allow_head=False)
async def look(request: web.Request) -> web.StreamResponse:
    """Say how everything stands that this learner's devices have told of a session."""
    learner = request_id_of(request)
    answer = await request.app[LOCAL].look(request.query.get("session", ""), learner)
    answer["segment_s"] = request.app[SETTINGS].local_segment_s
    return web.json_response(answer, headers=_NEVER)


@routes.post(PATH + "/{recording}/chain")
async def chain(request: web.Request) -> web.StreamResponse:
    """Take links of a chain in."""
    learner, recording = _learner(request), _recording(request)
    session, first, links = links_of(await read_json(request))
    answer = await request.app[LOCAL].tell(session, learner, recording, first, links)
    return web.json_response(answer, headers=_NEVER)


@routes.put(PATH + "/{recording}/{n:[0-9]{1,6}}/{offset:[0-9]{1,8}}")
async def put(request: web.Request) -> web.StreamResponse:
    """Take a piece of a chunk in, or say where to go on with it.

    A service that was started again has forgotten what had come of a chunk, and a gap that has
    closed meanwhile wants fewer of them: neither is a mistake of the page's.
    """
    learner, recording = _learner(request), _recording(request)
    if (request.content_length or 0) > CHUNK:
        raise Refused("too_large", f"Send at most {CHUNK} bytes at once.")
    data = await request.read()
    n, offset = int(request.match_info["n"]), int(request.match_info["offset"])
    answer: dict[str, object]
    try:
        answer = await request.app[LOCAL].put(learner, recording, n, offset, data)
    except WrongOffset as other:
        answer = {"have": other.have}
    except NotWanted:
        answer = {"have": offset + len(data), "wanted": False}
    except NoRoom:
        answer = {"have": offset, "later": LATER_S}
    return web.json_response(answer, headers=_NEVER)


def _recording(request: web.Request) -> str:
    name = request.match_info["recording"]
    if not is_recording(name):
        raise NotFound("recording", name)
    return name


def _learner(request: web.Request) -> str:
    """Return the request of the learner whose page asks: its token belongs to their login."""
    learner = request[VISITOR].learner
    given = request.headers.get(csrf.HEADER, "")
    if learner is None or not secrets.compare_digest(given.encode(), learner.csrf.encode()):
        raise NotSignedIn("Please sign in again.")
    return request_id_of(request)
