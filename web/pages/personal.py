"""Personal links: a button first, for scanners of mail open every link; pressing it signs in."""

from __future__ import annotations

import structlog
from aiohttp import web

from invigilation import attendance
from invigilation.booking import BookingState
from invigilation.desk.people import LEARNER_HOURS, Kind
from invigilation.desk.requests import Asked
from invigilation.request import RequestState
from invigilation.session import OVER
from invigilation.store.views import Sitting
from invigilation.waiting import WaitingState
from web.auth import cookies, links
from web.keys import DESK, SECRET
from web.pages.frame import go, render
from web.pages.small_tests import PATH

log = structlog.get_logger(__name__)
routes = web.RouteTableDef()


@routes.get("/r/{token}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show a button; nothing happens yet."""
    asked, sitting = await _opened(request)
    return render(request, "personal.html", asked=asked, over=is_over(asked, sitting))


@routes.post("/r/{token}")
async def enter(request: web.Request) -> web.StreamResponse:
    """Sign the learner in, and lead them to what they come for.

    That is a time that is offered to them, or the receipt of what is over; else their own page. A
    missed session, or a refusal, is told there: its learner may dispute it. The link of a reminder
    leads on to the test of the link, as long as there is something to test for.
    """
    asked, sitting = await _opened(request)
    desk = request.app[DESK]
    if sitting is not None:
        await note_attempt(request, sitting, "token_used")
    token, _ = await desk.reception.sign_in(Kind.LEARNER, asked.request.id)
    log.info("signed in", kind="learner", request=asked.request.id)
    response = go(await _first_page(request, asked, sitting))
    cookies.keep(response, cookies.LEARNER, token, LEARNER_HOURS)
    return response


async def _opened(request: web.Request) -> tuple[Asked, Sitting | None]:
    """Return the request of a link and its booking."""
    ident = links.request_of(request.app[SECRET], request.match_info["token"])
    desk = request.app[DESK]
    return await desk.requests.find(ident), await desk.bookings.latest(ident)


def is_over(asked: Asked, sitting: Sitting | None) -> bool:
    """Say whether all that is left to do with a request is to read its receipt."""
    done = asked.request.state in {RequestState.FULFILLED, RequestState.WITHDRAWN}
    return done and (sitting is None or sitting.session_state in OVER)


async def _first_page(request: web.Request, asked: Asked, sitting: Sitting | None) -> str:
    missed = sitting is not None and sitting.booking_state is BookingState.LEARNER_NO_SHOW
    if is_over(asked, sitting):
        # With an officer on board, the assessment may be still to come.
        onboard = await request.app[DESK].onboard.accepted(asked.request.id)
        refusal = await request.app[DESK].enquiries.refusal(asked.request.id)
        return "/me" if missed or onboard or refusal else "/me/receipts"
    if request.query.get("to") == links.TEST:
        return PATH
    line = await request.app[DESK].waiting.of_request(asked.request.id)
    offered = any(one.state is WaitingState.OFFERED for one in line)
    return "/me/waiting" if offered else "/me"


async def note_attempt(request: web.Request, sitting: Sitting, kind: str) -> None:
    """Note that the learner tried to come in, when it is near the time of the session."""
    desk = request.app[DESK]
    first, last = sitting.start - attendance.ATTEMPTS_FROM, attendance.closes(sitting.start)
    if first <= desk.office.clock.now() <= last:
        await desk.sessions.note_attempt(sitting.session, kind)
