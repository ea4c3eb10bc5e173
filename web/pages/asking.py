"""Writing to the scheduler: a question, or a dispute over a missed session or a refusal."""

from __future__ import annotations

from aiohttp import web

from invigilation.desk.enquiries import TEXT_LIMIT
from invigilation.enquiry import EnquiryKind
from invigilation.errors import InvalidInput, TooLate
from web.keys import DESK
from web.pages.frame import fields, go, render
from web.pages.me import Standing, standing_of

routes = web.RouteTableDef()

KINDS = {
    EnquiryKind.CHANGE: "The time of my session",
    EnquiryKind.PAYMENT: "A payment",
    EnquiryKind.DISPUTE: "A decision that I do not agree with",
    EnquiryKind.OTHER: "Something else",
}
"""What a question is about, as its learner says it."""
ASKED = (EnquiryKind.CHANGE, EnquiryKind.PAYMENT, EnquiryKind.OTHER)


@routes.get("/me/ask")
async def form(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    kind = request.query.get("kind", "")
    return _form(request, await standing_of(request), {"kind": kind}, {})


@routes.post("/me/ask")
async def ask(request: web.Request) -> web.StreamResponse:
    """Keep the question."""
    standing = await standing_of(request)
    entered = await fields(request)
    kind = entered.get("kind", "")
    errors: dict[str, str] = {}
    if kind not in ASKED:
        errors["kind"] = "Choose what it is about."
    else:
        errors = await _keep(request, standing, EnquiryKind(kind), entered.get("text", ""))
    if errors:
        return _form(request, standing, entered, errors, status=422)
    return go("/me?done=asked")


@routes.get("/me/dispute")
async def disputing(request: web.Request) -> web.StreamResponse:
    """Show on what a decision rests, and the form to dispute it."""
    standing = await standing_of(request)
    return await _dispute(request, standing, {}, {})


@routes.post("/me/dispute")
async def dispute(request: web.Request) -> web.StreamResponse:
    """Keep the dispute, if it comes in time."""
    standing = await standing_of(request)
    entered = await fields(request)
    try:
        errors = await _keep(request, standing, EnquiryKind.DISPUTE, entered.get("text", ""))
    except TooLate:
        return await _dispute(request, standing, entered, {}, status=409)
    if errors:
        return await _dispute(request, standing, entered, errors, status=422)
    return go("/me?done=asked")


async def _keep(
    request: web.Request, standing: Standing, kind: EnquiryKind, text: str
) -> dict[str, str]:
    """Keep a question; return what is wrong with it, by field."""
    try:
        await request.app[DESK].enquiries.ask(standing.asked.request.id, kind, text)
    except InvalidInput as error:
        return {"text": error.reason}
    return {}


def too_late(request: web.Request, standing: Standing) -> web.StreamResponse:
    """Say that the cut-off has passed, and offer to write to the scheduler instead."""
    return _form(request, standing, {"kind": EnquiryKind.CHANGE.value}, {}, status=409)


def _form(
    request: web.Request,
    standing: Standing,
    entered: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> web.StreamResponse:
    return render(
        request,
        "ask.html",
        status=status,
        at=standing,
        entered=entered,
        errors=errors,
        late=standing.late and entered.get("kind") == EnquiryKind.CHANGE,
        choices=[(kind.value, KINDS[kind]) for kind in ASKED],
        limit=TEXT_LIMIT,
    )


async def _dispute(
    request: web.Request,
    standing: Standing,
    entered: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> web.StreamResponse:
    facts = {"at": standing, "entered": entered, "errors": errors, "limit": TEXT_LIMIT}
    if standing.refusal is not None:
        return render(request, "refusal.html", status=status, made=standing.refusal, **facts)
    made = standing.decision
    if made is None:
        return go("/me")
    explained = await request.app[DESK].attendance.explained(made.booking)
    return render(request, "dispute.html", status=status, made=made, explained=explained, **facts)
