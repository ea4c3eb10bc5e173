"""Booking for a learner who is on the phone: find the request, choose a time, book."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.desk import Desk
from invigilation.desk.ledger import Place
from invigilation.desk.office import actor
from invigilation.desk.requests import Asked
from invigilation.errors import InvalidInput, PaymentDue, SlotNotOffered, SlotTaken
from invigilation.office_hours import DAY, Window
from invigilation.people import Role, Staff
from invigilation.request import RequestState
from invigilation.zones import zone_named
from web.auth.visitor import staff_of
from web.keys import DESK, RELAY
from web.pages import words
from web.pages.frame import fields, go, staff_page
from web.pages.moving import entered_day, entered_start, named, why_not
from web.pages.staff_booking import anybody

routes = web.RouteTableDef()

WORDS_LIMIT = 200
LOOK_AHEAD = timedelta(days=60)
"""So far is looked for the first day with a free time."""


@routes.get("/staff/book")
async def find(request: web.Request) -> web.StreamResponse:
    """Find a request that nothing is booked for, by name, e-mail address or reference."""
    person = await staff_of(request, Role.SCHEDULER)
    sought = request.query.get("words", "").replace("\0", "").strip()[:WORDS_LIMIT]
    found = await request.app[DESK].ledger.open_requests(tuple(sought.split()))
    return staff_page(request, person, "book_for_find.html", sought=sought, found=found)


@routes.get("/staff/book/{request}")
async def choose(request: web.Request) -> web.StreamResponse:
    """Show the free times of a day."""
    person = await staff_of(request, Role.SCHEDULER)
    asked = await request.app[DESK].requests.find(request.match_info["request"])
    return await _page(request, person, asked, dict(request.query), {})


@routes.post("/staff/book/{request}")
async def book(request: web.Request) -> web.StreamResponse:
    """Book the time for the learner, who is told."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    asked = await desk.requests.find(request.match_info["request"])
    entered = await fields(request)
    staff = entered.get("staff", "")
    who = actor(person, Role.SCHEDULER)
    try:
        start = entered_start(entered.get("day"), entered.get("time"), desk.office.rules.zone)
        name = await named(desk, staff)
        made = await desk.bookings.book(
            asked.request.id, start, asked.learner.zone, who, by_staff=True, staff=staff or None
        )
    except InvalidInput as error:
        return await _page(request, person, asked, entered, {error.field: error.reason})
    except (SlotTaken, SlotNotOffered) as error:
        errors = {"time": f"{why_not(error, name)} Nothing was booked."}
        return await _page(request, person, asked, entered, errors, status=409)
    except PaymentDue as error:
        gross = words.money(error.pence)
        told = f"{gross} must be paid or waived first: see Charges. Nothing was booked."
        return await _page(request, person, asked, entered, {"time": told}, status=409)
    request.app[RELAY].changed(made)
    return go(f"/staff/bookings/{made.booking}?done=booked")


async def _page(
    request: web.Request,
    person: Staff,
    asked: Asked,
    entered: dict[str, str],
    errors: dict[str, str],
    status: int = 422,
) -> web.StreamResponse:
    desk = request.app[DESK]
    zone = desk.office.rules.zone
    day = entered_day(entered.get("day")) or await _first_day(desk, asked, zone)
    names = {one.id: one.name for one in await desk.reception.everybody()}
    free = await desk.ledger.places(asked.request.id, day)
    return staff_page(
        request,
        person,
        "book_for.html",
        status=status if errors else 200,
        asked=asked,
        open=asked.request.state is RequestState.OPEN,
        day=day,
        before=day - DAY,
        after=day + DAY,
        times=[_time(one, asked, names, zone) for one in free],
        anybody=anybody(free, names),
        entered={"time": "", "staff": "", **entered, "day": day.isoformat()},
        errors=errors,
    )


async def _first_day(desk: Desk, asked: Asked, zone: ZoneInfo) -> date:
    """Return the first day with a free time; today if there is none for long."""
    today = desk.office.clock.now().astimezone(zone).date()
    begin = datetime.combine(today, time(0), zone)
    window = Window(begin, begin + LOOK_AHEAD)
    starts = await desk.bookings.starts(asked.request.id, window)
    return starts[0].astimezone(zone).date() if starts else today


def _time(
    place: Place, asked: Asked, names: dict[str, str], zone: ZoneInfo
) -> tuple[str, str, str]:
    """Return a start by London's clock, by the others that matter, and who is free then."""
    own = zone_named(asked.learner.zone)
    theirs = f"{place.start.astimezone(own):%a %H:%M} for the learner"
    elsewhere = f"{words.clock(place.start, UTC)} UTC, {theirs}"
    free = ", ".join(sorted(names.get(one, one).split()[0] for one in place.staff))
    return words.clock(place.start, zone), elsewhere, free
