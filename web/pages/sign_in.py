"""Staff sign in with address and password, go on to the second step, and sign out."""

from __future__ import annotations

import math

from aiohttp import web

from web.auth import cookies
from web.auth.entering import after_first, home_of
from web.auth.passwords import Passwords
from web.auth.place import place_of
from web.auth.throttle import Throttle
from web.auth.visitor import VISITOR, staff_of
from web.keys import DESK, RELAY
from web.pages.frame import fields, go, render, staff_page

routes = web.RouteTableDef()

PASSWORDS = web.AppKey("passwords", Passwords)
THROTTLE = web.AppKey("throttle", Throttle)
WRONG = "The e-mail address or the password is not right."


@routes.get("/staff")
async def home(request: web.Request) -> web.StreamResponse:
    """Lead to the page that suits the role."""
    return go(home_of(await staff_of(request)))


@routes.get("/staff/sign-in")
async def form(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    if request[VISITOR].staff is not None:
        return go("/staff")
    return _form(request, {"next": request.query.get("next", "")}, {})


@routes.post("/staff/sign-in")
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Check the password, go on to the second step; whether an address is known, nobody learns."""
    entered = await fields(request)
    email = entered.get("email", "").lower()
    raw = (await request.post()).get("password", "")
    password = raw if isinstance(raw, str) else ""
    errors = {}
    if not email:
        errors["email"] = "Enter your e-mail address."
    if not password:
        errors["password"] = "Enter your password."  # noqa: S105 - a sentence
    if errors:
        return _form(request, entered, errors)
    desk, throttle, place = request.app[DESK], request.app[THROTTLE], place_of(request)
    wait = throttle.wait(email, place, desk.office.clock.monotonic())
    if wait > 0:
        minutes = math.ceil(wait / 60)
        sentence = f"Too many wrong passwords. Please try again in {minutes} minutes."
        return _form(request, entered, {"password": sentence}, status=429)
    known = await desk.reception.staff_secret(email)
    if not await request.app[PASSWORDS].check(known and known[1], password) or known is None:
        throttle.fail(email, place, desk.office.clock.monotonic())
        return _form(request, entered, {"password": WRONG})
    throttle.forget(email, place)
    return await after_first(request, known[0], entered.get("next", ""))


def _form(
    request: web.Request, entered: dict[str, str], errors: dict[str, str], status: int = 422
) -> web.StreamResponse:
    entered = {name: value for name, value in entered.items() if name != "password"}
    return render(
        request,
        "sign_in.html",
        status=status if errors else 200,
        entered=entered,
        errors=errors,
    )


@routes.get("/staff/sign-out")
async def leaving(request: web.Request) -> web.StreamResponse:
    """Ask before signing out."""
    person = await staff_of(request)
    return staff_page(request, person, "sign_out.html", action="/staff/sign-out", back="/staff")


@routes.post("/staff/sign-out")
async def leave(request: web.Request) -> web.StreamResponse:
    """End the login, and with it the pages that live by it."""
    staff = request[VISITOR].staff
    if staff is not None:
        await request.app[DESK].reception.sign_out(request.cookies[cookies.STAFF])
        request.app[RELAY].signed_out(staff.person)
    response = go("/staff/sign-in")
    cookies.drop(response, cookies.STAFF)
    return response
