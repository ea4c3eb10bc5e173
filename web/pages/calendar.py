"""The scheduler's calendar: a week or a day by invigilator, and moving bookings in it."""

from __future__ import annotations

from datetime import date
from typing import Any

from aiohttp import web

from invigilation.errors import InvalidInput
from invigilation.office_hours import DAY
from invigilation.people import Role
from invigilation.store.ledger import Line
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import words
from web.pages.calendar_data import booking_data, data_of
from web.pages.days import WEEK_DAYS, Days, days_of
from web.pages.frame import staff_page
from web.pages.link_risk import risks_of
from web.pages.mistakes import Refused
from web.pages.moving import CHANGED, entered_day, entered_start, put
from web.pages.states import SHORT, STATES

routes = web.RouteTableDef()

FIELD_LIMIT = 60
"""Letters in a field of a move."""


@routes.get("/staff/calendar")
async def show(request: web.Request) -> web.StreamResponse:
    """Show a week, or one day of it."""
    person = await staff_of(request, Role.SCHEDULER)
    days, today = await _asked(request)
    step = days.count * DAY
    links = await risks_of(request.app[DESK], days.lines)
    return staff_page(
        request,
        person,
        "calendar.html",
        days=days,
        one_day=days.count == 1,
        states=STATES,
        short=SHORT,
        before=days.first - step,
        after=days.first + step,
        today=today,
        links=links,
        data=data_of(days, today, links) | {"query": _query(days)},
    )


@routes.get("/staff/calendar/data")
async def data(request: web.Request) -> web.StreamResponse:
    """Answer the page's script with what is on show now."""
    await staff_of(request, Role.SCHEDULER)
    days, today = await _asked(request)
    links = await risks_of(request.app[DESK], days.lines)
    shown = data_of(days, today, links) | {"query": _query(days)}
    return web.json_response(shown, headers={"Cache-Control": "no-store"})


async def _asked(request: web.Request) -> tuple[Days, date]:
    """Return the days that a page's address names, and today."""
    desk = request.app[DESK]
    today = desk.office.clock.now().astimezone(desk.office.rules.zone).date()
    if "day" in request.query:
        return await days_of(desk, entered_day(request.query["day"]) or today, 1), today
    wished = entered_day(request.query.get("week")) or today
    return await days_of(desk, wished - wished.weekday() * DAY, WEEK_DAYS), today


def _query(days: Days) -> str:
    return f"{'day' if days.count == 1 else 'week'}={days.first}"


@routes.get("/staff/bookings/{booking}/places")
async def places(request: web.Request) -> web.StreamResponse:
    """Answer with the starts of a day that a booking could have, and who is free then."""
    await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.ledger.find(request.match_info["booking"])
    day = entered_day(request.query.get("day"))
    if day is None:
        raise InvalidInput("day", "Enter the new day.")
    free = await desk.ledger.places(found.request, day, found)
    zone = desk.office.rules.zone
    shown = [{"time": words.clock(one.start, zone), "staff": one.staff} for one in free]
    return web.json_response({"places": shown}, headers={"Cache-Control": "no-store"})


@routes.post("/staff/bookings/{booking}/place")
async def place(request: web.Request) -> web.StreamResponse:
    """Move a booking as the page's script asks: a place by London's clock.

    Its fields are {day, time, staff, sequence, was}. `staff` is empty for whoever is free;
    `sequence` and `was` (the invigilator) are what the page knows of the booking.
    """
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    body = await _json(request)
    found = await desk.ledger.find(request.match_info["booking"])
    zone = desk.office.rules.zone
    start = entered_start(_text(body, "day"), _text(body, "time"), zone)
    staff = _text(body, "staff")
    if (body.get("sequence"), body.get("was")) != (found.sequence, found.staff):
        raise Refused("refused", CHANGED)
    if not found.movable:
        raise Refused("refused", "This booking cannot be moved any more.")
    if start == found.start and staff == found.staff:
        raise Refused("refused", "The booking is there already.")
    moved = await put(request, person, found, start, staff)
    local = found.start.astimezone(zone)
    answer = {
        "booking": booking_data(moved, zone, await risks_of(desk, [moved])),
        "sentence": _sentence(found, moved),
        "back": {"day": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}", "staff": found.staff},
    }
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


def _sentence(before: Line, after: Line) -> str:
    if before.start == after.start:
        return (
            f"{after.learner_name} is with {after.staff_name} now. "
            "The time is the same, so the learner gets no mail."
        )
    where = f"{words.short(after.start)} with {after.staff_name}"
    return f"Moved {after.learner_name} to {where}. The learner has been told."


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise InvalidInput("body", "Send a JSON object.") from None
    if request.content_type != "application/json" or not isinstance(body, dict):
        raise InvalidInput("body", "Send a JSON object.")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > FIELD_LIMIT or "\0" in value:
        raise InvalidInput(name, "Send plain text.")
    return value
