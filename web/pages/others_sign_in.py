"""Where others of the staff are signed in: administrators see it, and sign them out."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from invigilation.people import Role
from web.auth.visitor import confirmed, staff_of
from web.keys import DESK, RELAY
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

PATH: Final = "/staff/admin/logins/{staff}"
DONE: Final = "Done. They are signed out there, and a mail tells them so."


@routes.get(PATH)
async def show(request: web.Request) -> web.StreamResponse:
    """List the browsers in which somebody is signed in; of oneself, one's own page does."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    await confirmed(request)
    whose = request.match_info["staff"]
    if whose == person.id:
        return go("/staff/me")
    found, logins = await request.app[DESK].logins.of(person, whose)
    done = DONE if request.query.get("done") else ""
    return staff_page(request, person, "others_sign_in.html", whose=found, logins=logins, done=done)


@routes.post(PATH + "/end")
@routes.post(PATH + "/{login}/end")
async def end(request: web.Request) -> web.StreamResponse:
    """Sign somebody out, in one browser or everywhere; live pages close at once."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    await confirmed(request)
    await fields(request)
    whose = request.match_info["staff"]
    await request.app[DESK].logins.end(person, whose, request.match_info.get("login", ""))
    request.app[RELAY].signed_out(whose)
    return go(f"/staff/admin/logins/{whose}?done=1")
