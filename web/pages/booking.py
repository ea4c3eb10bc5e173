"""Choosing a time: a month, a day, a start, in the learner's own zone; changing and giving back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from aiohttp import web

from invigilation.errors import AlreadyBooked, PaymentDue, SlotNotOffered, SlotTaken, TooLate
from invigilation.slots import Refusal
from invigilation.zones import zone_named
from web.auth import cookies
from web.keys import DESK, RELAY
from web.pages.asking import too_late
from web.pages.frame import fields, go, render
from web.pages.me import Standing, standing_of
from web.pages.month import Day, Month, Wished, first_of_next, month_of, why_empty, window_of

routes = web.RouteTableDef()

REASON_LIMIT = 500


@routes.get("/me/book")
async def choose(request: web.Request) -> web.StreamResponse:
    """Show the times that are free."""
    standing = await standing_of(request)
    if standing.booking is not None or not standing.may_book:
        return go("/me")
    return await _picker(request, standing, {})


@routes.post("/me/book")
async def book(request: web.Request) -> web.StreamResponse:
    """Book the chosen time; when it cannot be had, show what is free now."""
    standing = await standing_of(request)
    start = await _start(request)
    if start is None:
        return await _picker(request, standing, {"start": "Choose a time."}, status=422)
    try:
        response = await _take(request, standing, start)
    except (SlotTaken, SlotNotOffered) as error:
        return await _picker(request, standing, {"start": str(error)}, status=409, near=start)
    except AlreadyBooked:
        return go("/me")
    cookies.keep_zone(response, standing.zone)
    return response


async def _take(request: web.Request, standing: Standing, start: datetime) -> web.Response:
    """Book a start; when something must be paid first, hold it and lead on to where that is."""
    desk, ident = request.app[DESK].bookings, standing.asked.request.id
    try:
        booked = await desk.book(ident, start, standing.zone)
    except PaymentDue:
        await desk.reserve(ident, start, standing.zone)
        return go("/me/pay")
    request.app[RELAY].changed(booked)
    return go("/me?done=booked")


@routes.get("/me/change")
async def choose_other(request: web.Request) -> web.StreamResponse:
    """Show the times that the booking could be moved to."""
    standing = await standing_of(request)
    if not standing.changeable:
        return go("/me/ask?kind=change" if standing.late else "/me")
    return await _picker(request, standing, {})


@routes.post("/me/change")
async def change(request: web.Request) -> web.StreamResponse:
    """Move the booking; when it cannot be moved there, it stays where it was."""
    standing = await standing_of(request)
    if standing.booking is None:
        return go("/me")
    start = await _start(request)
    if start is None:
        return await _picker(request, standing, {"start": "Choose a time."}, status=422)
    try:
        moved = await request.app[DESK].bookings.move(standing.booking.booking, start)
    except (SlotTaken, SlotNotOffered) as error:
        kept = f"{error} Your booking stays as it was."
        return await _picker(request, standing, {"start": kept}, status=409, near=start)
    except TooLate:
        return too_late(request, standing)
    request.app[RELAY].changed(standing.booking, moved)
    return go("/me?done=moved")


@routes.get("/me/cancel")
async def ask_cancel(request: web.Request) -> web.StreamResponse:
    """Ask before giving the time back."""
    standing = await standing_of(request)
    if not standing.changeable:
        return go("/me/ask?kind=change" if standing.late else "/me")
    return render(request, "cancel.html", at=standing, entered={}, errors={})


@routes.post("/me/cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Give the time back; the learner may book another one."""
    standing = await standing_of(request)
    if standing.booking is None:
        return go("/me")
    entered = await fields(request)
    reason = entered.get("reason", "")
    if len(reason) > REASON_LIMIT:
        errors = {"reason": f"Write at most {REASON_LIMIT} letters."}
        return render(
            request, "cancel.html", status=422, at=standing, entered=entered, errors=errors
        )
    try:
        cancelled = await request.app[DESK].bookings.cancel(standing.booking.booking, reason)
    except TooLate:
        return too_late(request, standing)
    request.app[RELAY].changed(cancelled)
    return go("/me?done=cancelled")


async def _start(request: web.Request) -> datetime | None:
    return parse_start((await fields(request)).get("start", ""))


def parse_start(raw: str) -> datetime | None:
    """Return a moment as our own forms write it (RFC 3339 with its offset), else None."""
    try:
        start = datetime.fromisoformat(raw)
        return start.astimezone(UTC) if start.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


async def _picker(
    request: web.Request,
    standing: Standing,
    errors: dict[str, str],
    *,
    status: int = 200,
    near: datetime | None = None,
) -> web.StreamResponse:
    zone = zone_named(standing.zone)
    around = near.astimezone(zone).date() if near is not None else None
    month, picked = await _look(request, standing, zone, around)
    rules = request.app[DESK].office.rules
    why = []
    if picked is not None and not picked.starts:
        length = timedelta(minutes=standing.asked.assessment.minutes) + rules.buffer
        until = standing.asked.request.licence_until
        wished = Wished(standing.zone, length, rules.notice, until)
        why = why_empty(picked, month.look, zone, wished)
    waits = picked is not None and picked.day in standing.waits_for(zone)
    return render(
        request,
        "book.html",
        status=status,
        at=standing,
        month=month,
        picked=picked,
        why=why,
        full=picked is not None and picked.why is Refusal.FULL,
        waits=waits,
        zone=zone,
        errors=errors,
        moving=request.path == "/me/change",
        zone_known=cookies.ZONE in request.cookies,
    )


async def _look(
    request: web.Request, standing: Standing, zone: tzinfo, around: date | None
) -> tuple[Month, Day | None]:
    """Return the month to show and the day in it.

    Without a wish that is the first day that offers something; a month with nothing left gives
    way to the next one, so that nobody begins on an empty page.
    """
    today = standing.now.astimezone(zone).date()
    end = standing.asked.request.licence_until - timedelta(microseconds=1)
    last = end.astimezone(zone).date()
    wished_day = around or _date(request.query.get("day"))
    wished = wished_day or _date(request.query.get("month"))
    latest = max(last, today)
    if wished is not None and (wished.year, wished.month) > (latest.year, latest.month):
        wished = latest
    first = max(wished or today, today).replace(day=1)
    month = await _month(request, standing, zone, first, today, last)
    if wished is None and month.after is not None and month.first_free() is None:
        month = await _month(request, standing, zone, month.after, today, last)
    if wished_day is not None and (found := month.find(wished_day)) is not None:
        return month, found
    return month, month.first_free()


async def _month(
    request: web.Request,
    standing: Standing,
    zone: tzinfo,
    first: date,
    today: date,
    last: date,
) -> Month:
    window = window_of(first, first_of_next(first), zone)
    look = await request.app[DESK].bookings.look(standing.asked.request.id, window)
    if standing.booking is not None:  # it would be moved to where it is
        others = (one for one in look.starts if one[0] != standing.booking.start)
        look = replace(look, starts=tuple(others))
    return month_of(first, look, zone, today, last)


def _date(raw: str | None) -> date | None:
    try:
        found = date.fromisoformat(raw or "")
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None
