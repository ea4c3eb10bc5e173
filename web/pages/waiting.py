"""The waiting list: join it for a full day, see where one stands, take an offered time or not."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from invigilation.desk.office import LEARNER
from invigilation.errors import (
    AlreadyBooked,
    IllegalTransition,
    InvalidInput,
    NotFound,
    PaymentDue,
    TooLate,
)
from invigilation.zones import zone_named
from web.auth.visitor import request_id_of
from web.keys import DESK, RELAY
from web.pages.frame import fields, go, render
from web.pages.me import Standing, standing_of
from web.pages.month import window_of
from web.pages.moving import entered_day

routes = web.RouteTableDef()

GONE = "This time is not held for you any more. Choose another one, or wait again."


@routes.get("/me/waiting")
async def show(request: web.Request) -> web.StreamResponse:
    """Show for which days one waits, and the time that is offered now."""
    standing = await standing_of(request)
    return await _page(request, standing, {}, done=request.query.get("done", ""))


@routes.post("/me/waiting")
async def join(request: web.Request) -> web.StreamResponse:
    """Join the line for a day of one's own zone."""
    standing = await standing_of(request)
    if not standing.may_book:
        return go("/me")
    day = entered_day((await fields(request)).get("day"))
    if day is None:
        return go("/me/book")
    window = window_of(day, day + timedelta(days=1), zone_named(standing.zone))
    ident = standing.asked.request.id
    try:
        await request.app[DESK].waiting.join(ident, window.start, window.end, standing.zone)
    except AlreadyBooked:
        return go("/me")
    except InvalidInput as error:
        return await _page(request, standing, {"day": error.reason}, status=422)
    return go("/me/waiting?done=joined")


@routes.post("/me/waiting/{waiting}/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """Leave the line; a time that is offered goes to the next one."""
    ident = request_id_of(request)
    try:
        await request.app[DESK].waiting.leave(ident, request.match_info["waiting"])
    except IllegalTransition:
        return go("/me/waiting")  # it has ended already: the page says how things stand
    return go("/me/waiting?done=left")


@routes.post("/me/waiting/{waiting}/accept")
async def accept(request: web.Request) -> web.StreamResponse:
    """Take the time that is offered."""
    ident = request_id_of(request)
    desk = request.app[DESK]
    try:
        sitting = await desk.waiting.accept(ident, request.match_info["waiting"], LEARNER)
    except PaymentDue:
        return go("/me/pay")
    except (IllegalTransition, NotFound, TooLate):
        standing = await standing_of(request)
        if standing.booking is not None:
            return go("/me")
        return await _page(request, standing, {"offer": GONE}, status=409)
    request.app[RELAY].changed(sitting)
    return go("/me?done=booked")


async def _page(
    request: web.Request,
    standing: Standing,
    errors: dict[str, str],
    *,
    done: str = "",
    status: int = 200,
) -> web.StreamResponse:
    return render(
        request,
        "waiting.html",
        status=status,
        at=standing,
        zone=zone_named(standing.zone),
        done=done if done in {"joined", "left"} else "",
        ahead=await request.app[DESK].waiting.ahead(standing.asked.request.id),
        errors=errors,
    )
