"""The rota: everybody's hours at a glance, and one person's week, leave, extra hours and more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta

from aiohttp import web

from invigilation.desk.changes import (
    MOST_AT_ONCE,
    AddExtra,
    AddLeave,
    Change,
    RemoveExtra,
    RemoveLeave,
    SetCapacity,
    SetSkills,
    SetWeek,
)
from invigilation.errors import InvalidInput
from invigilation.office_hours import DAY, Hours
from invigilation.people import Role, Staff
from web.auth.visitor import staff_of
from web.keys import DESK, SETTINGS
from web.pages import fates
from web.pages.fates import Task
from web.pages.frame import fields, go, staff_page
from web.pages.hours import DAYS, stretches_of, week_in_words
from web.pages.person_rota import person_page, span
from web.typed import day_of, hours_of

routes = web.RouteTableDef()

Entered = dict[str, str]
SOON = timedelta(days=60)
"""Leave that begins within this time is shown at a glance."""


class Wrong(Exception):
    """Fields that cannot be used: the sentence of each."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


@routes.get("/staff/rota")
async def show(request: web.Request) -> web.StreamResponse:
    """Show everybody's hours and what no longer fits; an invigilator is led to their own."""
    person = await staff_of(request, Role.SCHEDULER, Role.INVIGILATOR)
    if not person.roles & {Role.SCHEDULER, Role.ADMINISTRATOR}:
        return go(f"/staff/rota/{person.id}")
    desk = request.app[DESK]
    return staff_page(
        request,
        person,
        "rota.html",
        people=await desk.rota.everybody(person),
        sources=await desk.busy.sources(),
        misfits=await desk.rota.misfits(person),
        why_words=fates.why_words,
        week_words=week_in_words,
        span=lambda leave: span(leave, desk.office.rules.zone),
        soon=desk.office.clock.now() + SOON,
    )


