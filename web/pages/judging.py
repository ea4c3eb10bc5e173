"""Missed sessions, judged by a scheduler on their evidence."""

from __future__ import annotations

from aiohttp import web

from invigilation.booking import TABLE, BookingState
from invigilation.desk.attendance import VERDICTS as EVENTS
from invigilation.desk.attendance import Proposal
from invigilation.errors import InvalidInput
from invigilation.people import Role
from invigilation.transitions import can
from web.auth.visitor import staff_of
from web.keys import DESK, RELAY
from web.pages.calendar import STATES, decidable
from web.pages.frame import fields, go, staff_page

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
    """List the missed sessions that wait for a decision."""
    person = await staff_of(request, Role.SCHEDULER)
    waiting = await request.app[DESK].attendance.proposals(person)
    done = request.query.get("done") == "decided"
    return staff_page(request, person, "attendance.html", waiting=waiting, done=done)


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
    sitting = await desk.bookings.find(request.match_info["booking"])
    waiting: list[Proposal] = await desk.attendance.proposals(person)
    known = next((w for w in waiting if w.sitting.booking == sitting.booking), None)
    choices = [
        (state.value, text, hint)
        for state, text, hint in VERDICTS
        if can(TABLE, sitting.booking_state, EVENTS[state])
    ]
    return staff_page(
        request,
        person,
        "verdict.html",
        status=422 if errors else 200,
        one=sitting,
        state=STATES[sitting.booking_state],
        reasons=() if known is None else known.judgement.reasons,
        decidable=decidable(sitting),
        choices=choices,
        entered=entered,
        errors=errors,
    )
