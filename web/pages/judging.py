"""Missed sessions, judged by a scheduler on their evidence."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from invigilation.booking import TABLE, BookingState
from invigilation.charge import UNPAID, ChargeState
from invigilation.desk.attendance import VERDICTS as EVENTS
from invigilation.desk.missed import Dossier
from invigilation.enquiry import EnquiryKind
from invigilation.errors import InvalidInput
from invigilation.people import Role
from invigilation.transitions import can
from web.auth.visitor import is_confirmed, staff_of
from web.keys import DESK, RELAY
from web.pages import dossier
from web.pages.frame import fields, go, staff_page
from web.pages.states import STATES, decidable

routes = web.RouteTableDef()

VERDICTS = (
    (
        BookingState.LEARNER_NO_SHOW,
        "The learner did not come",
        "Their next request carries a charge. They are told, and may dispute it.",
    ),
    (BookingState.PROVIDER_FAULT, "It was our fault", "They may book again, at no cost."),
    (
        BookingState.TECHNICAL_UNRESOLVED,
        "A technical matter",
        "The link or a device failed. They may book again, at no cost.",
    ),
    (BookingState.EXCUSED, "The learner is excused", "They may book again, at no cost."),
)


@routes.get("/staff/attendance")
async def show(request: web.Request) -> web.StreamResponse:
    """List the missed sessions that wait for a decision, and those that may be disputed."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK].attendance
    return staff_page(
        request,
        person,
        "attendance.html",
        waiting=await desk.proposals(person),
        rule=dossier.RULE,
        decided=await desk.decided(person),
        done=request.query.get("done") == "decided",
    )


@routes.get("/staff/attendance/{booking}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one missed session with its evidence and the form of the decision."""
    return await _form(request, {}, {})


@routes.post("/staff/attendance/{booking}")
async def decide(request: web.Request) -> web.StreamResponse:
    """Take the decision; the learner is told."""
    person = await staff_of(request, Role.SCHEDULER)
    entered = await fields(request)
    try:
        verdict = BookingState(entered.get("verdict", ""))
    except ValueError:
        return await _form(request, entered, {"verdict": "Choose what it was."})
    booking = request.match_info["booking"]
    try:
        sitting = await request.app[DESK].attendance.decide(
            booking, person, verdict, entered.get("reason", "")
        )
    except InvalidInput as error:
        return await _form(request, entered, {error.field: error.reason})
    request.app[RELAY].changed(sitting)
    return go("/staff/attendance?done=decided")


async def _form(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.attendance.dossier(person, request.match_info["booking"])
    names = {one.id: one.name for one in await desk.reception.everybody()}
    asked = await desk.enquiries.of_request(found.sitting.request)
    about = found.sitting.booking
    return staff_page(
        request,
        person,
        "verdict.html",
        status=422 if errors else 200,
        one=found.sitting,
        found=found,
        state=STATES[found.sitting.booking_state],
        rules=dossier.rules(found),
        rows=dossier.rows(found, names),
        letters=dossier.letters(found),
        picture=dossier.picture(found),
        minutes=dossier.minutes,
        decisions=dossier.decisions(found, names),
        disputes=[a for a in asked if a.kind is EnquiryKind.DISPUTE and a.booking == about],
        unpaid=found.charge is not None and found.charge.state in {ChargeState.HELD, *UNPAID},
        settled=found.charge is not None and found.charge.state is ChargeState.SETTLED,
        decidable=decidable(found.sitting),
        fresh=bool(errors) or is_confirmed(request),
        confirm="/staff/confirm?" + urlencode({"next": f"/staff/attendance/{about}"}),
        choices=_choices(found),
        entered=entered,
        errors=errors,
    )


def _choices(found: Dossier) -> list[tuple[str, str, str]]:
    """Return what may be decided: a no-show only where the rule allows it."""
    return [
        (state.value, text, hint)
        for state, text, hint in VERDICTS
        if can(TABLE, found.sitting.booking_state, EVENTS[state])
        and (state is not BookingState.LEARNER_NO_SHOW or found.confirmable)
    ]
