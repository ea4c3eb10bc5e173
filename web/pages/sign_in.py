"""Staff sign in with address and password, go on to the second step, and sign out."""

from __future__ import annotations

import contextlib
import math
from datetime import timedelta

from aiohttp import web

from invigilation.errors import NotSignedIn
from invigilation.people import Staff
from web.auth import cookies, lockout
from web.auth.device import whence_of
from web.auth.entering import after_first, code_is_right, enter, home_of, safe_next
from web.auth.factors import is_of_app
from web.auth.lockout import Door
from web.auth.oidc import name_of
from web.auth.passwords import Passwords
from web.auth.visitor import VISITOR, staff_of
from web.keys import DESK, RELAY, SETTINGS
from web.pages.frame import fields, go, render, staff_page

routes = web.RouteTableDef()

PASSWORDS = web.AppKey("passwords", Passwords)
WRONG = "The e-mail address or the password is not right."
CODE_TOO = "Too many wrong passwords were tried. Type your password again, and a code."
GUESSED = (
    "Too many wrong codes were typed for this account. Use a recovery code, or wait 15 minutes."
)
WRONG_PAIR = "The password or the code is not right. Each code is good once: wait for a new one."


@routes.get("/staff")
async def home(request: web.Request) -> web.StreamResponse:
    """Lead to the page that suits the role."""
    return go(home_of(await staff_of(request)))


@routes.get("/staff/sign-in")
async def form(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    with contextlib.suppress(NotSignedIn):  # such as one who has no role any more
        await staff_of(request)
        return go("/staff")
    silence = await request.app[DESK].reception.silent(request.cookies.get(cookies.STAFF, ""))
    return _form(request, {"next": request.query.get("next", "")}, {}, silence=silence)


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
    state, wait = await lockout.door(request, email)
    if state is Door.SHUT:
        return _form(request, entered, {"password": _shut(wait)}, status=429)
    if state is Door.CODE_TOO:
        return await _with_code(request, entered, password)
    known = await request.app[DESK].reception.staff_secret(email)
    if not await _is_right(request, email, known and known[1], password) or known is None:
        return _form(request, entered, {"password": WRONG})
    return await after_first(request, known[0], entered.get("next", ""))


async def _is_right(request: web.Request, email: str, kept: str | None, password: str) -> bool:
    """Say whether a password is right, and count it."""
    known = lockout.is_known(request, email)
    right = await request.app[PASSWORDS].check(kept, password, known=known)
    await (lockout.passed if right else lockout.failed)(request, email)
    return right


async def _with_code(
    request: web.Request, entered: dict[str, str], password: str
) -> web.StreamResponse:
    """Sign in where somebody guesses at passwords: the code counts first, and both must be right.

    Whether it was the code or the password that was wrong, nobody learns: a password behind a wrong
    code only says which count that code goes to. Whoever has no app may try
    while this place, and all together, have tries left.
    """
    email, code = entered.get("email", "").lower(), entered.get("code", "")
    known = await request.app[DESK].reception.staff_secret(email)
    if not code:
        if known is not None and await _is_right_without_app(request, *known, password):
            return await after_first(request, known[0], entered.get("next", ""))
        return _form(request, entered, {"code": CODE_TOO}, status=429)
    if is_of_app(code) and await lockout.app_code_wait(request, email) > 0:
        return _form(request, entered, {"code": GUESSED}, status=429)
    proof = None if known is None else await code_is_right(request, known[0].id, code)
    if proof is None or known is None:
        await _count_code(request, email, code, password, known)
    elif await _is_right(request, email, known[1], password):
        await lockout.code_passed(request, email)
        return await enter(request, known[0], proof, entered.get("next", ""))
    return _form(request, entered, {"code": WRONG_PAIR}, status=429)


async def _count_code(
    request: web.Request, email: str, code: str, password: str, known: tuple[Staff, str] | None
) -> None:
    """Count a wrong code; one of an app behind a right password over all places, too.

    The password costs the same time for everybody, and the answer is the same.
    """
    await lockout.code_failed(request, email)
    if is_of_app(code):
        right = await request.app[PASSWORDS].check(known and known[1], password)
        if right and known is not None and await lockout.app_code_failed(request, email):
            await request.app[DESK].credentials.guessed(known[0], whence_of(request))


async def _is_right_without_app(
    request: web.Request, person: Staff, kept: str, password: str
) -> bool:
    """Say whether somebody has no app for a code, may try all the same, and is right."""
    standing = await request.app[DESK].credentials.standing(person.id)
    email, ready = person.email, standing.ready
    spent = await lockout.spent_here(request, email) or await lockout.without_code_wait(
        request, email, ready=ready
    )
    if standing.app is not None or spent:
        return False
    right = await _is_right(request, email, kept, password)
    if not right:
        await lockout.without_code_failed(request, email, ready=ready)
    return right


def _shut(wait: float) -> str:
    minutes = math.ceil(wait / 60)
    return f"Too many wrong passwords and codes. Please try again in {minutes} minutes."


def _form(
    request: web.Request,
    entered: dict[str, str],
    errors: dict[str, str],
    status: int = 422,
    silence: timedelta | None = None,
) -> web.StreamResponse:
    entered = {name: value for name, value in entered.items() if name not in {"password", "code"}}
    return render(
        request,
        "sign_in.html",
        status=status if errors else 200,
        entered=entered,
        errors=errors,
        with_code="code" in errors,
        company=name_of(request.app[SETTINGS]),
        silent_minutes=0 if silence is None else silence // timedelta(minutes=1),
        back=bool(safe_next(entered.get("next", ""))),
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
