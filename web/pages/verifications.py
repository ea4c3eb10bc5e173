"""Forms of officers on board, reviewed by staff."""

from __future__ import annotations

import asyncio

from aiohttp import web

from invigilation.desk.onboard_papers import Closed, Review, onboard_file
from invigilation.errors import InvalidInput, NotFound, ReasonNeeded
from invigilation.onboard import OnboardState
from invigilation.people import Role, Staff
from invigilation.record import Entry
from web.auth.visitor import staff_of
from web.keys import DESK, VAULT, VERIFIER
from web.pages import look_words
from web.pages.frame import fields, go, staff_page
from web.pages.looks import lookable, way_to_ask
from web.pages.mistakes import Refused
from web.pages.onboard import rank_in_words

routes = web.RouteTableDef()
ROLES = (Role.SCHEDULER, Role.INVIGILATOR)
READERS = (*ROLES, Role.AUDITOR)
DONE = {
    "accepted": "The form is accepted. The learner and the training company are told.",
    "refused": "The form is refused. The learner is told why.",
}
STATES = {
    OnboardState.SUBMITTED: ("Waits for you", "warn"),
    OnboardState.ACCEPTED: ("Accepted", "good"),
    OnboardState.REFUSED: ("Refused", "bad"),
    OnboardState.WITHDRAWN: ("Withdrawn", "quiet"),
}
EVENTS = {
    "onboard_submitted": "The form was sent",
    "onboard_withdrawn": "The form was withdrawn",
    "onboard_accepted": "Accepted the form",
    "onboard_refused": "Refused the form",
}
PEOPLE = {"officer", "learner"}
GONE = "This was deleted when its retention time was over."


@routes.get("/staff/onboard")
async def show(request: web.Request) -> web.StreamResponse:
    """List the forms that wait, and the last ones that were decided."""
    person = await staff_of(request, *READERS)
    waiting, decided = await request.app[DESK].onboard.listed(person)
    done = DONE.get(request.query.get("done", ""), "")
    return staff_page(
        request,
        person,
        "verifications.html",
        waiting=waiting,
        decided=decided,
        states=STATES,
        done=done,
        rank=rank_in_words,
    )


@routes.get("/staff/onboard/{form}")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one form, its picture, and the ways to decide."""
    person = await staff_of(request, *READERS)
    return await _page(request, person, {}, {})


@routes.get("/staff/onboard/{form}/picture", allow_head=False)
async def picture(request: web.Request) -> web.StreamResponse:
    """Answer with the picture; the look is noted."""
    person = await staff_of(request, *READERS)
    form = await request.app[DESK].onboard.see(request.match_info["form"], person)
    if form.erased is not None:
        raise Refused("erased", GONE)
    vault = request.app[VAULT]
    try:
        data = await vault.aside(vault.read, form.id, form.id)
    except NotFound:
        raise Refused("erased", GONE) from None
    return web.Response(
        body=data,
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": "inline",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Type": form.media_type,
        },
    )


@routes.get("/staff/onboard/{form}/download")
async def download(request: web.Request) -> web.StreamResponse:
    """Answer with the record as a file for `invigilation verify`."""
    person = await staff_of(request, *READERS)
    found = await request.app[DESK].onboard.review(request.match_info["form"], person)
    name = f"record-{found.form.id}.json"
    return web.Response(
        body=onboard_file(found),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


@routes.post("/staff/onboard/{form}/accept")
async def accept(request: web.Request) -> web.StreamResponse:
    """Accept a form: the report is sealed and sent."""
    person = await staff_of(request, *ROLES)
    await request.app[DESK].onboard.accept(request.match_info["form"], person)
    return go("/staff/onboard?done=accepted")


@routes.post("/staff/onboard/{form}/refuse")
async def refuse(request: web.Request) -> web.StreamResponse:
    """Refuse a form, with a reason for the learner."""
    person = await staff_of(request, *ROLES)
    entered = await fields(request)
    ident, reason = request.match_info["form"], entered.get("reason", "")
    try:
        await request.app[DESK].onboard.refuse(ident, person, reason)
    except InvalidInput as error:
        return await _page(request, person, entered, {"reason": error.reason})
    return go("/staff/onboard?done=refused")


async def _page(
    request: web.Request, person: Staff, entered: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    desk = request.app[DESK]
    found = await desk.onboard.review(request.match_info["form"], person)
    ask = await _ask(request, found, person)
    names = {one.id: one.name for one in await desk.reception.everybody()}
    form = found.form
    office = desk.office
    return staff_page(
        request,
        person,
        "verification.html",
        status=422 if errors else 200,
        form=form,
        ask=ask,
        asked=found.asked,
        declaration=found.declaration,
        rank=rank_in_words(form.rank, form.rank_words),
        state=STATES[form.state],
        decider=names.get(form.reviewed_by or "", form.reviewed_by),
        open=form.state is OnboardState.SUBMITTED and person.roles != {Role.AUDITOR},
        booked=found.closed is Closed.BOOKED,
        passed=form.sits_on < office.clock.now().astimezone(office.rules.zone).date(),
        verified=await _verified(request, found),
        events=[(one.at, _who(one, names), _what(one)) for one in found.entries],
        entered=entered,
        errors=errors,
    )


async def _ask(request: web.Request, of: Review, person: Staff) -> str:
    """Return where somebody says why they look at the picture; empty where they need not."""
    if of.form.erased is not None:
        return ""
    try:
        await lookable(request, of.form.id, person)
    except ReasonNeeded:
        return way_to_ask(of.form.id, f"/staff/onboard/{of.form.id}")
    return ""


async def _verified(request: web.Request, found: Review) -> bool | None:
    """Say whether the record of an accepted form holds; None while nothing is sealed."""
    if found.attestation is None:
        return None
    return await asyncio.to_thread(request.app[VERIFIER], onboard_file(found))


def _what(entry: Entry) -> str:
    if entry.kind == "evidence_viewed":
        return look_words.looked(entry.data, "the document")
    return EVENTS.get(entry.kind, entry.kind)


def _who(entry: Entry, names: dict[str, str]) -> str:
    role, _, ident = entry.actor.partition(":")
    if ident:
        return f"{names.get(ident, ident)} ({role})"
    return f"The {role}" if role in PEOPLE else role.capitalize()