@routes.get("/staff/rota/{staff}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one person's rota."""
    return await person_page(request, {}, {})


@routes.post("/staff/rota/{staff}/week")
async def week(request: web.Request) -> web.StreamResponse:
    """Set the whole week from a day on."""
    return await _made(request, _week, "Week of {}", "week")


@routes.post("/staff/rota/{staff}/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """Add leave, of whole days or between two times."""
    return await _made(request, _leave, "Leave of {}", "leave")


@routes.post("/staff/rota/{staff}/leave/{leave}/remove")
async def remove_leave(request: web.Request) -> web.StreamResponse:
    """Take leave back."""

    async def change(_: web.Request, __: Entered) -> Change:
        return RemoveLeave(request.match_info["leave"])

    return await _made(request, change, "Leave of {}", "no-leave")


@routes.post("/staff/rota/{staff}/extra")
async def extra(request: web.Request) -> web.StreamResponse:
    """Add extra hours on one day."""
    return await _made(request, _extra, "Extra hours of {}", "extra")


@routes.post("/staff/rota/{staff}/extra/{shift}/remove")
async def remove_extra(request: web.Request) -> web.StreamResponse:
    """Take extra hours back."""

    async def change(_: web.Request, __: Entered) -> Change:
        return RemoveExtra(request.match_info["shift"])

    return await _made(request, change, "Extra hours of {}", "no-extra")


@routes.post("/staff/rota/{staff}/learners")
async def learners(request: web.Request) -> web.StreamResponse:
    """Set how many learners somebody watches at once."""
    return await _made(request, _learners, "Learners at once of {}", "learners")


@routes.post("/staff/rota/{staff}/skills")
async def skills(request: web.Request) -> web.StreamResponse:
    """Set which assessments somebody takes."""
    return await _made(request, _skills, "Assessments of {}", "skills")


@routes.post("/staff/rota/{staff}/busy")
async def busy(request: web.Request) -> web.StreamResponse:
    """Read somebody's busy times from an address."""
    person = await staff_of(request, Role.SCHEDULER)
    entered, staff = await fields(request), request.match_info["staff"]
    zone = entered.get("busy_zone", "")
    try:
        url, plain = entered.get("busy_url", ""), request.app[SETTINGS].calendar_private_addresses
        await request.app[DESK].busy.set_source(person, staff, url, zone, plain=plain)
    except InvalidInput as error:
        name = "busy_zone" if error.field == "zone" else "busy_url"
        return await person_page(request, entered, {name: error.reason})
    return go(f"/staff/rota/{staff}?done=busy#busy")


@routes.post("/staff/rota/{staff}/busy/drop")
async def drop_busy(request: web.Request) -> web.StreamResponse:
    """Read somebody's busy times no more."""
    person = await staff_of(request, Role.SCHEDULER)
    staff = request.match_info["staff"]
    await request.app[DESK].busy.drop(person, staff)
    return go(f"/staff/rota/{staff}?done=no-busy#busy")


@routes.post("/staff/rota/{staff}/feed")
async def feed(request: web.Request) -> web.StreamResponse:
    """Make a new private feed, and show its address this once."""
    person = await staff_of(request, Role.SCHEDULER, Role.INVIGILATOR)
    token = await request.app[DESK].feeds.new(person, request.match_info["staff"])
    return await person_page(request, {}, {}, token=token)


@routes.post("/staff/rota/{staff}/feed/revoke")
async def revoke_feed(request: web.Request) -> web.StreamResponse:
    """Take the private feed back."""
    person = await staff_of(request, Role.SCHEDULER, Role.INVIGILATOR)
    staff = request.match_info["staff"]
    await request.app[DESK].feeds.revoke(person, staff)
    return go(f"/staff/rota/{staff}?done=no-feed#feed")


# --- from a form to a change ---


async def _made(
    request: web.Request,
    read: Callable[[web.Request, Entered], Awaitable[Change]],
    title: str,
    done: str,
) -> web.StreamResponse:
    """Make the change that a form asks for; what cannot be used comes back with the form."""
    person = await staff_of(request, Role.SCHEDULER)
    entered, staff = await fields(request), request.match_info["staff"]
    named = await _named(request, person, staff)
    try:
        change = await read(request, entered)
        task = Task(change, title.format(named.name), f"/staff/rota/{staff}", done)
        return await fates.carry_out(request, person, task, entered)
    except Wrong as wrong:
        return await person_page(request, entered, wrong.errors)
    except InvalidInput as error:
        return await person_page(
            request, entered, {_FIELDS.get(error.field, error.field): error.reason}
        )


_FIELDS = {"note": "leave_note", "end": "leave_last", "day": "extra_day"}
"""What a change calls a field, and what its form does."""


async def _named(request: web.Request, person: Staff, staff: str) -> Staff:
    return (await request.app[DESK].rota.person(person, staff)).staff


async def _week(request: web.Request, entered: Entered) -> Change:
    errors: dict[str, str] = {}
    first = _day(entered, "first", errors)
    days: list[tuple[Hours, ...]] = []
    for name in (day.lower() for day in DAYS):
        try:
            days.append(stretches_of(name, entered.get(name, "")))
        except InvalidInput as error:
            errors[name] = error.reason
    if first is None or errors:
        raise Wrong(errors)
    return SetWeek(request.match_info["staff"], first, tuple(days))


async def _leave(request: web.Request, entered: Entered) -> Change:
    """Read days, or days with times: without a time it is the whole of the day."""
    errors: dict[str, str] = {}
    zone = request.app[DESK].office.rules.zone
    first = _day(entered, "leave_first", errors)
    last = _day(entered, "leave_last", errors) if entered.get("leave_last") else first
    begin = _time(entered, "leave_first_time", errors)
    end = _time(entered, "leave_last_time", errors)
    if first is None or last is None or errors:
        raise Wrong(errors)
    start = datetime.combine(first, begin or time(), zone)
    until = datetime.combine(last if end else last + DAY, end or time(), zone)
    if until.astimezone(UTC) <= start.astimezone(UTC):
        raise Wrong({"leave_last": "The leave must end after it begins."})
    note = entered.get("leave_note", "")
    staff = request.match_info["staff"]
    return AddLeave(staff, start.astimezone(UTC), until.astimezone(UTC), note)


async def _extra(request: web.Request, entered: Entered) -> Change:
    errors: dict[str, str] = {}
    day = _day(entered, "extra_day", errors)
    hours = None
    try:
        hours = hours_of(entered.get("extra_start", ""), entered.get("extra_end", ""))
    except InvalidInput as error:
        errors[f"extra_{error.field}"] = error.reason
    if day is None or hours is None or errors:
        raise Wrong(errors)
    return AddExtra(request.match_info["staff"], day, hours)


async def _learners(request: web.Request, entered: Entered) -> Change:
    raw = entered.get("learners", "")
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:4]) <= MOST_AT_ONCE:
        raise Wrong({"learners": f"Enter a number from 1 to {MOST_AT_ONCE}."})
    return SetCapacity(request.match_info["staff"], int(raw))


async def _skills(request: web.Request, entered: Entered) -> Change:
    if entered.get("skills") != "some":
        return SetSkills(request.match_info["staff"], ())
    chosen = tuple(name.removeprefix("skill-") for name in entered if name.startswith("skill-"))
    if not chosen:
        raise Wrong({"skills": "Choose at least one assessment, or every one."})
    return SetSkills(request.match_info["staff"], chosen)


def _day(entered: Entered, name: str, errors: dict[str, str]) -> date | None:
    try:
        return day_of(entered.get(name, ""))
    except InvalidInput as error:
        errors[name] = error.reason
        return None


def _time(entered: Entered, name: str, errors: dict[str, str]) -> time | None:
    raw = entered.get(name, "")
    if not raw:
        return None
    try:
        return time.fromisoformat(raw).replace(tzinfo=None)
    except ValueError:
        errors[name] = "Write a time like 09:00 or 17:30."
        return None
