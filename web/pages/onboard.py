"""An officer on board invigilates: the learner's link for the officer, and the officer's form."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from aiohttp import web
from aiohttp.web_request import FileField

from invigilation.desk.onboard import PREFIX, Case, Taken
from invigilation.desk.onboard_papers import Closed
from invigilation.errors import InvalidInput, InvigilationError
from invigilation.onboard import (
    DECLARATION,
    Facts,
    OnboardState,
    Rank,
    Verification,
    clean_imo,
    clean_officer,
    clean_rank,
    clean_vessel,
)
from invigilation.record import canonical
from recordings.errors import EvidenceExists, EvidenceStoreFull, PictureUndecodable
from recordings.vision.capture import Picture
from recordings.vision.upload import MAX_BYTES
from web.auth.links import onboard_link, onboard_of
from web.auth.place import network_of
from web.auth.throttle import Throttle
from web.auth.visitor import request_id_of
from web.keys import DESK, SECRET, SETTINGS, VAULT
from web.pages.captures import CAPTURES
from web.pages.frame import fields, go, render
from web.pages.mistakes import Refused
from web.pages.second import qr_code
from web.pages.zones import zone_of

routes = web.RouteTableDef()
SENT = web.AppKey("sent", Throttle)
SENT_LIMIT = 20
"""Forms from one place in a quarter of an hour: a whole crew may share one address."""
LINK_DAYS = 14
JPEG = "image/jpeg"
BRAKED = "Many forms come from your network just now. Please send this again in some minutes."
NOTHING_CHOSEN = "Choose or take a picture of your identity document."
NO_DAY = "Enter the day of the assessment as numbers, such as 27 3 2027."
RANKS = (
    (Rank.MASTER.value, "Master"),
    (Rank.SHIP_SECURITY_OFFICER.value, "Ship Security Officer"),
    (Rank.OFFICER.value, "Another officer", "Write which one below."),
)
GROUPS = ("rank",)


@dataclass(slots=True)
class Sent:
    """What an officer has sent: the fields as entered, and what is wrong with them by name."""

    entered: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def clean(self, name: str, how: Callable[[str], str]) -> str:
        """Return a field as it is kept, or note what is wrong with it."""
        try:
            return how(self.entered.get(name, ""))
        except InvalidInput as error:
            self.errors[name] = error.reason
            return ""


async def case_of(request: web.Request) -> Case:
    """Return how things stand on board for the learner who asks."""
    return await request.app[DESK].onboard.case(request_id_of(request))


# --- the learner ----------------------------------------------------------------------------------


@routes.get("/me/onboard")
async def invite(request: web.Request) -> web.StreamResponse:
    """Say who may invigilate on board, and give the link for them."""
    case = await case_of(request)
    app = request.app
    until = _good_until(app[DESK].office.clock.now())
    path = onboard_link(app[SECRET], case.asked.request.id, until)
    url = app[SETTINGS].url + path
    size, code = qr_code(url)
    return render(
        request,
        "onboard_invite.html",
        case=case,
        closed=None if case.closed is None else case.closed.value,
        path=path,
        url=url,
        size=size,
        code=code,
        until=until - timedelta(minutes=1),
        zone=zone_of(request, case.asked.learner.zone),
    )


def _good_until(now: datetime) -> datetime:
    """Return the end of the day (UTC) in two weeks: the link is the same one all day."""
    day = now.astimezone(UTC).date() + timedelta(days=LINK_DAYS + 1)
    return datetime.combine(day, time(0), UTC)


# --- the officer ----------------------------------------------------------------------------------


@routes.get("/onboard/{token}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the form, or how things stand once it was sent."""
    case = await _opened(request)
    form = case.form
    waits = form is not None and form.state is OnboardState.SUBMITTED
    if case.closed is not None or (waits and "again" not in request.query):
        return _standing(request, case)
    return _form(request, case, Sent({"once": secrets.token_urlsafe(16), **_before(form)}))


@routes.post("/onboard/{token}")
async def send(request: web.Request) -> web.StreamResponse:
    """Take the form and its picture in."""
    case = await _opened(request)
    if case.closed is not None:
        return _standing(request, case, status=409)
    sent = Sent(await fields(request))
    brake, place = request.app[SENT], network_of(request)
    now = request.app[DESK].office.clock.monotonic()
    if brake.wait("onboard", place, now) > 0:
        sent.errors["officer"] = BRAKED
        return _form(request, case, sent, status=503)
    brake.fail("onboard", place, now)
    facts = _facts(request, case, sent)
    picture = await _picture(request, sent)
    if sent.entered.get("declared") != "yes":
        sent.errors["declared"] = "Read the declaration, and tick it if you agree."
    if sent.errors or facts is None or picture is None:
        return _form(request, case, sent, status=422)
    await _keep(request, case.asked.request.id, sent, facts, picture)
    return go(request.path)


