"""How long a login of staff lives in silence: its page is told, and can make it live on."""

from __future__ import annotations

import math

from aiohttp import web

from invigilation.errors import NotSignedIn
from web.auth.visitor import AWAKE, VISITOR, staff_of
from web.keys import DESK

routes = web.RouteTableDef()


@routes.get(AWAKE)
@routes.post(AWAKE)
async def left(request: web.Request) -> web.StreamResponse:
    """Answer with `seconds`: after so much silence this login ends. JSON.

    A POST says that somebody is at work in the page, which every request but this GET says, too.
    """
    await staff_of(request)
    login = request[VISITOR].staff
    if login is None:
        raise NotSignedIn("Please sign in.")
    wait = (login.ends - request.app[DESK].office.clock.now()).total_seconds()
    answer = {"seconds": max(0, math.floor(wait))}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})
