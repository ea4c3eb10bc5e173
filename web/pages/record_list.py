"""The list of sessions' records, for whoever oversees them: looked for by name and day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.office_hours import DAY
from invigilation.people import Role
from invigilation.store.ledger import Sought
from web.auth.visitor import staff_of
from web.keys import DESK
from web.pages import paging
from web.pages.frame import staff_page
from web.pages.moving import entered_day
from web.pages.states import SHORT, STATES

routes = web.RouteTableDef()

PATH = "/staff/records"
PAGE = 50
WORDS_LIMIT = 200
FIELDS = ("words", "from", "to")


@routes.get(PATH)
async def show(request: web.Request) -> web.StreamResponse:
    """List the sessions that were asked for, latest start first."""
    person = await staff_of(request, Role.SCHEDULER, Role.AUDITOR)
    desk = request.app[DESK]
    entered, sought = _sought(request, desk.office.rules.zone)
    before = paging.place(request.query.get("before"))
    found = await desk.ledger.search(sought, PAGE + 1, before)
    lines = found[:PAGE]
    more = paging.mark(lines[-1].start, lines[-1].booking) if len(found) > PAGE else ""
    return staff_page(
        request,
        person,
        "record_list.html",
        lines=[one for one in lines if one.session is not None],
        states=STATES,
        short=SHORT,
        entered=entered,
        narrowed=any(entered.values()),
        first_page="" if before is None else _address(entered),
        more=more and _address(entered | {"before": more}),
    )


def _sought(request: web.Request, zone: ZoneInfo) -> tuple[dict[str, str], Sought]:
    """Return what the form's fields say, and what that means; nonsense means nothing."""
    entered = {
        name: request.query.get(name, "").replace("\0", "").strip()[:WORDS_LIMIT] for name in FIELDS
    }
    first, last = entered_day(entered["from"]), entered_day(entered["to"])
    return entered, Sought(
        tuple(entered["words"].split()),
        first=None if first is None else _midnight(first, zone),
        last=None if last is None else _midnight(last + DAY, zone),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _address(entered: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in entered.items() if value})
    return f"{PATH}?{query}" if query else PATH
