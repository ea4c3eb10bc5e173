"""Closed days and extra hours: the bank holidays, and whatever the scheduler adds."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from invigilation.desk import Desk
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import words
from web.pages.frame import fields, go, staff_page
from web.typed import day_of, hours_of

routes = web.RouteTableDef()

NO_DAY = "Enter the day, such as 2026-12-24."
DONE = {
    "closed": "The day is closed. Bookings on it stay until you move them.",
    "opened": "The closure is removed.",
    "extra": "The office is open in these hours.",
    "usual": "The extra hours are removed. Bookings in them stay until you move them.",
}


@routes.get("/staff/closures")
async def show(request: web.Request) -> web.StreamResponse:
    """List the closed days and the extra hours, and offer to add to them."""
    return await _page(request, {}, {})


@routes.post("/staff/closures")
async def add(request: web.Request) -> web.StreamResponse:
    """Close a day."""
    person = await staff_of(request, Role.SCHEDULER)
    entered = await fields(request)
    day = _date(entered.get("day", ""))
    errors = {} if day else {"day": NO_DAY}
    if not entered.get("reason"):
        errors["reason"] = "Say why the office is closed."
    if day is None or errors:
        return await _page(request, entered, errors)
    try:
        await request.app[DESK].rota.close_day(person, day, entered["reason"])
    except InvalidInput as error:
        return await _page(request, entered, {error.field: error.reason})
    return go("/staff/closures?done=closed")


@routes.post("/staff/closures/hours")
async def add_hours(request: web.Request) -> web.StreamResponse:
    """Open extra hours on a day; the fields are those of the other form, with `open_` before."""
    person = await staff_of(request, Role.SCHEDULER)
    desk, entered = request.app[DESK], await fields(request)
    day, hours = _date(entered.get("open_day", "")), None
    errors = {} if day else {"open_day": NO_DAY}
    if day is not None and day < _today(desk):
        errors["open_day"] = "This day is over. Enter one that lies ahead."
    try:
        hours = hours_of(entered.get("open_start", ""), entered.get("open_end", ""))
    except InvalidInput as error:
        errors[f"open_{error.field}"] = error.reason
    if day is None or hours is None or errors:
        return await _page(request, entered, errors)
    await desk.rota.add_opening(person, day, hours)
    return go("/staff/closures?done=extra")


@routes.post("/staff/closures/hours/{opening}/remove")
async def remove_hours(request: web.Request) -> web.StreamResponse:
    """Take extra hours back."""
    person = await staff_of(request, Role.SCHEDULER)
    await request.app[DESK].rota.remove_opening(person, request.match_info["opening"])
    return go("/staff/closures?done=usual")


@routes.post("/staff/closures/{day}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Take a closure back."""
    person = await staff_of(request, Role.SCHEDULER)
    day = _date(request.match_info["day"])
    if day is None:
        raise NotFound("closure", request.match_info["day"])
    await request.app[DESK].rota.reopen_day(person, day)
    return go("/staff/closures?done=opened")


async def _page(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    today = _today(desk)
    days = [(day, why) for day, why in await desk.rota.closures() if day >= today]
    openings = [one for one in await desk.rota.openings() if one.day >= today]
    return staff_page(
        request,
        person,
        "closures.html",
        status=422 if errors else 200,
        days=days,
        openings=openings,
        entered=entered,
        errors=errors,
        done=DONE.get(request.query.get("done", ""), ""),
        in_words=words.day,
    )


def _today(desk: Desk) -> date:
    return desk.office.clock.now().astimezone(desk.office.rules.zone).date()


def _date(raw: str) -> date | None:
    try:
        return day_of(raw)
    except InvalidInput:
        return None
