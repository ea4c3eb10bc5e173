"""Choosing a time: a month, a day, a start, in the learner's own zone; changing and giving back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from aiohttp import web

from invigilation.errors import (
    AlreadyBooked,
    PaymentDue,
    SlotNotOffered,
    SlotTaken,
)
from invigilation.office_hours import Window
from invigilation.slots import Refusal
from invigilation.zones import zone_named
from web.auth import cookies
from web.keys import DESK, RELAY
from web.pages.frame import fields, go, render
from web.pages.me import Standing, standing_of

routes = web.RouteTableDef()

DAY = timedelta(days=1)
REASON_LIMIT = 500
EMPTY = {
    Refusal.PAST_NOTICE: "It is too soon: a session is booked some time before it starts.",
    Refusal.OUTSIDE_LICENCE: "Your licence has ended by then.",
    Refusal.CLOSED: "The office is closed on this day.",
    Refusal.NOT_STAFFED: "No invigilator works on this day.",
    Refusal.FULL: "All times of this day are taken.",
}


@dataclass(frozen=True, slots=True)
class Day:
    """One square of the month: `starts` may be none; `open` when it can be looked into."""

    day: date
    starts: tuple[datetime, ...]
    open: bool
    inside: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A month in the reader's zone, in weeks from Monday, with its neighbours if they matter."""

    first: date
    weeks: list[list[Day]]
    before: date | None
    after: date | None

    def find(self, day: date) -> Day | None:
        """Return a day of this month."""
        squares = (one for week in self.weeks for one in week if one.inside)
        return next((one for one in squares if one.day == day), None)


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
        booked = await request.app[DESK].bookings.book(
            standing.asked.request.id, start, standing.zone
        )
    except (SlotTaken, SlotNotOffered) as error:
        return await _picker(request, standing, {"start": str(error)}, status=409, near=start)
    except (AlreadyBooked, PaymentDue):
        return go("/me")
    request.app[RELAY].changed(booked)
    response = go("/me?done=booked")
    cookies.keep_zone(response, standing.zone)
    return response


@routes.get("/me/change")
async def choose_other(request: web.Request) -> web.StreamResponse:
    """Show the times that the booking could be moved to."""
    standing = await standing_of(request)
    if not standing.changeable:
        return go("/me")
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
    request.app[RELAY].changed(standing.booking, moved)
    return go("/me?done=moved")


@routes.get("/me/cancel")
async def ask_cancel(request: web.Request) -> web.StreamResponse:
    """Ask before giving the time back."""
    standing = await standing_of(request)
    if not standing.changeable:
        return go("/me")
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
    cancelled = await request.app[DESK].bookings.cancel(standing.booking.booking, reason)
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
    why = "" if picked is None or picked.starts else await _why(request, standing, picked.day)
    return render(
        request,
        "book.html",
        status=status,
        at=standing,
        month=month,
        picked=picked,
        why=why,
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
    first = min(max(wished or today, today), max(last, today)).replace(day=1)
    month = await _month(request, standing, zone, first, today, last)
    if wished is None and month.after is not None and _first_free(month) is None:
        month = await _month(request, standing, zone, month.after, today, last)
    if wished_day is not None and (found := month.find(wished_day)) is not None:
        return month, found
    return month, _first_free(month)


def _first_free(month: Month) -> Day | None:
    days = (one for week in month.weeks for one in week)
    return next((one for one in days if one.inside and one.starts), None)


async def _month(
    request: web.Request,
    standing: Standing,
    zone: tzinfo,
    first: date,
    today: date,
    last: date,
) -> Month:
    following = (first + 31 * DAY).replace(day=1)
    window = Window(_midnight(first, zone), _midnight(following, zone))
    starts = await request.app[DESK].bookings.starts(standing.asked.request.id, window)
    by_day: dict[date, list[datetime]] = defaultdict(list)
    for start in starts:
        by_day[start.astimezone(zone).date()].append(start)
    monday = first - first.weekday() * DAY
    weeks = []
    while monday < following:
        week = [monday + n * DAY for n in range(7)]
        weeks.append(
            [
                Day(
                    day,
                    tuple(by_day.get(day, ())),
                    today <= day <= last and first <= day < following,
                    first <= day < following,
                )
                for day in week
            ]
        )
        monday += 7 * DAY
    # Weeks that are over, or past the licence, only stand in the way.
    weeks = [week for week in weeks if any(one.open for one in week)] or weeks
    before = (first - DAY).replace(day=1)
    return Month(
        first,
        weeks,
        before if before >= today.replace(day=1) else None,
        following if following <= last else None,
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


async def _why(request: web.Request, standing: Standing, day: date) -> str:
    """Return a sentence on why a day offers nothing."""
    refusal = await request.app[DESK].bookings.why_empty(standing.asked.request.id, day)
    if refusal is Refusal.PAST_NOTICE:
        hours = request.app[DESK].office.rules.notice // timedelta(hours=1)
        return f"It is too soon: a session is booked at least {hours} hours before it starts."
    if refusal is None or refusal not in EMPTY:
        return "No session starts on this day in your time zone. Look at the day before or after."
    return EMPTY[refusal]


def _date(raw: str | None) -> date | None:
    try:
        found = date.fromisoformat(raw or "")
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None
