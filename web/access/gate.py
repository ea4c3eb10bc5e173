"""The gate: before a handler runs, what the table does not allow is refused.

It stands on top of the handlers' own checks, and behind what recognises the visitor. What it
cannot know is left to them: whether a link is good, and which of a learner's own things one names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from invigilation.errors import InvigilationError, NotAllowed, NotFound, NotSignedIn
from invigilation.people import Staff
from web.access import room
from web.access.refusals import REFUSALS, Edge
from web.access.rows import TABLE
from web.access.table import (
    MACHINES_WHO,
    ROLES,
    SHOWN_BY_THEMSELVES,
    STAFF_WHO,
    Row,
    Who,
    Whose,
)
from web.api.layer import need
from web.api.problems import Problem, from_error
from web.auth.visitor import VISITOR, confirmed
from web.keys import DESK

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Guard = Callable[[str | None], frozenset[str]]
"""Takes an Authorization header, returns the scopes of its token; raises `Problem`."""

GUARDS = web.AppKey("guards", Mapping[Who, Guard])
"""Of machines and platforms; `web/app.py` puts them there."""
TURNED_AWAY: Final = frozenset({"not_signed_in", "not_allowed", "not_found", "forged"})
"""Codes that count as refusals: what is another's is as if it were not there."""
STATUSES: Final = {401: "not_signed_in", 403: "not_allowed", 404: "not_found"}

NOT_STAFF: Final = "Please sign in."
NOT_LEARNER: Final = "Please open the personal link in the e-mail that we sent you."
NOT_SECOND: Final = "This phone is not the second camera of a session any more."


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks by a browser: everything that its logins make them."""

    who: frozenset[Who]
    staff: Staff | None


async def check(app: web.Application) -> None:
    """Raise `NoRow` unless every route and every room message has its row."""
    TABLE.check(
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    )
    room.check()


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request pass to its handler if the table allows it.

    Pages get the refusal raised, and explain it; machines get their answer here.
    """
    resource = request.match_info.route.resource
    if resource is None:
        return await handler(request)  # nothing is there, or not by this method
    row = TABLE.find(request.method, resource.canonical)
    if row is None:
        raise web.HTTPForbidden  # a route that was added after the start
    if row.who.keys() & MACHINES_WHO:
        return await _machine(request, row, handler)
    if not row.who.keys() & SHOWN_BY_THEMSELVES:
        await _admit(request, row, await asking(request))
        if row.fresh:
            await confirmed(request)
    return await handler(request)


async def asking(request: web.Request) -> Asker:
    """Return as what this browser may ask, by its logins."""
    visitor = request[VISITOR]
    who = {
        Who.LEARNER: visitor.learner,
        Who.SECOND: visitor.second,
        Who.ENTERING: visitor.entering,
    }
    found = {one for one, login in who.items() if login is not None}
    staff = None
    if visitor.staff is not None:
        staff = await request.app[DESK].reception.staff(visitor.staff.person)
        found |= {ROLES[role] for role in staff.roles}
    return Asker(frozenset(found), staff)


async def _admit(request: web.Request, row: Row, asker: Asker) -> None:
    """Raise for somebody whom the row does not allow this."""
    granted = {row.who[one] for one in asker.who if one in row.who}
    if not granted:
        raise _refusal(row, asker)
    if granted == {Whose.OWN} and asker.who & row.who.keys() <= STAFF_WHO and asker.staff:
        await _own(request, asker.staff)


def _refusal(row: Row, asker: Asker) -> InvigilationError:
    """Return what to tell somebody who may not: most of all, where to sign in."""
    if row.who.keys() & STAFF_WHO and asker.staff is not None:
        return NotAllowed("open this page with your role")
    if Who.LEARNER in row.who:
        return NotSignedIn(NOT_LEARNER)
    return NotSignedIn(NOT_SECOND if Who.SECOND in row.who else NOT_STAFF)


async def _own(request: web.Request, staff: Staff) -> None:
    """Raise for a session or a rota that the address names and that is a colleague's."""
    whose = request.match_info.get("staff")
    if whose is not None and whose != staff.id:
        raise NotAllowed("open a colleague's page")
    session = request.match_info.get("session")
    if session is not None:
        async with request.app[DESK].office.store.read() as tx:
            sitting = await tx.views.sitting(session)
        if sitting is None or sitting.staff != staff.id:
            raise NotFound("session", session)


async def _machine(request: web.Request, row: Row, handler: Handler) -> web.StreamResponse:
    """Let a machine pass with a token of the row's scope; count what it is refused, here or later.

    A table without its guard lets nobody pass.
    """
    who = next(iter(row.who))
    guards = request.app.get(GUARDS, {})
    try:
        if who not in guards:
            raise NotSignedIn("No token opens this.")
        need(row.scope.split(), guards[who](request.headers.get("Authorization")))
        response = await handler(request)
        code = STATUSES.get(response.status, "")
    except (Problem, InvigilationError) as error:
        problem = error if isinstance(error, Problem) else from_error(error)
        code, response = problem.code, problem.response()
        response.headers["Cache-Control"] = "no-store"
    if code and REFUSALS in request.app:
        request.app[REFUSALS].note(Edge.MACHINE, what(request), code, [who])
    return response


def refused(request: web.Request, error: InvigilationError) -> None:
    """Log and count what a page refuses, if it is a refusal."""
    if error.code not in TURNED_AWAY or REFUSALS not in request.app:
        return
    visitor = request.get(VISITOR)
    who = set()
    if visitor is not None:
        logins = {Who.LEARNER: visitor.learner, Who.SECOND: visitor.second}
        who = {str(one) for one, login in logins.items() if login is not None}
        who |= {"staff"} if visitor.staff is not None else set()
    request.app[REFUSALS].note(Edge.PAGE, what(request), error.code, who)


def what(request: web.Request) -> str:
    """Return method and path for a log, with names in the place of what may be a secret."""
    resource = request.match_info.route.resource
    return f"{request.method} {'' if resource is None else resource.canonical}"
