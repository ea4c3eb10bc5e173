"""The learner's own page: where their request stands, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from invigilation import attendance
from invigilation.booking import ACTIVE, BookingState
from invigilation.charge import UNPAID, Charge
from invigilation.desk.requests import Asked
from invigilation.request import RequestState
from invigilation.session import LIVE, OVER, Session, SessionState
from invigilation.store.views import Sitting
from web.auth import cookies
from web.auth.visitor import VISITOR, request_id_of
from web.keys import DESK
from web.pages.frame import go, render
from web.pages.personal import note_attempt
from web.pages.zones import zone_of

routes = web.RouteTableDef()

DONE = {"booked", "moved", "cancelled"}


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a learner's pages know: the request, its newest booking, the present moment."""

    asked: Asked
    sitting: Sitting | None
    session: Session | None
    zone: str
    now: datetime
    cutoff_before: timedelta

    @property
    def due(self) -> list[Charge]:
        """The charges that must be settled before a time can be booked."""
        return [one for one in self.asked.charges if one.state in UNPAID]

    @property
    def booking(self) -> Sitting | None:
        """The booking that holds a seat, if there is one."""
        sitting = self.sitting
        return sitting if sitting is not None and sitting.booking_state in ACTIVE else None

    @property
    def may_book(self) -> bool:
        """Whether a time can be chosen now."""
        return self.asked.request.state is RequestState.OPEN and not self.due

    @property
    def licence_over(self) -> bool:
        """Whether no time can lie within the licence any more."""
        return self.asked.request.licence_until <= self.now

    @property
    def opens(self) -> datetime | None:
        """When check-in opens."""
        return None if self.sitting is None else attendance.opens(self.sitting.start)

    @property
    def closes(self) -> datetime | None:
        """When check-in closes."""
        return None if self.sitting is None else attendance.closes(self.sitting.start)

    @property
    def cutoff(self) -> datetime | None:
        """Until when the learner may change or cancel."""
        return None if self.sitting is None else self.sitting.start - self.cutoff_before

    @property
    def changeable(self) -> bool:
        """Whether the learner may still change or cancel."""
        booked = self.sitting is not None and self.sitting.booking_state is BookingState.BOOKED
        return booked and self.cutoff is not None and self.now <= self.cutoff

    @property
    def stage(self) -> str:
        """Where things stand, as the page tells it."""
        sitting = self.sitting
        if sitting is None or sitting.booking_state is BookingState.CANCELLED:
            return "open"
        if sitting.session_state in LIVE:
            return "live"
        if sitting.booking_state is not BookingState.BOOKED:
            return "after"
        if self.opens is not None and self.closes is not None:
            if self.now > self.closes:
                return "missed"
            if self.now >= self.opens:
                return "check_in"
        return "booked"


async def standing_of(request: web.Request) -> Standing:
    """Return how things stand for the learner who asks."""
    desk = request.app[DESK]
    ident = request_id_of(request)
    asked = await desk.requests.find(ident)
    sitting = await desk.bookings.latest(ident)
    session = None
    if sitting is not None and (sitting.session_state in OVER or sitting.session_state in LIVE):
        session = (await desk.sessions.view(sitting.session)).session
    return Standing(
        asked,
        sitting,
        session,
        zone_of(request, asked.learner.zone),
        desk.office.clock.now(),
        desk.office.rules.cutoff,
    )


@routes.get("/me")
async def show(request: web.Request) -> web.StreamResponse:
    """Show where the request stands; near the start, the visit is noted as an attempt."""
    standing = await standing_of(request)
    sitting = standing.booking
    if sitting is not None and sitting.session_state is SessionState.SCHEDULED:
        await note_attempt(request, sitting, "page_opened")
    done = request.query.get("done", "")
    return render(request, "me.html", at=standing, done=done if done in DONE else "")


@routes.get("/me/sign-out")
async def leaving(request: web.Request) -> web.StreamResponse:
    """Ask before signing out."""
    request_id_of(request)
    return render(request, "sign_out.html", action="/me/sign-out", back="/me")


@routes.post("/me/sign-out")
async def leave(request: web.Request) -> web.StreamResponse:
    """Sign the learner out of this browser."""
    if request[VISITOR].learner is not None:
        await request.app[DESK].reception.sign_out(request.cookies[cookies.LEARNER])
    response = go("/")
    cookies.drop(response, cookies.LEARNER)
    return response
