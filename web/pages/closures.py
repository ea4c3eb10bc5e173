"""Closed days and extra hours: the bank holidays, and whatever the scheduler adds."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from invigilation.desk.changes import AddOpening, CloseDay, RemoveOpening, ReopenDay, today
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import fates, words
from web.pages.fates import Task
from web.pages.frame import fields, staff_page
from web.typed import day_of, hours_of

routes = web.RouteTableDef()

NO_DAY = "Enter the day, such as 2026-12-24."
OVER = "This day is over. Enter one that lies ahead."
BACK = "/staff/closures"
DONE = {
    "closed": "The day is closed.",
    "opened": "The closure is removed.",
    "extra": "The office is open in these hours.",
    "usual": "The extra hours are removed.",
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
    if day < today(request.app[DESK].office):
        return await _page(request, entered, {"day": OVER})
    task = Task(CloseDay(day, entered["reason"]), f"Closing {words.day(day)}", BACK, "closed")
    try:
        return await fates.carry_out(request, person, task, entered)
    except InvalidInput as error:
        return await _page(request, entered, {error.field: error.reason})


@routes.post("/staff/closures/hours")
async def add_hours(request: web.Request) -> web.StreamResponse:
    """Open extra hours on a day; the fields are those of the other form, with `open_` before."""
    person = await staff_of(request, Role.SCHEDULER)
    desk, entered = request.app[DESK], await fields(request)
    day, hours = _date(entered.get("open_day", "")), None
    errors = {} if day else {"open_day": NO_DAY}
    if day is not None and day < today(desk.office):
        errors["open_day"] = OVER
    try:
        hours = hours_of(entered.get("open_start", ""), entered.get("open_end", ""))
    except InvalidInput as error:
        errors[f"open_{error.field}"] = error.reason
    if day is None or hours is None or errors:
        return await _page(request, entered, errors)
    task = Task(AddOpening(day, hours), f"Hours of {words.day(day)}", BACK, "extra")
    return await fates.carry_out(request, person, task, entered)


@routes.post("/staff/closures/hours/{opening}/remove")
async def remove_hours(request: web.Request) -> web.StreamResponse:
    """Take extra hours back."""
    person = await staff_of(request, Role.SCHEDULER)
    ident = request.match_info["opening"]
    openings = await request.app[DESK].rota.openings()
    title = next((f"Hours of {words.day(one.day)}" for one in openings if one.id == ident), "")
    task = Task(RemoveOpening(ident), title, BACK, "usual")
    return await fates.carry_out(request, person, task, await fields(request))


@routes.post("/staff/closures/{day}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Take a closure back."""
    person = await staff_of(request, Role.SCHEDULER)
    day = _date(request.match_info["day"])
    if day is None:
        raise NotFound("closure", request.match_info["day"])
    task = Task(ReopenDay(day), f"Opening {words.day(day)}", BACK, "opened")
    return await fates.carry_out(request, person, task, await fields(request))


async def _page(
    request: web.Request, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    now = today(desk.office)
    days = [(day, why) for day, why in await desk.rota.closures() if day >= now]
    openings = [one for one in await desk.rota.openings() if one.day >= now]
    return staff_page(
        request,
        person,
        "closures.html",
        status=422 if errors else 200,
        days=days,
        openings=openings,
        misfits=await desk.rota.misfits(person),
        why_words=fates.why_words,
        entered=entered,
        errors=errors,
        done=fates.done_words(request, DONE),
        in_words=words.day,
    )


def _date(raw: str) -> date | None:
    try:
        return day_of(raw)
    except InvalidInput:
        return None
