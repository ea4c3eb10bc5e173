"""A session's record with its pictures and its report, as one file to take away."""

from __future__ import annotations

from aiohttp import web

from invigilation.errors import NotFound
from recordings.bundle import packed
from web.auth.visitor import confirmed, staff_of
from web.exports import Choice, pieces
from web.keys import DESK, VAULT
from web.pages.glances import present
from web.pages.looks import lookable
from web.pages.mistakes import Refused
from web.pages.records import READERS

routes = web.RouteTableDef()
MAX_BYTES = 128 * 1024 * 1024


@routes.get("/staff/records/{session}/bundle", allow_head=False)
async def download(request: web.Request) -> web.StreamResponse:
    """Answer with the bundle, without recordings; every piece in it counts as looked at."""
    person = await staff_of(request, *READERS)
    session = request.match_info["session"]
    desk, vault = request.app[DESK], request.app[VAULT]
    if present(await desk.reports.record(session, person)):
        await confirmed(request)
        await lookable(request, session, person)
    found = await pieces(desk, vault, session, person, Choice.PICTURES)
    if found.size > MAX_BYTES:
        raise Refused("refused", "These are too many pictures for a page. Ask the operator.")
    try:
        bundle = await vault.aside(packed, found.members)
    except NotFound:
        raise Refused("erased", "A picture was just deleted: load the page again.") from None
    return web.Response(
        body=bundle,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="bundle-{session}.zip"',
            "Cache-Control": "no-store",
        },
    )
