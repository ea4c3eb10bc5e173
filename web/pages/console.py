"""The invigilator's console."""

from __future__ import annotations

from aiohttp import web

from invigilation.people import Role
from web.auth.visitor import staff_of
from web.pages.frame import staff_page
from web.pages.tickets import SOCKET_PATH, TICKET_PATH

routes = web.RouteTableDef()


@routes.get("/staff/console")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the console; the page's script draws everything in it."""
    person = await staff_of(request, Role.INVIGILATOR)
    boot = {"role": "invigilator", "socket_path": SOCKET_PATH, "ticket_url": TICKET_PATH}
    return staff_page(request, person, "console.html", boot=boot)
