"""All bookings: looked for, narrowed down, paged, and taken away as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.booking import BookingState
from invigilation.desk import Desk
from invigilation.office_hours import DAY
from invigilation.people import Role
from invigilation.store.ledger import Line, Sought
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import paging, sheet
from web.pages.frame import staff_page
from web.pages.link_risk import risks_of
from web.pages.moving import entered_day
from web.pages.states import SHORT, STATES

routes = web.RouteTableDef()

PAGE = 50
WORDS_LIMIT = 200
"""Letters."""
HEADING = (
    "Booking",
    "State",
    "Start (London)",
    "Start (UTC)",
    "End (London)",
    "End (UTC)",
    "Learner's zone",
    "Invigilator",
    "Learner",
    "E-mail",
    "Reference",
    "Assessment",
    "Minutes",
    "Placed (London)",
    "Placed (UTC)",
)
FIELDS = ("words", "state", "staff", "assessment", "from", "to")


@routes.get("/staff/bookings")
async def show(request: web.Request) -> web.StreamResponse:
    """List the bookings that were asked for, latest start first."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    entered, sought = _sought(request, desk.office.rules.zone)
    before = paging.place(request.query.get("before"))
    found = await desk.ledger.search(sought, PAGE + 1, before)
    lines = found[:PAGE]
    more = ""
    if len(found) > PAGE:
        more = _address(entered, before=paging.mark(lines[-1].start, lines[-1].booking))
    return staff_page(
        request,
        person,
        "bookings.html",
        lines=lines,
        links=await risks_of(desk, lines),
        states=STATES,
        short=SHORT,
        entered=entered,
        narrowed=any(entered.values()),
        first_page="" if before is None else _address(entered),
        more=more,
        file=_address(entered, path="/staff/bookings.csv"),
        choices=await _choices(desk),
    )


@routes.get("/staff/bookings.csv")
async def export(request: web.Request) -> web.StreamResponse:
    """Answer with all bookings that were asked for, as a file."""
    await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    _, sought = _sought(request, desk.office.rules.zone)

    async def batches() -> AsyncIterator[list[Sequence[str]]]:
        async for lines in desk.ledger.every(sought):
            yield [_row(one) for one in lines]

    name = f"bookings-{desk.office.clock.now():%Y-%m-%d}.csv"
    return await sheet.send(request, name, HEADING, batches())


def _row(one: Line) -> Sequence[str]:
    return (
        one.booking,
        STATES[one.state][0],
        *sheet.both(one.start),
        *sheet.both(one.end),
        one.zone,
        one.staff_name,
        one.learner_name,
        one.learner_email,
        one.reference,
        one.title,
        str(one.minutes),
        *sheet.both(one.placed),
    )


def _sought(request: web.Request, zone: ZoneInfo) -> tuple[dict[str, str], Sought]:
    """Return what the form's fields say, and what that means; nonsense means nothing."""
    query = request.query
    entered = {name: query.get(name, "").replace("\0", "").strip()[:WORDS_LIMIT] for name in FIELDS}
    first, last = entered_day(entered["from"]), entered_day(entered["to"])
    state = entered["state"]
    return entered, Sought(
        tuple(entered["words"].split()),
        BookingState(state) if state in set(BookingState) else None,
        entered["staff"],
        entered["assessment"],
        None if first is None else _midnight(first, zone),
        None if last is None else _midnight(last + DAY, zone),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


async def _choices(desk: Desk) -> dict[str, list[tuple[str, str]]]:
    """Return what may be chosen in the form."""
    staff = sorted(await desk.reception.everybody(), key=lambda one: one.name)
    return {
        "state": [("", "Any state"), *((one.value, words[0]) for one, words in STATES.items())],
        "staff": [
            ("", "Anybody"),
            *((one.id, one.name) for one in staff if one.is_a(Role.INVIGILATOR)),
        ],
        "assessment": [("", "Any assessment"), *await desk.ledger.assessments()],
    }


def _address(entered: dict[str, str], path: str = "/staff/bookings", **more: str) -> str:
    query = urlencode({name: value for name, value in (entered | more).items() if value})
    return f"{path}?{query}" if query else path
