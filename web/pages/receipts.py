"""A learner's receipt: what was booked, changed, attended, judged and paid, in plain words."""

from __future__ import annotations

from aiohttp import web

from invigilation.booking import BookingState
from invigilation.desk.receipts import Line
from web.keys import DESK
from web.pages.frame import render
from web.pages.me import kept_key, standing_of

routes = web.RouteTableDef()

TITLES = {
    "held": "A time was held for you",
    "lapsed": "The time was given back",
    "booked": "Session booked",
    "moved": "Session moved to another time",
    "cancelled": "Session cancelled",
    "check_in": "You checked in",
    "admit": "Your assessment began",
    "pause": "Your assessment was paused",
    "resume": "Your assessment went on",
    "refuse": "You could not be admitted",
    "stop": "The session was stopped",
    "end": "Your assessment ended",
    "onboard_accepted": "An officer on board was accepted to invigilate you",
    "attested": "Your invigilator signed the statement",
    "charge_held": "A charge is kept for your next request",
    "charge_due": "A charge is due",
    "charge_submitted": "A payment was begun",
    "charge_settled": "Payment received",
    "charge_failed": "A payment failed",
    "charge_waived": "A charge was waived: nothing is to be paid",
}
JUDGED = {
    BookingState.LEARNER_NO_SHOW: "Decision: you did not come to the session",
    BookingState.PROVIDER_FAULT: "Decision: it was our fault",
    BookingState.TECHNICAL_UNRESOLVED: "Decision: a technical matter",
    BookingState.EXCUSED: "Decision: you are excused",
}


def title(line: Line) -> str:
    """Return what happened, in the learner's words."""
    if line.state is not None:
        return JUDGED.get(line.state, "A decision was taken")
    said = TITLES[line.kind]
    if line.kind in {"booked", "moved", "cancelled"} and line.by_learner:
        return f"{said} by you"
    return said


@routes.get("/me/receipts")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the receipt of the request, also after its session is over."""
    standing = await standing_of(request)
    lines = await request.app[DESK].receipts.of(standing.asked.request.id)
    return render(
        request,
        "receipt.html",
        at=standing,
        lines=[(title(line), line) for line in lines],
        kept_key=kept_key(request, standing),
    )
