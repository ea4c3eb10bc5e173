"""A phone as second camera: a code on the learner's screen, a button on the phone, its page.

The code holds a link that is good once, for 15 minutes. Programs that look at what a camera has
scanned may open it too, so opening it does nothing: pressing its button does.
"""

from __future__ import annotations

import segno
from aiohttp import web

from invigilation.desk.people import LEARNER_HOURS, LINK_MINUTES
from invigilation.errors import InvigilationError, NotFound
from invigilation.session import LIVE
from web.auth import cookies, learner_device
from web.auth.visitor import VISITOR, request_id_of
from web.keys import DESK, SETTINGS
from web.pages.frame import go, render
from web.pages.tickets import SOCKET_PATH, TICKET_PATH

routes = web.RouteTableDef()

QUIET_ZONE = 4
"""Light modules around a QR code (ISO/IEC 18004, 9.1)."""
TOKEN_LIMIT = 100


@routes.post("/me/second-camera")
async def invite(request: web.Request) -> web.StreamResponse:
    """Answer with a link for the second camera of the learner's session, and its QR code.

    JSON: `url`; `path` and `size`, the code's dark modules as path data of SVG (SVG 2, 9.3) in a
    square of that side; `minutes`, how long the link is good. A newer link ends the older.
    """
    desk = request.app[DESK]
    sitting = await desk.bookings.latest(request_id_of(request))
    if sitting is None or sitting.session_state not in LIVE:
        raise NotFound("session", "")
    await learner_device.check(request, sitting.session)
    token = await desk.reception.second_camera_link(sitting.session)
    url = f"{request.app[SETTINGS].url}/second/{token}"
    size, path = qr_code(url)
    answer = {"url": url, "size": size, "path": path, "minutes": LINK_MINUTES}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


@routes.get("/second/{token}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show a button; nothing happens yet."""
    return render(request, "second_link.html")


@routes.post("/second/{token}")
async def enter(request: web.Request) -> web.StreamResponse:
    """Make this phone the second camera."""
    given = request.match_info["token"]
    desk = request.app[DESK]
    try:
        token, _ = await desk.reception.open_second_camera(given[:TOKEN_LIMIT])
    except InvigilationError:
        return render(request, "second_over.html", status=410, used=True)
    response = go("/second")
    cookies.keep(response, cookies.SECOND, token, LEARNER_HOURS)
    return response


@routes.get("/second")
async def camera(request: web.Request) -> web.StreamResponse:
    """Show the second camera's page."""
    login = request[VISITOR].second
    if login is None:
        return render(request, "second_over.html", status=401, used=False)
    boot = {
        "session": login.person,
        "role": "second",
        "socket_path": SOCKET_PATH,
        "ticket_url": TICKET_PATH,
    }
    return render(request, "second.html", boot=boot)


def qr_code(text: str) -> tuple[int, str]:
    """Return a QR code's side in modules, and its dark modules as path data, a stroke a run.

    Drawn with a stroke of width 1; the light margin that readers need is in it.
    """
    code = segno.make_qr(text, error="m")
    steps = []
    for y, row in enumerate(code.matrix):
        x = 0
        while x < len(row):
            dark, start = row[x], x
            while x < len(row) and row[x] == dark:
                x += 1
            if dark:
                steps.append(f"M{start + QUIET_ZONE} {y + QUIET_ZONE}.5h{x - start}")
    return len(code.matrix) + 2 * QUIET_ZONE, "".join(steps)
