"""Who asks: the logins of a browser, read once a request, and the guards of the pages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from aiohttp import web

from invigilation.desk import Desk
from invigilation.desk.people import Kind
from invigilation.errors import InvigilationError, NotAllowed, NotSignedIn
from invigilation.people import Role, Staff
from invigilation.proof import FRESH, FRESH_FORM
from invigilation.store.logins import Login
from web.auth import cookies
from web.keys import DESK

TOKEN_LIMIT = 100
_READING = frozenset({"GET", "HEAD"})
AWAKE = "/staff/awake"
BY_THEMSELVES = frozenset({AWAKE, "/staff/calendar/data"})
"""What pages read without anybody doing anything: it keeps no login from ending."""


class ConfirmFirst(InvigilationError):
    """What is asked for weighs much: whoever asks must first prove again who they are."""

    code = "confirm_first"

    def __init__(self) -> None:
        super().__init__("Confirm first that it is you.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a browser has shown. One browser may hold several logins.

    `entering` is that of staff between the password and the second factor. `second` is that of a
    second camera: its person is a session's id. `token` is the browser's secret for forms while
    nobody is signed in; `fresh` when it was made just now.
    """

    staff: Login | None
    entering: Login | None
    learner: Login | None
    second: Login | None
    token: str
    fresh: bool

    @property
    def csrf_tokens(self) -> tuple[str, ...]:
        """Every token that a form of this browser may carry; all are this browser's secrets."""
        logins = (self.staff, self.entering, self.learner, self.second)
        known = tuple(login.csrf for login in logins if login is not None)
        return known if self.fresh else (*known, self.token)

    def csrf(self, path: str) -> str:
        """Return the token for the forms of a page."""
        if path.startswith("/second"):
            login = self.second
        else:
            staff = self.staff or self.entering
            login = staff if path.startswith("/staff") else self.learner
        return self.token if login is None else login.csrf


VISITOR = web.RequestKey("visitor", Visitor)


async def recognise(request: web.BaseRequest, desk: Desk) -> Visitor:
    """Read the cookies of a request."""
    token = request.cookies.get(cookies.VISITOR, "")
    fresh = not 20 <= len(token) <= TOKEN_LIMIT or not token.isascii()
    return Visitor(
        await _login(request, desk, cookies.STAFF, Kind.STAFF),
        await _login(request, desk, cookies.ENTERING, Kind.ENTERING),
        await _login(request, desk, cookies.LEARNER, Kind.LEARNER),
        await _login(request, desk, cookies.SECOND, Kind.SECOND),
        secrets.token_urlsafe(24) if fresh else token,
        fresh,
    )


async def _login(request: web.BaseRequest, desk: Desk, cookie: str, kind: Kind) -> Login | None:
    token = request.cookies.get(cookie, "")
    if not 0 < len(token) <= TOKEN_LIMIT or not token.isascii():
        return None
    acts = request.method not in _READING or request.path not in BY_THEMSELVES
    login = await desk.reception.login(token, acts=acts)
    return login if login is not None and login.kind == kind else None


async def staff_of(request: web.Request, *roles: Role) -> Staff:
    """Return the member of staff who asks; an administrator holds every role.

    Raises `NotSignedIn`, or `NotAllowed` for somebody without any of the roles.
    """
    login = request[VISITOR].staff
    if login is None:
        raise NotSignedIn("Please sign in.")
    person = await request.app[DESK].reception.staff(login.person)
    if roles and not person.roles & {*roles, Role.ADMINISTRATOR}:
        raise NotAllowed("open this page with your role")
    return person


async def confirmed(request: web.Request) -> None:
    """Raise `ConfirmFirst` unless this login's second factor was shown in the last minutes.

    The page of a form asks a little earlier than what the form does: there is time to fill it in.
    Raises `NotSignedIn` when nobody of the staff asks.
    """
    if request[VISITOR].staff is None:
        raise NotSignedIn("Please sign in.")
    if not is_confirmed(request):
        raise ConfirmFirst


def is_confirmed(request: web.Request) -> bool:
    """Say whether this login's second factor was shown in the last minutes (see `confirmed`)."""
    login = request[VISITOR].staff
    lasts = FRESH_FORM if request.method in _READING else FRESH
    return (
        login is not None
        and login.proved is not None
        and request.app[DESK].office.clock.now() - login.proved <= lasts
    )


async def entering_of(request: web.Request) -> tuple[Staff, Login]:
    """Return who is between the password and the second factor; raises `NotSignedIn`."""
    login = request[VISITOR].entering
    if login is None:
        raise NotSignedIn("Please sign in.")
    return await request.app[DESK].reception.staff(login.person), login


def request_id_of(request: web.Request) -> str:
    """Return the id of the request whose learner asks; raises `NotSignedIn`."""
    login = request[VISITOR].learner
    if login is None:
        raise NotSignedIn("Please open the personal link in the e-mail that we sent you.")
    return login.person


def second_of(request: web.Request) -> str:
    """Return the id of the session whose second camera asks; raises `NotSignedIn`."""
    login = request[VISITOR].second
    if login is None:
        raise NotSignedIn("This phone is not the second camera of a session any more.")
    return login.person
