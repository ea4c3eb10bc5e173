"""Questions of learners: what waits for an answer, what was answered, and answering."""

from __future__ import annotations

from aiohttp import web

from invigilation.desk.enquiries import TEXT_LIMIT
from invigilation.enquiry import EnquiryKind
from invigilation.errors import IllegalTransition, InvalidInput
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

KINDS = {
    EnquiryKind.CHANGE: ("Change of time", ""),
    EnquiryKind.DISPUTE: ("Dispute", "warn"),
    EnquiryKind.PAYMENT: ("Payment", ""),
    EnquiryKind.OTHER: ("Other", "quiet"),
}
"""What a question is about, and the look of its tag."""
DONE = {
    "answered": "Your answer is kept, and the learner gets it by e-mail.",
    "before": "Somebody else has answered this question. Here is what they wrote.",
}


@routes.get("/staff/enquiries")
async def show(request: web.Request) -> web.StreamResponse:
    """List the questions that wait, and those that were answered."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK].enquiries
    return staff_page(
        request,
        person,
        "enquiries.html",
        waiting=await desk.open(person),
        answered=await desk.answered(person),
        kinds=KINDS,
        done=DONE.get(request.query.get("done", ""), ""),
    )


@routes.get("/staff/enquiries/{enquiry}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one question and the form of the answer."""
    return await _form(request, {}, {})


@routes.post("/staff/enquiries/{enquiry}")
async def answer(request: web.Request) -> web.StreamResponse:
    """Answer it."""
    person = await staff_of(request, Role.SCHEDULER)
    entered = await fields(request)
    ident = request.match_info["enquiry"]
    try:
        await request.app[DESK].enquiries.answer(person, ident, entered.get("text", ""))
    except InvalidInput as error:
        return await _form(request, entered, {"text": error.reason}, status=422)
    except IllegalTransition:
        return go(f"/staff/enquiries/{ident}?done=before")
    return go("/staff/enquiries?done=answered")


async def _form(
    request: web.Request, entered: dict[str, str], errors: dict[str, str], status: int = 200
) -> web.StreamResponse:
    person = await staff_of(request, Role.SCHEDULER)
    enquiries = request.app[DESK].enquiries
    found = await enquiries.find(person, request.match_info["enquiry"])
    return staff_page(
        request,
        person,
        "enquiry.html",
        refused=await enquiries.refusal(found.enquiry.request),
        status=status,
        one=found,
        kind=KINDS[found.enquiry.kind],
        entered=entered,
        errors=errors,
        limit=TEXT_LIMIT,
        done=DONE.get(request.query.get("done", ""), ""),
    )
