"""How a sign-in of staff goes on and ends: first the password, then a second factor, then a login.

Whoever shows the first factor gets a login that opens nothing but the pages of the second. The
real one is a fresh one: what a browser held before is void.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import structlog
from aiohttp import web

from invigilation.desk.companies import Account
from invigilation.desk.people import STAFF_HOURS, Kind
from invigilation.errors import NotAllowed
from invigilation.people import Role, Staff
from invigilation.proof import Proof
from web.auth import cookies, lockout
from web.auth.device import whence_of
from web.auth.factors import FACTORS
from web.auth.visitor import VISITOR
from web.keys import DESK

log = structlog.get_logger(__name__)
NEXT_LIMIT = 500
_HOMES = (
    (Role.INVIGILATOR, "/staff/console"),
    (Role.SCHEDULER, "/staff/calendar"),
    (Role.ADMINISTRATOR, "/staff/admin"),
    (Role.AUDITOR, "/staff/records"),
)


def home_of(person: Staff) -> str:
    """Return the page where this member of staff begins the day."""
    return next((path for role, path in _HOMES if person.is_a(role)), "/staff/sign-out")


def safe_next(path: str) -> str:
    """Return the staff page to go on to; anything else, such as another site, is nothing."""
    fits = path.startswith("/staff/") and len(path) <= NEXT_LIMIT and path.isprintable()
    return path if fits and "\\" not in path and "//" not in path and "sign-" not in path else ""


async def after_first(
    request: web.Request, person: Staff, then: str = "", account: tuple[str, ...] | None = None
) -> web.Response:
    """Go on to the second factor of somebody whose first was right, or to setting one up.

    `account` is the company's by which they came; it is bound to them after the second.
    """
    desk, whence = request.app[DESK], whence_of(request)
    token, _ = await desk.reception.sign_in(Kind.ENTERING, person.id, None, whence, account=account)
    ready = (await desk.credentials.standing(person.id)).ready
    page = "/staff/sign-in/code" if ready else "/staff/sign-in/set-up"
    then = safe_next(then)
    response = _go(f"{page}?{urlencode({'next': then})}" if then else page)
    cookies.keep(response, cookies.ENTERING, token)
    return response


async def enter(
    request: web.Request,
    person: Staff,
    proof: Proof,
    then: str = "",
    proved: datetime | None = None,
) -> web.Response:
    """Sign somebody in who has shown all that is asked for, and go on to their page.

    They did so at `proved`, by default now.
    """
    response = _go(safe_next(then) or home_of(person))
    await seat(request, response, person, proof, proved)
    return response


async def seat(
    request: web.Request,
    response: web.StreamResponse,
    person: Staff,
    proof: Proof,
    proved: datetime | None = None,
) -> None:
    """Open the login of somebody who has shown all that is asked for, and hand it over.

    What the browser held before ends: no secret of the time before the sign-in is good after it.
    Raises `NotAllowed` when the company's account by which they came is somebody else's by now.
    """
    entering, desk = request[VISITOR].entering, request.app[DESK]
    if entering is not None and entering.account and entering.person == person.id:
        found = await desk.company.bind(Account(*entering.account), whence_of(request))
        if not isinstance(found, Staff):
            raise NotAllowed("come in by this account of your company")
    reception = desk.reception
    for name in (cookies.ENTERING, cookies.STAFF):
        if held := request.cookies.get(name, ""):
            await reception.sign_out(held)
    token, _ = await reception.sign_in(Kind.STAFF, person.id, proof, whence_of(request), proved)
    cookies.keep(response, cookies.STAFF, token, STAFF_HOURS)
    cookies.drop(response, cookies.ENTERING)
    log.info("signed in", kind="staff", person=person.id, proof=proof.value)
    lockout.know_browser(request, response, person.email)


async def prove(request: web.Request, proof: Proof) -> None:
    """Note that whoever is signed in here has just proved again who they are."""
    login = request[VISITOR].staff
    if login is not None:
        await request.app[DESK].credentials.prove(login, proof)


async def code_is_right(request: web.Request, person: str, code: str) -> Proof | None:
    """Use up a code of somebody's app, or a recovery code; None when it is neither, or was used."""
    return await request.app[FACTORS].use_code(person, code, whence_of(request))


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
