"""What the learner's device kept of a gap is judged on the record's page, also long afterwards."""

from __future__ import annotations

from aiohttp import web

from invigilation.errors import IllegalTransition, InvalidInput
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.keys import DESK, RELAY
from web.pages import records
from web.pages.frame import fields, go

routes = web.RouteTableDef()
VERDICTS = {"accept": True, "refuse": False}


@routes.post("/staff/records/{session}/gaps/{gap}")
async def judge(request: web.Request) -> web.StreamResponse:
    """Judge it; what cannot be done is told on the same page."""
    person = await staff_of(request, Role.INVIGILATOR)
    session, gap = request.match_info["session"], request.match_info["gap"]
    entered = await fields(request)
    accepted, note = VERDICTS.get(entered.get("verdict", "")), entered.get("note", "")
    if accepted is None:
        return await records.page(request, {"gap": gap, "note": note, "why": "Choose one."})
    try:
        await request.app[DESK].fills.judge(session, person, gap, accepted=accepted, note=note)
    except (InvalidInput, IllegalTransition) as error:
        return await records.page(request, {"gap": gap, "note": note, "why": str(error)})
    request.app[RELAY].session_changed(session)
    return go(f"/staff/records/{session}#gap-{gap}")
