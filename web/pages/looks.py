"""Why somebody looks at evidence: asked once for each record, and shown to who watches over it."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from invigilation.errors import InvalidInput, ReasonNeeded
from invigilation.looks import LASTS, LookReason, Standing
from invigilation.people import Role, Staff
from web.auth.entering import safe_next
from web.auth.visitor import confirmed, staff_of
from web.keys import DESK
from web.pages import look_words
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()
LOOKERS = (Role.INVIGILATOR, Role.SCHEDULER, Role.AUDITOR)
PAGES = ("/staff/records/", "/staff/onboard/", "/staff/identity/", "/staff/evidence/")
"""Where somebody may go on to from here."""


async def lookable(
    request: web.Request, subject: str, person: Staff, evidence: str | None = None
) -> None:
    """Pass when somebody may look at a record's evidence now.

    Else raises `ReasonNeeded`, or `ConfirmFirst` (`confirmed`) where it is their own session of
    another day: that needs no reason, but them.
    """
    desk = request.app[DESK].looks
    standing = await desk.standing(subject, person, evidence)
    if standing is Standing.ASK:
        raise ReasonNeeded(subject)
    if standing is Standing.CONFIRM:
        await confirmed(request)
        await desk.open(subject, person, LookReason.THEIRS.value)


def way_to_ask(subject: str, then: str) -> str:
    """Return the address of the page that asks for a reason, and goes on to `then`."""
    return f"{page_of(subject)}/look?next={quote(then, safe='')}"


@routes.get("/staff/looks")
async def show(request: web.Request) -> web.StreamResponse:
    """List who looked of late and why, and what was unusual."""
    return await _list(request, "", {})


@routes.get("/staff/records/{session}/look")
@routes.get("/staff/onboard/{form}/look")
async def ask(request: web.Request) -> web.StreamResponse:
    """Ask why; only who has just proved who they are is asked."""
    person = await staff_of(request, *LOOKERS)
    await request.app[DESK].looks.about(_subject(request), person)
    await confirmed(request)
    return await _form(request, person, {"next": request.query.get("next", "")}, {})


@routes.post("/staff/records/{session}/look")
@routes.post("/staff/onboard/{form}/look")
async def tell(request: web.Request) -> web.StreamResponse:
    """Take the reason, and go on to what was asked for."""
    person = await staff_of(request, *LOOKERS)
    subject = _subject(request)
    await confirmed(request)
    entered = await fields(request)
    try:
        await request.app[DESK].looks.open(
            subject, person, entered.get("reason", ""), entered.get("words", "")
        )
    except InvalidInput as error:
        return await _form(request, person, entered, {error.field: error.reason})
    return go(_next(entered.get("next", "")) or page_of(subject))


@routes.post("/staff/looks/{alarm}/close")
async def close(request: web.Request) -> web.StreamResponse:
    """Close an alarm with what somebody found out."""
    person = await staff_of(request, Role.ADMINISTRATOR)
    entered = await fields(request)
    alarm = request.match_info["alarm"]
    try:
        await request.app[DESK].looks.close(alarm, person, entered.get("note", ""))
    except InvalidInput as error:
        return await _list(request, alarm, {"note": error.reason})
    return go("/staff/looks")


async def _form(
    request: web.Request, person: Staff, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    subject = _subject(request)
    return staff_page(
        request,
        person,
        "look.html",
        status=422 if errors else 200,
        action=f"{page_of(subject)}/look",
        about=await request.app[DESK].looks.about(subject, person),
        options=look_words.OPTIONS,
        hours=LASTS.seconds // 3600,
        back=page_of(subject),
        entered=entered,
        errors=errors,
    )


async def _list(request: web.Request, alarm: str, errors: dict[str, str]) -> web.StreamResponse:
    person = await staff_of(request, Role.ADMINISTRATOR, Role.AUDITOR)
    desk = request.app[DESK].looks
    found = await desk.listed(person)
    return staff_page(
        request,
        person,
        "looks.html",
        status=422 if errors else 200,
        found=found,
        reasons=look_words.REASONS,
        alarms=[
            (one, look_words.alarm(one.kind, one.records, desk.limits)) for one in found.alarms
        ],
        page_of=page_of,
        may_close=person.is_a(Role.ADMINISTRATOR),
        wrong=alarm,
        errors=errors,
    )


def _subject(request: web.Request) -> str:
    return request.match_info.get("session") or request.match_info["form"]


def page_of(subject: str) -> str:
    """Return the page of a record: a session's, or an officer's form's."""
    where = "onboard" if subject.startswith("ob_") else "records"
    return f"/staff/{where}/{quote(subject, safe='')}"


def _next(path: str) -> str:
    """Return where somebody wanted to go, if that is a page that shows evidence."""
    return safe_next(path) if path.startswith(PAGES) and ".." not in path else ""
