"""Closed days: the bank holidays and whatever the scheduler adds."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import words
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()


@routes.get("/staff/closures")
async def show(request: web.Request) -> web.StreamResponse:
    """List the closed days, and offer to add one."""
    return await _page(request, {}, {})


@routes.post("/staff/closures")
async def add(request: web.Request) -> web.StreamResponse:
    """Close a day."""
    person = await staff_of(request, Role.SCHEDULER)
    entered = await fields(request)
    day = _date(entered.get("day", ""))
    errors = {} if day else {"day": "Enter the day, such as 2026-12-24."}
    if not entered.get("reason"):
        errors["reason"] = "Say why the office is closed."
    if day is None or errors:
        return await _page(request, entered, errors)
    try:
        await request.app[DESK].rota.close_day(person, day, entered["reason"])
    except InvalidInput as error:
        return await _page(request, entered, {error.field: error.reason})
    return go("/staff/closures?done=closed")


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
    today = desk.office.clock.now().astimezone(desk.office.rules.zone).date()
    days = [(day, why) for day, why in await desk.rota.closures() if day >= today]
    done = {
        "closed": "The day is closed. Bookings on it stay until you move them.",
        "opened": "The closure is removed.",
    }.get(request.query.get("done", ""), "")
    return staff_page(
        request,
        person,
        "closures.html",
        status=422 if errors else 200,
        days=days,
        entered=entered,
        errors=errors,
        done=done,
        in_words=words.day,
    )


def _date(raw: str) -> date | None:
    try:
        found = date.fromisoformat(raw)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None
