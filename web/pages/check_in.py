"""Check-in with consent, the learner's room, and the ticket that opens a live connection."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from invigilation.desk.people import Kind
from invigilation.errors import InvalidInput, NotFound, NotSignedIn, TooLate
from invigilation.people import Role
from invigilation.session import LIVE, SessionState
from web.auth import csrf
from web.auth.visitor import VISITOR, request_id_of, staff_of
from web.keys import DESK, RELAY, SETTINGS
from web.pages.frame import fields, go, render
from web.pages.me import standing_of
from web.pages.personal import note_attempt

routes = web.RouteTableDef()

SOCKET_PATH = "/room/socket"
TICKET_PATH = "/room/ticket"
PURPOSES = {
    "identity": "Agree to the identity pictures, or ask us for another way.",
    "recording": "Agree to the recording, or ask us for another way.",
}


@routes.get("/me/check-in")
async def show(request: web.Request) -> web.StreamResponse:
    """Show what may be used and ask for consent; before or after its time, say so."""
    return await _form(request, {}, {})


@routes.post("/me/check-in")
async def check_in(request: web.Request) -> web.StreamResponse:
    """Check the learner in and lead them into the room."""
    standing = await standing_of(request)
    if standing.sitting is None:
        return go("/me")
    entered = await fields(request)
    consent = tuple(name for name in PURPOSES if entered.get(name) == "yes")
    missing = {name: text for name, text in PURPOSES.items() if name not in consent}
    if missing and standing.sitting.session_state is SessionState.SCHEDULED:
        return await _form(request, entered, missing)
    try:
        await request.app[DESK].sessions.check_in(standing.sitting.session, consent)
    except (InvalidInput, TooLate):
        # Too early or too late: the page itself says when.
        return go("/me/check-in")
    request.app[RELAY].changed(standing.sitting)
    return go("/me/room")


async def _form(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    standing = await standing_of(request)
    sitting = standing.sitting
    if standing.stage == "live":
        return go("/me/room")
    if sitting is None or standing.stage not in {"booked", "check_in", "missed"}:
        return go("/me")
    await note_attempt(request, sitting, "page_opened")
    settings = request.app[SETTINGS]
    return render(
        request,
        "check_in.html",
        status=422 if errors else 200,
        at=standing,
        sitting=sitting,
        entered=entered,
        errors=errors,
        identity_days=settings.identity_days,
        recording_days=settings.recording_days,
    )


@routes.get("/me/room")
async def room(request: web.Request) -> web.StreamResponse:
    """Show the room to a learner who has checked in."""
    standing = await standing_of(request)
    sitting = standing.sitting
    if sitting is None:
        return go("/me")
    if sitting.session_state is SessionState.SCHEDULED:
        return go("/me/check-in")
    if sitting.session_state not in LIVE:
        return go("/me")
    boot = {
        "session": sitting.session,
        "role": "learner",
        "socket_path": SOCKET_PATH,
        "ticket_url": TICKET_PATH,
        "state": sitting.session_state.value,
    }
    return render(request, "room.html", boot=boot)


@routes.post(TICKET_PATH)
async def ticket(request: web.Request) -> web.StreamResponse:
    """Answer with a ticket for one live connection, and where to find relays.

    One browser may hold a learner's and a member of staff's login. Whose page asks is told by its
    form token, which belongs to one of the two.
    """
    body = await _json(request)
    given = request.headers.get(csrf.HEADER, "")
    visitor = request[VISITOR]
    if visitor.staff is not None and _same(given, visitor.staff.csrf):
        token = await _staff_ticket(request)
    elif visitor.learner is not None and _same(given, visitor.learner.csrf):
        token = await _learner_ticket(request, body.get("session"))
    else:
        raise NotSignedIn("Please sign in again.")
    servers = [{"urls": url} for url in request.app[SETTINGS].ice_servers]
    answer = {"ticket": token, "ice_servers": servers}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def _staff_ticket(request: web.Request) -> str:
    person = await staff_of(request, Role.INVIGILATOR)
    return await request.app[DESK].reception.ticket(Kind.STAFF, person.id, None)


async def _learner_ticket(request: web.Request, session: object) -> str:
    ident = request_id_of(request)
    desk = request.app[DESK]
    sitting = await desk.bookings.latest(ident)
    if sitting is None or sitting.session != session:
        raise NotFound("session", str(session))
    return await desk.reception.ticket(Kind.LEARNER, ident, sitting.session)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise InvalidInput("body", "Send a JSON object.") from None
    if request.content_type != "application/json" or not isinstance(body, dict):
        raise InvalidInput("body", "Send a JSON object.")
    return body


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
