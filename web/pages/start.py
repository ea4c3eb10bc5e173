"""The start page, and the public form by which a learner asks for a session."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.desk.people import LEARNER_HOURS, Kind
from invigilation.desk.requests import FORM, Ask
from invigilation.errors import InvalidInput
from invigilation.people import clean_email, clean_name
from invigilation.request import licence_end
from web.auth import cookies
from web.auth.place import network_of
from web.auth.throttle import Throttle
from web.auth.visitor import VISITOR
from web.keys import DESK
from web.pages.frame import fields, go, render
from web.pages.zones import zone_of

routes = web.RouteTableDef()

ASKED = web.AppKey("asked", Throttle)
ASKED_LIMIT = 60
"""Requests from one place in a quarter of an hour: a whole crew may share one address."""
BRAKED = "Many requests come from your network just now. Please send this again in some minutes."
COURSE_LIMIT = 100
ENDED = "If the day is right, ask your training company."
_ONCE = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


@routes.get("/")
async def start(request: web.Request) -> web.StreamResponse:
    """Say what this is, and where to go."""
    return render(request, "start.html", signed_in=request[VISITOR].learner is not None)


@routes.get("/request")
async def form(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    return await _form(request, {"once": secrets.token_urlsafe(16)}, {})


@routes.post("/request")
async def ask(request: web.Request) -> web.StreamResponse:
    """Take the form, sign the learner in, and lead them on to their own page."""
    entered = await fields(request)
    errors: dict[str, str] = {}
    office = request.app[DESK].office
    today = office.clock.now().astimezone(office.rules.zone).date()
    wanted = _parse(entered, zone_of(request), office.rules.zone, today, errors)
    if wanted is None:
        return await _form(request, entered, errors)
    desk, brake, place = request.app[DESK], request.app[ASKED], network_of(request)
    now = desk.office.clock.monotonic()
    if brake.wait("form", place, now) > 0:
        return await _form(request, entered, {"name": BRAKED}, status=503)
    brake.fail("form", place, now)
    try:
        asked = await desk.requests.ask(wanted)
    except InvalidInput as error:
        if error.field == "licence_until":
            return await _form(request, entered, {"day": f"{error.reason} {ENDED}"})
        return await _form(request, entered, {error.field: error.reason})
    token, _ = await desk.reception.sign_in(Kind.LEARNER, asked.request.id)
    response = go("/me")
    cookies.keep(response, cookies.LEARNER, token, LEARNER_HOURS)
    return response


async def _form(
    request: web.Request, entered: dict[str, str], errors: dict[str, str], status: int = 422
) -> web.StreamResponse:
    assessments = await request.app[DESK].requests.assessments(FORM)
    choices = [(one.code, one.title, f"{one.minutes} minutes") for one in assessments]
    return render(
        request,
        "request.html",
        status=status if errors else 200,
        entered=entered,
        errors=errors,
        choices=choices,
    )


def _parse(
    entered: dict[str, str], zone: str, office: ZoneInfo, today: date, errors: dict[str, str]
) -> Ask | None:
    """Return what is asked for, or fill `errors` in the order of the form."""
    name = _clean(entered, "name", clean_name, errors)
    email = _clean(entered, "email", _public_email, errors)
    if not entered.get("assessment"):
        errors["assessment"] = "Choose the assessment."
    purchased = _purchased(entered, today, errors)
    course = " ".join(entered.get("course", "").split())
    if not 0 < len(course) <= COURSE_LIMIT or not course.isprintable():
        errors["course"] = f"Enter the course reference, at most {COURSE_LIMIT} letters."
    if errors or purchased is None:
        return None
    return Ask(
        backend=FORM,
        reference=f"{course} {_once(entered)}",
        learner_reference=_learner_reference(name, email),
        name=name,
        email=email,
        assessment=entered["assessment"],
        licence_until=licence_end(purchased, office),
        zone=zone,
    )


def _public_email(raw: str) -> str:
    """Return an address that mail from everywhere reaches: its last part has a dot."""
    email = clean_email(raw)
    if "." not in email.rpartition("@")[2]:
        raise InvalidInput("email", "Enter the whole e-mail address, like name@example.com.")
    return email


def _once(entered: dict[str, str]) -> str:
    """Return the form's own number: sending it twice makes one request.

    Nobody can guess another's, so nobody comes to another's request by naming their course.
    """
    once = entered.get("once", "")
    return once if _ONCE.fullmatch(once) else secrets.token_urlsafe(16)


def _learner_reference(name: str, email: str) -> str:
    """Return under what the form's learners are known again: name and address together.

    The address alone would let anybody rename somebody else in a booking that stands.
    """
    return "form-" + hashlib.sha256(f"{email}\n{name.casefold()}".encode()).hexdigest()[:32]


def _purchased(entered: dict[str, str], today: date, errors: dict[str, str]) -> date | None:
    try:
        day = date(*(int(entered.get(part, "")) for part in ("year", "month", "day")))
    except (ValueError, OverflowError):
        errors["day"] = "Enter the day of purchase as numbers, such as 27 3 2026."
        return None
    if not 2000 <= day.year <= 2200:
        errors["day"] = "Enter the year of purchase with four digits."
        return None
    # Where the learner is, the day may have come already.
    if day > today + timedelta(days=1):
        errors["day"] = "The day of purchase lies ahead. Enter the day when the licence was bought."
        return None
    return day


def _clean(entered: dict[str, str], name: str, clean: object, errors: dict[str, str]) -> str:
    if not callable(clean):
        raise TypeError(name)
    try:
        return str(clean(entered.get(name, "")))
    except InvalidInput as error:
        errors[name] = error.reason
        return ""
