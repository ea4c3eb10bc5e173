"""Personal links: a button first, for scanners of mail open every link; pressing it signs in."""

from __future__ import annotations

from aiohttp import web

from invigilation import attendance
from invigilation.booking import BookingState
from invigilation.desk.people import LEARNER_HOURS, Kind
from invigilation.desk.requests import Asked
from invigilation.request import RequestState
from invigilation.session import OVER
from invigilation.store.views import Sitting
from web.auth import cookies, links
from web.keys import DESK, SECRET
from web.pages.frame import go, render
from web.pages.mistakes import Refused

routes = web.RouteTableDef()


@routes.get("/r/{token}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show a button; nothing happens yet."""
    asked, _ = await _opened(request)
    return render(request, "personal.html", asked=asked)


@routes.post("/r/{token}")
async def enter(request: web.Request) -> web.StreamResponse:
    """Sign the learner in."""
    asked, sitting = await _opened(request)
    desk = request.app[DESK]
    if sitting is not None:
        await note_attempt(request, sitting, "token_used")
    token, _ = await desk.reception.sign_in(Kind.LEARNER, asked.request.id)
    response = go("/me")
    cookies.keep(response, cookies.LEARNER, token, LEARNER_HOURS)
    return response


async def _opened(request: web.Request) -> tuple[Asked, Sitting | None]:
    """Return the request of a link and its booking; refuse when its session is over.

    A missed session can still be read about: its learner may dispute it.
    """
    ident = links.request_of(request.app[SECRET], request.match_info["token"])
    desk = request.app[DESK]
    asked = await desk.requests.find(ident)
    sitting = await desk.bookings.latest(ident)
    done = asked.request.state in {RequestState.FULFILLED, RequestState.WITHDRAWN}
    missed = sitting is not None and sitting.booking_state is BookingState.LEARNER_NO_SHOW
    if done and not missed and (sitting is None or sitting.session_state in OVER):
        raise Refused("over", "This link has done its work.")
    return asked, sitting


async def note_attempt(request: web.Request, sitting: Sitting, kind: str) -> None:
    """Note that the learner tried to come in, when it is near the time of the session."""
    desk = request.app[DESK]
    first, last = sitting.start - attendance.ATTEMPTS_FROM, attendance.closes(sitting.start)
    if first <= desk.office.clock.now() <= last:
        await desk.sessions.note_attempt(sitting.session, kind)
