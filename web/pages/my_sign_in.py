"""One's own sign-in: what it is made of, the browsers that are signed in, and changing it all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from invigilation.errors import InvalidInput
from invigilation.people import Staff
from web.auth.device import whence_of
from web.auth.factors import FACTORS
from web.auth.passwords import PASSWORD_LIMIT, hash_password
from web.auth.place import network_of
from web.auth.visitor import VISITOR, confirmed, staff_of
from web.keys import DESK, RELAY
from web.pages import second_factor
from web.pages.frame import fields, go, staff_page
from web.pages.second_factor import CODES, owner
from web.pages.sign_in import PASSWORDS
from web.setup import clean_password, own_words

routes = web.RouteTableDef()

DONE = {
    "app": "Your authenticator app is set up.",
    "app-removed": "The authenticator app is removed.",
    "passkey": "Your passkey is set up.",
    "passkey-removed": "The passkey is removed.",
    "password": "Your password is changed. You are signed out everywhere else.",
    "ended": "That browser is signed out.",
    "others": "You are signed out everywhere else.",
}


@routes.get("/staff/me")
async def show(request: web.Request) -> web.StreamResponse:
    """Show how one signs in, and where one is signed in."""
    return await _show(request, await staff_of(request), {})


async def _show(request: web.Request, person: Staff, errors: dict[str, str]) -> web.StreamResponse:
    desk = request.app[DESK]
    login = request[VISITOR].staff
    return staff_page(
        request,
        person,
        "my_sign_in.html",
        status=422 if errors else 200,
        standing=await desk.credentials.standing(person.id),
        passkeys=request.app[FACTORS].party is not None,
        logins=await desk.credentials.logins(person),
        here="" if login is None else login.id,
        done=DONE.get(request.query.get("done", "")),
        silent_minutes=desk.office.rules.silence_of(person) // timedelta(minutes=1),
        errors=errors,
    )


# --- second factors -------------------------------------------------------------------------------


@routes.get("/staff/me/app")
async def app_form(request: web.Request) -> web.StreamResponse:
    """Show the secret for an authenticator app."""
    return await second_factor.app_form(request, await owner(request), {})


@routes.post("/staff/me/app")
async def set_app(request: web.Request) -> web.StreamResponse:
    """Keep the app if its code is right."""
    who = await owner(request)
    return await second_factor.take_app(request, who, await fields(request))


@routes.post("/staff/me/app/remove")
async def remove_app(request: web.Request) -> web.StreamResponse:
    """Remove the app, unless nothing else is left."""
    who = await owner(request)
    try:
        await request.app[DESK].credentials.remove_app(who.person, whence_of(request))
    except InvalidInput as error:
        return await _show(request, who.person, {"app": error.reason})
    return go("/staff/me?done=app-removed")


@routes.get("/staff/me/passkey")
async def passkey_form(request: web.Request) -> web.StreamResponse:
    """Offer to make a passkey."""
    return await second_factor.passkey_form(request, await owner(request), {})


@routes.post("/staff/me/passkey")
async def add_passkey(request: web.Request) -> web.StreamResponse:
    """Keep the passkey that the browser has made."""
    who = await owner(request)
    return await second_factor.take_passkey(request, who, await fields(request))


@routes.post("/staff/me/passkeys/{passkey}/remove")
async def remove_passkey(request: web.Request) -> web.StreamResponse:
    """Remove a passkey, unless nothing else is left."""
    who = await owner(request)
    desk, ident = request.app[DESK].credentials, request.match_info["passkey"]
    try:
        await desk.remove_passkey(who.person, ident, whence_of(request))
    except InvalidInput as error:
        return await _show(request, who.person, {ident: error.reason})
    return go("/staff/me?done=passkey-removed")


@routes.post("/staff/me/codes")
async def new_codes(request: web.Request) -> web.StreamResponse:
    """Make new recovery codes and show them once."""
    return await second_factor.codes_page(request, await owner(request))


# --- the password ---------------------------------------------------------------------------------


@routes.get("/staff/me/password")
async def password_form(request: web.Request) -> web.StreamResponse:
    """Ask for the password and the new one."""
    person = await staff_of(request)
    await confirmed(request)
    return staff_page(request, person, "password.html", errors={})


@routes.post("/staff/me/password")
async def change_password(request: web.Request) -> web.StreamResponse:
    """Change the password; other browsers are signed out."""
    who = await owner(request)
    sent = await request.post()
    old, new, again = (_text(sent.get(name)) for name in ("old", "new", "again"))
    errors = await _wrong(request, who.person, old, new, again)
    if errors:
        return staff_page(request, who.person, "password.html", status=422, errors=errors)
    hashed = await asyncio.to_thread(hash_password, new)
    await request.app[DESK].credentials.change_password(
        who.person, who.login, hashed, whence_of(request)
    )
    request.app[RELAY].signed_out(who.person.id)
    return go("/staff/me?done=password")


async def _wrong(
    request: web.Request, person: Staff, old: str, new: str, again: str
) -> dict[str, str]:
    """Return what is wrong with the entered passwords."""
    brake, place = request.app[CODES], network_of(request)
    who, now = f"password of {person.id}", request.app[DESK].office.clock.monotonic()
    if brake.wait(who, place, now) > 0:
        return {"old": "Too many wrong passwords. Please try again later."}
    kept = await request.app[DESK].credentials.password_hash(person.id)
    if not await request.app[PASSWORDS].check(kept, old):
        brake.fail(who, place, now)
        return {"old": "This is not your password."}
    if new == old:
        return {"new": "Choose another password than the one that you have."}
    try:
        await asyncio.to_thread(clean_password, new, own_words(person.email, person.name))
    except InvalidInput as error:
        return {"new": error.reason}
    if new != again:
        return {"again": "The two passwords are not the same."}
    return {}


def _text(value: object) -> str:
    """Return a password as it was typed, white space and all."""
    return value[: PASSWORD_LIMIT + 1] if isinstance(value, str) else ""


# --- where one is signed in -----------------------------------------------------------------------


@routes.post("/staff/me/logins/{login}/end")
async def end(request: web.Request) -> web.StreamResponse:
    """Sign out in another browser; its live pages close."""
    person = await staff_of(request)
    await request.app[DESK].credentials.end_login(person, request.match_info["login"])
    request.app[RELAY].signed_out(person.id)
    return go("/staff/me?done=ended")


@routes.post("/staff/me/logins/end")
async def end_others(request: web.Request) -> web.StreamResponse:
    """Sign out everywhere else."""
    person = await staff_of(request)
    login = request[VISITOR].staff
    if login is not None:
        await request.app[DESK].credentials.end_others(person, login)
    request.app[RELAY].signed_out(person.id)
    return go("/staff/me?done=others")