def _before(form: Verification | None) -> dict[str, str]:
    """Return the fields of the last form, so that a corrected one need not be written anew."""
    if form is None:
        return {}
    return {
        "officer": form.officer,
        "rank": form.rank.value,
        "rank_words": form.rank_words,
        "vessel": form.vessel,
        "imo": form.imo,
        "day": str(form.sits_on.day),
        "month": str(form.sits_on.month),
        "year": str(form.sits_on.year),
    }


async def _opened(request: web.Request) -> Case:
    """Return the case that a link opens; one that is too old opens nothing."""
    ident, until = onboard_of(request.app[SECRET], request.match_info["token"])
    desk = request.app[DESK]
    if until <= desk.office.clock.now():
        raise Refused("out_of_date", "")
    return await desk.onboard.case(ident)


def _standing(request: web.Request, case: Case, status: int = 200) -> web.StreamResponse:
    closed = case.closed
    if closed is None:
        stage = "sent"
    elif closed is Closed.DONE and case.form and case.form.state is OnboardState.ACCEPTED:
        stage = "accepted"
    else:
        stage = closed.value
    return render(
        request,
        "onboard_standing.html",
        status=status,
        case=case,
        stage=stage,
        form=case.form,
        rank="" if case.form is None else rank_in_words(case.form.rank, case.form.rank_words),
        again=f"{request.path}?again=1",
    )


def _form(request: web.Request, case: Case, sent: Sent, status: int = 200) -> web.StreamResponse:
    form = case.form
    _, last = request.app[DESK].onboard.days(case.asked)
    return render(
        request,
        "onboard_form.html",
        status=status,
        case=case,
        entered=sent.entered,
        errors=sent.errors,
        groups=GROUPS,
        ranks=RANKS,
        declaration=DECLARATION,
        last=last,
        replaces=form if form is not None and form.state is OnboardState.SUBMITTED else None,
        refused=form if form is not None and form.state is OnboardState.REFUSED else None,
        action=request.path,
    )


def rank_in_words(rank: Rank, which: str) -> str:
    """Return "Master", or the other officer's own rank."""
    return which or {Rank.MASTER: "Master"}.get(rank, "Ship Security Officer")


def _facts(request: web.Request, case: Case, sent: Sent) -> Facts | None:
    """Return what was entered, or note in the order of the form what is wrong."""
    officer = sent.clean("officer", clean_officer)
    rank, words = Rank.OFFICER, ""
    try:
        rank, words = clean_rank(sent.entered.get("rank", ""), sent.entered.get("rank_words", ""))
    except InvalidInput as error:
        sent.errors[error.field] = error.reason
    vessel = sent.clean("vessel", clean_vessel)
    imo = sent.clean("imo", clean_imo)
    day = _day(sent, *request.app[DESK].onboard.days(case.asked))
    if sent.errors or day is None:
        return None
    return Facts(officer, rank, words, vessel, imo, day)


def _day(sent: Sent, first: date, last: date) -> date | None:
    try:
        day = date(*(int(sent.entered.get(part, "")) for part in ("year", "month", "day")))
    except (ValueError, OverflowError):
        sent.errors["day"] = NO_DAY
        return None
    if day < first:
        sent.errors["day"] = "This day has passed. Enter the day when the assessment will be sat."
        return None
    if day > last:
        sent.errors["day"] = "This day is after the end of the learner's licence."
        return None
    return day


async def _picture(request: web.Request, sent: Sent) -> Picture | None:
    """Return the picture, drawn anew in a process of its own, or note why it cannot be used."""
    upload = (await request.post()).get("picture")
    if not isinstance(upload, FileField) or not upload.filename:
        sent.errors["picture"] = NOTHING_CHOSEN
        return None
    raw = await asyncio.to_thread(upload.file.read, MAX_BYTES + 1)
    try:
        return await request.app[CAPTURES].shelf.eye.draw(raw)
    except PictureUndecodable as error:
        sent.errors["picture"] = f"This picture cannot be used: {error.why}."
        return None


async def _keep(
    request: web.Request, ident: str, sent: Sent, facts: Facts, picture: Picture
) -> None:
    """Put the picture into the vault, then the form into the office.

    The form's id is made of all that it says: sent twice, by a finger or by the network, it is one
    form, and with anything changed it is another.
    """
    sha256 = hashlib.sha256(picture.jpeg).hexdigest()
    said = [ident, sent.entered.get("once", "")[:40], sha256, facts.officer, facts.rank]
    said += [facts.rank_words, facts.vessel, facts.imo, facts.sits_on.isoformat()]
    form = PREFIX + hashlib.sha256(canonical(said)).hexdigest()[:20]
    vault = request.app[VAULT]
    try:
        with contextlib.suppress(EvidenceExists):
            await asyncio.to_thread(vault.put, form, form, picture.jpeg)
    except EvidenceStoreFull:
        raise Refused("busy", "We cannot take pictures in just now.") from None
    taken = Taken(JPEG, sha256, len(picture.jpeg))
    try:
        await request.app[DESK].onboard.submit(ident, form, facts, taken)
    except InvigilationError:
        # Refused (a session was booked meanwhile): there is no form that the picture belongs to.
        await vault.aside(vault.erase, form, form)
        raise
