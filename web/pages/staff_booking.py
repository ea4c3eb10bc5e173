"""One booking for the scheduler: what it is, what became of it, and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from invigilation.booking import BookingState
from invigilation.charge import Charge, ChargeState
from invigilation.desk.ledger import Place, Trail
from invigilation.desk.office import actor
from invigilation.errors import InvalidInput
from invigilation.people import Role, Staff
from invigilation.report import DeliveryState
from invigilation.store.ledger import Line
from invigilation.store.outbox import Sent
from web.auth.visitor import staff_of
from web.keys import DESK, RELAY
from web.pages import words
from web.pages.audit import actor_words, told
from web.pages.frame import fields, go, staff_page
from web.pages.link_risk import risks_of
from web.pages.mistakes import Refused
from web.pages.moving import entered_day, entered_start, put
from web.pages.records import EVENTS
from web.pages.states import STATES, decidable

routes = web.RouteTableDef()

REASON_LIMIT = 500
SAME = timedelta(seconds=2)
"""The record and the audit log tell of the same change within this time."""
IN_BOTH = {
    "booked": "booking.made",
    "moved": "booking.moved",
    "cancelled": "booking.cancelled",
    "attendance_decided": "attendance.decided",
}
TURNS = frozenset(
    {
        *IN_BOTH,
        "check_in",
        "invigilator_ready",
        "handed_over",
        "refuse",
        "admit",
        "stop",
        "end",
        "attested",
        "no_show_proposed",
    }
)
"""What of a session's record belongs to the history of its booking; the rest is on its page."""
LETTERS = {
    "booked": "Confirmation of the booking",
    "moved": "The booking has a new time",
    "cancelled": "The booking is cancelled",
    "reminder": "Reminder",
    "offer": "Offer of a free time",
    "offer_lapsed": "The offer has lapsed",
    "reservation_lapsed": "The reservation has lapsed",
    "payment_received": "Payment received",
    "payment_late": "Payment came too late",
    "answer": "Answer to a question",
    "attendance": "What was decided about the missed session",
    "receipt": "Receipt",
}
DONE = {
    "moved": "The booking has a new place.",
    "booked": "The session is booked. The learner has been told.",
    "cancelled": "The booking is cancelled. The learner has been told.",
    "given-back": "The reserved time is free again.",
}
CHARGES = {
    ChargeState.HELD: "held",
    ChargeState.DUE: "due",
    ChargeState.SUBMITTED: "being paid",
    ChargeState.SETTLED: "paid",
    ChargeState.FAILED: "payment failed",
    ChargeState.WAIVED: "waived",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a booking's history, in words."""

    at: datetime
    who: str
    what: str
    facts: list[tuple[str, str, str]]


@routes.get("/staff/bookings/{booking}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show a booking."""
    person = await staff_of(request, Role.SCHEDULER)
    found = await request.app[DESK].ledger.find(request.match_info["booking"])
    return await _page(request, person, found, dict(request.query), {})


@routes.post("/staff/bookings/{booking}/move")
async def move(request: web.Request) -> web.StreamResponse:
    """Move a booking to another start, given by the office's clock, or another invigilator."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.ledger.find(request.match_info["booking"])
    entered = await fields(request)
    try:
        start = entered_start(entered.get("day"), entered.get("time"), desk.office.rules.zone)
        await put(request, person, found, start, entered.get("staff", ""))
    except InvalidInput as error:
        return await _page(request, person, found, entered, {error.field: error.reason})
    except Refused as error:
        if error.code not in {"slot_taken", "slot_not_offered"}:
            raise
        return await _page(request, person, found, entered, {"time": str(error)}, status=409)
    return go(f"/staff/bookings/{found.booking}?done=moved")


@routes.post("/staff/bookings/{booking}/cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancel a booking; the learner is told and may choose another time."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.ledger.find(request.match_info["booking"])
    entered = await fields(request)
    reason = entered.get("reason", "")
    if not 0 < len(reason) <= REASON_LIMIT:
        errors = {"reason": f"Say why, in at most {REASON_LIMIT} letters."}
        return await _page(request, person, found, entered, errors)
    who = actor(person, Role.SCHEDULER)
    request.app[RELAY].changed(
        await desk.bookings.cancel(found.booking, reason, who, by_staff=True)
    )
    return go(f"/staff/bookings/{found.booking}?done=cancelled")


@routes.post("/staff/bookings/{booking}/give-back")
async def give_back(request: web.Request) -> web.StreamResponse:
    """Give a reserved time back at once."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.ledger.find(request.match_info["booking"])
    if found.state is not BookingState.RESERVED:
        raise Refused("refused", "This booking is not reserved any more.")
    await desk.bookings.give_back(found.request, actor(person, Role.SCHEDULER))
    return go(f"/staff/bookings/{found.booking}?done=given-back")


async def _page(
    request: web.Request,
    person: Staff,
    found: Line,
    entered: dict[str, str],
    errors: dict[str, str],
    status: int = 422,
) -> web.StreamResponse:
    desk = request.app[DESK]
    zone = desk.office.rules.zone
    local = found.start.astimezone(zone)
    day = entered_day(entered.get("day")) or local.date()
    names = {one.id: one.name for one in await desk.reception.everybody()}
    trail = await desk.ledger.trail(found)
    free = await desk.ledger.places(found.request, day, found) if found.movable else []
    own = (f"{local:%H:%M}", found.staff)
    return staff_page(
        request,
        person,
        "booking.html",
        status=status if errors else 200,
        one=found,
        state=STATES[found.state],
        changeable=found.state is BookingState.BOOKED,
        link=(await risks_of(desk, [found])).get(found.booking),
        reserved=found.state is BookingState.RESERVED,
        to_judge=decidable(found),
        day=local.date(),
        asked_day=day,
        entered={"day": day.isoformat(), "time": own[0], "staff": "", "reason": "", **entered},
        free=[(words.clock(one.start, zone), _who(one, names)) for one in free],
        anybody=anybody(free, names),
        steps=_steps(trail, names),
        letters=[_letter(one) for one in trail.letters],
        charges=[_charge(one) for one in trail.charges],
        questions=trail.questions,
        errors=errors,
        done=DONE.get(request.query.get("done", ""), ""),
    )


def _who(place: Place, names: dict[str, str]) -> str:
    return ", ".join(sorted(names.get(one, one) for one in place.staff))


def anybody(free: list[Place], names: dict[str, str]) -> list[tuple[str, str]]:
    """Return who may be chosen on a day, as (id, name)."""
    people = {one for place in free for one in place.staff}
    known = sorted(((one, names.get(one, one)) for one in people), key=lambda pair: pair[1])
    return [("", "Whoever is free (chosen fairly)"), *known]


def _steps(trail: Trail, names: dict[str, str]) -> list[Step]:
    """Return audit log and record as one history, oldest first; what both tell comes once."""
    changes = [told(one, names) for one in trail.changes]
    steps = [Step(one.at, one.who, one.what, one.facts) for one in changes]
    noted = {(one.action, one.at) for one in trail.changes}
    for entry in trail.entries:
        if entry.kind not in TURNS:
            continue
        action = IN_BOTH.get(entry.kind)
        if any(action == one and abs(at - entry.at) <= SAME for one, at in noted):
            continue
        said = EVENTS.get(entry.kind, entry.kind)
        steps.append(Step(entry.at, actor_words(entry.actor, names), said, []))
    return sorted(steps, key=lambda one: one.at)


def _letter(one: Sent) -> dict[str, Any]:
    return {
        "what": LETTERS.get(one.type, one.type.replace("_", " ").capitalize()),
        "to": one.target,
        "created": one.created,
        "state": _delivery(one),
        "note": None if one.state is DeliveryState.DELIVERED else one.note,
    }


def _delivery(one: Sent) -> tuple[str, str]:
    """Return how a letter stands, and the kind of its tag."""
    if one.state is DeliveryState.DELIVERED:
        return "Delivered to the mail server", "good"
    if one.state is DeliveryState.DISABLED:
        return "Not delivered", "bad"
    if one.attempts > 1 or one.note:
        return "Not delivered yet", "warn"
    return "On its way", ""


def _charge(one: Charge) -> dict[str, Any]:
    return {
        "title": one.title,
        "gross": words.money(one.price.gross_pence),
        "state": CHARGES[one.state],
        "href": f"/staff/charges/{one.id}",
    }
