"""The second step of a staff sign-in, its first set-up, and confirming again that it is you."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from invigilation.desk.credentials import Standing
from invigilation.errors import InvalidInput, NotFound, NotSignedIn
from invigilation.people import Staff
from invigilation.proof import Proof
from invigilation.store.logins import Login
from web.auth import lockout, totp
from web.auth.device import whence_of
from web.auth.entering import (
    after_first,
    code_is_right,
    home_of,
    prove,
    safe_next,
    seat,
)
from web.auth.entering import enter as finish
from web.auth.factors import FACTORS, is_of_app
from web.auth.oidc import name_of
from web.auth.place import network_of
from web.auth.throttle import Throttle
from web.auth.visitor import VISITOR, confirmed, entering_of, staff_of
from web.keys import DESK, SETTINGS
from web.pages.frame import fields, go, render, staff_page
from web.pages.second import qr_code

routes = web.RouteTableDef()

CODES = web.AppKey("codes", Throttle)
CODES_LIMIT = 10
"""Wrong codes for one person from one place in a quarter of an hour."""
SAYS_CODE = web.AppKey("says_code", bool)
"""Set in the demonstration alone: the page says the code, since nobody there has an app."""
WRONG_CODE = "This code is not right, or it was used before. Type the one that your app shows now."
GUESSED = (
    "Too many wrong codes were typed for your account. "
    "Use a passkey or a recovery code, or wait 15 minutes."
)
WRONG_RECOVERY = "This recovery code is not right, or it was used before."
WRONG_PASSKEY = "That did not work. Please try again, or use another way."
SET_UP = "/staff/sign-in/set-up"


@dataclass(frozen=True, slots=True)
class Who:
    """Who sets something up: at the first sign-in (`entering`), or on their own page."""

    person: Staff
    login: Login
    entering: bool
    then: str

    @property
    def base(self) -> str:
        """Under which address the pages of setting up are."""
        return SET_UP if self.entering else "/staff/me"


# --- the second step ------------------------------------------------------------------------------


@routes.get("/staff/sign-in/code")
async def ask(request: web.Request) -> web.StreamResponse:
    """Ask for the second factor."""
    if request[VISITOR].staff is not None:
        return go(safe_next(request.query.get("next", "")) or "/staff")
    person, login = await entering_of(request)
    return await _asking(request, person, login, request.query.get("next", ""), {})


@routes.post("/staff/sign-in/code")
async def enter(request: web.Request) -> web.StreamResponse:
    """Check the second factor and let its owner in."""
    person, login = await entering_of(request)
    entered = await fields(request)
    then = entered.get("next", "")
    found = await _checked(request, person, login, entered)
    if isinstance(found, Proof):
        return await finish(request, person, found, then)
    return await _asking(request, person, login, then, found)


async def _asking(
    request: web.Request, person: Staff, login: Login, then: str, errors: dict[str, str]
) -> web.StreamResponse:
    standing = await request.app[DESK].credentials.standing(person.id)
    if not standing.ready:  # such as one whose factors were just reset
        return await after_first(request, person, then, login.account)
    context = await _context(request, person, login, standing, errors)
    status = 422 if errors else 200
    return render(
        request, "second_factor.html", status=status, then=safe_next(then), person=person, **context
    )


# --- confirming -----------------------------------------------------------------------------------


@routes.get("/staff/confirm")
async def confirm_form(request: web.Request) -> web.StreamResponse:
    """Ask somebody who is signed in to show the second factor again."""
    person = await staff_of(request)
    return await _confirming(request, person, request.query.get("next", ""), {})


@routes.post("/staff/confirm")
async def confirm(request: web.Request) -> web.StreamResponse:
    """Check the second factor and go on to what weighs much."""
    person = await staff_of(request)
    entered = await fields(request)
    then = entered.get("next", "")
    found = await _checked(request, person, _login_of(request), entered)
    if isinstance(found, Proof):
        await prove(request, found)
        return go(safe_next(then) or home_of(person))
    return await _confirming(request, person, then, found)


async def _confirming(
    request: web.Request, person: Staff, then: str, errors: dict[str, str]
) -> web.StreamResponse:
    standing = await request.app[DESK].credentials.standing(person.id)
    context = await _context(request, person, _login_of(request), standing, errors)
    status = 422 if errors else 200
    return staff_page(
        request,
        person,
        "confirm.html",
        status=status,
        then=safe_next(then),
        company=name_of(request.app[SETTINGS]),
        **context,
    )


def _login_of(request: web.Request) -> Login:
    login = request[VISITOR].staff
    if login is None:
        raise NotSignedIn("Please sign in.")
    return login


async def _context(
    request: web.Request, person: Staff, login: Login, standing: Standing, errors: dict[str, str]
) -> dict[str, Any]:
    """Return what the form of a second factor shows; its passkey part has a fresh challenge."""
    factors = request.app[FACTORS]
    says = request.app.get(SAYS_CODE, False)
    options = await factors.request(login, standing.passkeys)
    return {
        "standing": standing,
        "boot": None if options is None else {"way": "get", "options": options},
        "said": await factors.code_now(person.id, login) if says else "",
        "errors": errors,
    }


async def _checked(
    request: web.Request, person: Staff, login: Login, entered: dict[str, str]
) -> Proof | dict[str, str]:
    """Return the proof that a form holds, or what is wrong with it by field."""
    if answer := entered.get("credential", ""):
        found = await request.app[FACTORS].use_passkey(person.id, login, answer)
        return found or {"passkey": WRONG_PASSKEY}
    name = "recovery" if entered.get("recovery") else "code"
    code = entered.get(name, "")
    if not code:
        return {"code": "Type the code."}
    if (wait := await lockout.code_wait(request, person.email)) > 0:
        return {name: f"Too many wrong codes. Please try again in {math.ceil(wait / 60)} minutes."}
    if is_of_app(code) and await lockout.app_code_wait(request, person.email) > 0:
        return {name: GUESSED}
    found = await code_is_right(request, person.id, code)
    if found is None:
        if is_of_app(code) and await lockout.app_code_failed(request, person.email):
            await request.app[DESK].credentials.guessed(person, whence_of(request))
        await lockout.code_failed(request, person.email)
        return {name: WRONG_RECOVERY if name == "recovery" else WRONG_CODE}
    await lockout.code_passed(request, person.email)
    return found


# --- setting up -----------------------------------------------------------------------------------


@routes.get(SET_UP)
async def choose(request: web.Request) -> web.StreamResponse:
    """Say what is missing, and let the person choose what to set up."""
    who = await _newcomer(request, request.query.get("next", ""))
    possible = request.app[FACTORS].party is not None
    return render(request, "set_up.html", who=who, passkeys=possible)


@routes.get(SET_UP + "/app")
async def first_app_form(request: web.Request) -> web.StreamResponse:
    """Show the secret for an authenticator app."""
    return await app_form(request, await _newcomer(request, request.query.get("next", "")), {})


@routes.post(SET_UP + "/app")
async def first_app(request: web.Request) -> web.StreamResponse:
    """Keep the app if its code is right, and let its owner in."""
    entered = await fields(request)
    return await take_app(request, await _newcomer(request, entered.get("next", "")), entered)


@routes.get(SET_UP + "/passkey")
async def first_passkey_form(request: web.Request) -> web.StreamResponse:
    """Offer to make a passkey."""
    return await passkey_form(request, await _newcomer(request, request.query.get("next", "")), {})


@routes.post(SET_UP + "/passkey")
async def first_passkey(request: web.Request) -> web.StreamResponse:
    """Keep the passkey, and let its owner in."""
    entered = await fields(request)
    return await take_passkey(request, await _newcomer(request, entered.get("next", "")), entered)


async def _newcomer(request: web.Request, then: str) -> Who:
    """Return who sets up their first second factor.

    Whoever has one must show it: the password alone sets up no other. Raises `NotSignedIn`.
    """
    person, login = await entering_of(request)
    if (await request.app[DESK].credentials.standing(person.id)).ready:
        raise NotSignedIn("Please sign in.")
    return Who(person, login, True, safe_next(then))


async def owner(request: web.Request) -> Who:
    """Return who changes how they sign in; raises `ConfirmFirst` and `NotSignedIn`."""
    person = await staff_of(request)
    await confirmed(request)
    return Who(person, _login_of(request), False, "/staff/me")


async def app_form(request: web.Request, who: Who, errors: dict[str, str]) -> web.StreamResponse:
    """Show the secret for an authenticator app, as a picture and as letters."""
    factors = request.app[FACTORS]
    secret = await factors.new_app(who.person, who.login)
    side, path = qr_code(totp.address(secret, request.app[SETTINGS].service_name, who.person.email))
    says = request.app.get(SAYS_CODE, False)
    return _page(
        request,
        who,
        "set_up_app.html",
        errors,
        side=side,
        path=path,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        said=await factors.code_now(who.person.id, who.login) if says else "",
    )


async def take_app(request: web.Request, who: Who, entered: dict[str, str]) -> web.StreamResponse:
    """Keep the app if it shows the right code."""
    brake, place = request.app[CODES], network_of(request)
    now = request.app[DESK].office.clock.monotonic()
    if brake.wait(who.person.id, place, now) > 0:
        return await app_form(request, who, {"code": "Too many wrong codes. Please try later."})
    factors, code = request.app[FACTORS], entered.get("code", "")
    if not await factors.set_app(who.person, who.login, code, whence_of(request)):
        brake.fail(who.person.id, place, now)
        return await app_form(request, who, {"code": WRONG_CODE})
    return await _done(request, who, Proof.CODE, "app")


async def passkey_form(
    request: web.Request, who: Who, errors: dict[str, str]
) -> web.StreamResponse:
    """Offer to make a passkey."""
    options = await request.app[FACTORS].creation(who.person, who.login)
    if options is None:
        raise NotFound("page", "passkey")
    boot = {"way": "create", "options": options}
    return _page(request, who, "set_up_passkey.html", errors, boot=boot)


async def take_passkey(
    request: web.Request, who: Who, entered: dict[str, str]
) -> web.StreamResponse:
    """Keep the passkey that the browser has made."""
    name = entered.get("name", "") or whence_of(request).device
    answer = entered.get("credential", "")
    try:
        kept = await request.app[FACTORS].add_passkey(
            who.person, who.login, answer, name, whence_of(request)
        )
    except InvalidInput as error:
        return await passkey_form(request, who, {error.field: error.reason})
    if not kept:
        return await passkey_form(request, who, {"passkey": WRONG_PASSKEY})
    return await _done(request, who, Proof.PASSKEY, "passkey")


async def codes_page(request: web.Request, who: Who, *, first: bool = False) -> web.StreamResponse:
    """Make new recovery codes and show them, this once."""
    codes = await request.app[DESK].credentials.new_codes(who.person, whence_of(request))
    onward = who.then or home_of(who.person)
    return _page(request, who, "recovery_codes.html", {}, codes=codes, onward=onward, first=first)


async def _done(request: web.Request, who: Who, proof: Proof, done: str) -> web.StreamResponse:
    """Go on: at the first sign-in, by letting the person in, with recovery codes."""
    standing = await request.app[DESK].credentials.standing(who.person.id)
    if not who.entering and standing.codes_left:
        return go(f"/staff/me?done={done}")
    response = await codes_page(request, who, first=True)
    if who.entering:
        await seat(request, response, who.person, proof)
    return response


def _page(
    request: web.Request, who: Who, template: str, errors: dict[str, str], **context: Any
) -> web.StreamResponse:
    status = 422 if errors else 200
    if who.entering:
        return render(request, template, status=status, who=who, errors=errors, **context)
    return staff_page(
        request, who.person, template, status=status, who=who, errors=errors, **context
    )
