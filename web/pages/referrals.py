"""A colleague's identity check: looked at by a second person, who decides where it takes two."""

from __future__ import annotations

import hashlib

from aiohttp import web

from invigilation.desk.identity_decisions import Panel
from invigilation.errors import InvalidInput, NeedsColleague, ReasonNeeded
from invigilation.identity import Decision
from invigilation.people import Role, Staff
from web.auth.visitor import staff_of
from web.keys import DESK, RELAY
from web.pages import identity_words as told
from web.pages.frame import fields, go, staff_page
from web.pages.looks import lookable, way_to_ask

routes = web.RouteTableDef()

CONFIRM = (Decision.CONFIRMED.value, "Confirmed: it is this person", "")
CHANGED = "Something has changed since you opened this page. Look again, then decide."
REJECT = (Decision.NOT_CONFIRMED.value, "Not confirmed", "The learner is told your reason.")


@routes.get("/staff/identity/{session}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the check to whoever may look; each picture of it is a look that is noted."""
    return await _page(request, {}, {})


@routes.post("/staff/identity/{session}")
async def decide(request: web.Request) -> web.StreamResponse:
    """Take the second person's decision; the console of the first is told."""
    person = await staff_of(request, Role.INVIGILATOR)
    entered = await fields(request)
    session, desk = request.match_info["session"], request.app[DESK]
    try:
        decision = Decision(entered.get("decision", ""))
    except ValueError:
        return await _page(request, entered, {"decision": "Choose one of the two."})
    if entered.get("seen", "") not in {"", _seen(await desk.identity.panel(session, person))}:
        return await _page(request, entered, {"decision": CHANGED})
    try:
        await desk.identity.second(session, person, decision, entered.get("reason", ""))
    except InvalidInput as error:
        return await _page(request, entered, {error.field: error.reason})
    except NeedsColleague as error:
        return await _page(request, entered, {"decision": error.why})
    request.app[RELAY].changed((await desk.sessions.view(session)).sitting)
    return go(f"/staff/identity/{session}?done=decided")


async def _page(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    person = await staff_of(request, Role.INVIGILATOR)
    panel = await request.app[DESK].identity.panel(request.match_info["session"], person)
    check = panel.check
    ask = await _ask(request, panel, person)
    confirmable = not panel.facts.needs_two or check.proposed is Decision.CONFIRMED
    return staff_page(
        request,
        person,
        "referral.html",
        status=422 if errors else 200,
        panel=panel,
        ask=ask,
        seen=_seen(panel),
        findings=[
            (told.FIELDS[one.field], one, told.graded(one), told.shown(one), told.booked(one))
            for one in told.worst_first(panel.facts.findings)
        ],
        document="Not said" if check.kind is None else told.DOCUMENTS[check.kind],
        read_by=told.read_by(check.reading),
        likeness=told.likeness(check.likeness),
        consents=told.consents(panel.consents),
        asked=_name(panel, check.referred_by),
        decided=_name(panel, check.decided_by),
        pictures=_alike(panel),
        wholes=_wholes(panel),
        confirmable=confirmable,
        choices=[CONFIRM, REJECT] if confirmable else [REJECT],
        entered=entered,
        errors=errors,
        done=request.query.get("done") == "decided",
    )


async def _ask(request: web.Request, panel: Panel, person: Staff) -> str:
    """Return where somebody says why they look at the pictures; empty where they need not."""
    check, session = panel.check, panel.sitting.session
    try:
        await lookable(request, session, person, check.document or check.face)
    except ReasonNeeded:
        return way_to_ask(session, request.path)
    return ""


def _seen(panel: Panel) -> str:
    """Return what changes when somebody asks anew, or when more is read or hinted at."""
    check, facts = panel.check, panel.facts
    asked = (check.referred_by, check.referred_at, check.referred_reason, check.proposed)
    said = (asked, facts.findings, facts.hints)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:20]


def _name(panel: Panel, staff: str | None) -> str:
    return panel.names.get(staff or "", "A colleague")


def _alike(panel: Panel) -> list[tuple[str, str]]:
    """Return portrait and face, cut out alike; none when one of them is missing."""
    check = panel.check
    if check.portrait is None or check.aligned is None:
        return []
    return [(check.portrait, "Portrait in the document"), (check.aligned, "Face in the session")]


def _wholes(panel: Panel) -> list[tuple[str | None, str]]:
    check = panel.check
    back = [] if check.back is None else [(check.back, "Back of the document")]
    return [(check.document, "Document"), *back, (check.face, "Face")]
