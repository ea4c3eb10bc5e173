"""The ticket that opens one live connection, and where its media may find relays."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from invigilation.desk.people import Kind
from invigilation.errors import InvalidInput, NotFound, NotSignedIn
from invigilation.people import Role
from invigilation.store.logins import Login
from web.auth import csrf, learner_device
from web.auth.visitor import VISITOR, request_id_of, second_of, staff_of
from web.keys import DESK, SETTINGS
from web.turn import ice_servers

routes = web.RouteTableDef()

SOCKET_PATH = "/room/socket"
TICKET_PATH = "/room/ticket"


@routes.post(TICKET_PATH)
async def ticket(request: web.Request) -> web.StreamResponse:
    """Answer with a ticket for one live connection, and where to find relays.

    One browser may hold several logins. Whose page asks is told by its form token, which belongs
    to one of them.
    """
    body = await read_json(request)
    given = request.headers.get(csrf.HEADER, "")
    visitor = request[VISITOR]
    if visitor.staff is not None and _same(given, visitor.staff.csrf):
        who, token = await _staff_ticket(request)
    elif visitor.learner is not None and _same(given, visitor.learner.csrf):
        return _answer(await learner_ticket(request, body.get("session")))
    elif visitor.second is not None and _same(given, visitor.second.csrf):
        who, token = await _second_ticket(request, body.get("session"))
    else:
        raise NotSignedIn("Please sign in again.")
    return _answer(_with_relays(request, who, token))


def _answer(body: dict[str, object]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def _with_relays(request: web.Request, who: str, token: str) -> dict[str, object]:
    servers = ice_servers(request.app[SETTINGS], who, request.app[DESK].office.clock.now())
    return {"ticket": token, "ice_servers": servers}


async def _staff_ticket(request: web.Request) -> tuple[str, str]:
    person = await staff_of(request, Role.INVIGILATOR)
    login = _login(request[VISITOR].staff)
    reception = request.app[DESK].reception
    return person.id, await reception.ticket(Kind.STAFF, person.id, None, login=login)


async def learner_ticket(request: web.Request, session: object) -> dict[str, object]:
    """Return a `ticket` for the learner whose request this is, and `ice_servers` with it.

    Raises `NotFound` when this is not their session, and `OtherDevice`.
    """
    ident = request_id_of(request)
    desk = request.app[DESK]
    sitting = await desk.bookings.latest(ident)
    if sitting is None or sitting.session != session:
        raise NotFound("session", str(session))
    await learner_device.check(request, sitting.session)
    login, device = _login(request[VISITOR].learner), learner_device.digest_of(request)
    token = await desk.reception.ticket(Kind.LEARNER, ident, sitting.session, device, login)
    return _with_relays(request, ident, token)


async def _second_ticket(request: web.Request, session: object) -> tuple[str, str]:
    own = second_of(request)
    if own != session:
        raise NotFound("session", str(session))
    login = _login(request[VISITOR].second)
    return own, await request.app[DESK].reception.ticket(Kind.SECOND, own, own, login=login)


def _login(one: Login | None) -> str | None:
    return None if one is None else one.token_sha256


async def read_json(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that a script sent; raises `InvalidInput`."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise InvalidInput("body", "Send a JSON object.") from None
    if request.content_type != "application/json" or not isinstance(body, dict):
        raise InvalidInput("body", "Send a JSON object.")
    return body


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
