"""The learner's own page: where their request stands, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from aiohttp import web

from invigilation import attendance
from invigilation.booking import ACTIVE, Booking, BookingState
from invigilation.charge import UNPAID, Charge
from invigilation.desk.enquiries import Decision, Refusal
from invigilation.desk.requests import Asked
from invigilation.enquiry import Enquiry
from invigilation.fill import LASTS
from invigilation.request import RequestState
from invigilation.session import LIVE, OVER, Session, SessionState
from invigilation.store.views import Sitting
from invigilation.waiting import IN_LINE, Waiting, WaitingState
from web.auth import cookies
from web.auth.visitor import VISITOR, request_id_of
from web.keys import DESK, RELAY
from web.pages.frame import go, render
from web.pages.local import LOCAL
from web.pages.onboard import case_of
from web.pages.personal import note_attempt
from web.pages.small_tests import small_boot
from web.pages.zones import zone_of

routes = web.RouteTableDef()

DONE = {"booked", "moved", "cancelled", "asked"}


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a learner's pages know: the request, its newest booking, the present moment.

    `reservation` is a time that is held for them; `line` are their places in the waiting list;
    `decision` is how a missed session was judged against them; `refusal`, that they were not
    admitted, for it was not clear that it was they.
    """

    asked: Asked
    sitting: Sitting | None
    session: Session | None
    zone: str
    now: datetime
    cutoff_before: timedelta
    reservation: Booking | None = None
    line: tuple[Waiting, ...] = ()
    questions: tuple[Enquiry, ...] = ()
    decision: Decision | None = None
    refusal: Refusal | None = None

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
        """Whether a time can be chosen now; with a charge due it is held until that is paid."""
        return self.asked.request.state is RequestState.OPEN

    @property
    def waiting(self) -> list[Waiting]:
        """The places in the line that still count, the nearest day first."""
        return sorted((one for one in self.line if one.state in IN_LINE), key=_first)

    @property
    def offer(self) -> Waiting | None:
        """The place in the line to which a time is offered now."""
        offered = (one for one in self.line if one.state is WaitingState.OFFERED)
        return next((one for one in offered if self.reservation is not None), None)

    def waits_for(self, zone: tzinfo) -> set[date]:
        """Return the days, in that zone, for which they wait."""
        return {one.first.astimezone(zone).date() for one in self.waiting}

    @property
    def late(self) -> bool:
        """Whether a session lies ahead that the learner cannot change any more."""
        return self.stage == "booked" and not self.changeable

    @property
    def disputable(self) -> bool:
        """Whether the decision on a missed session, or a refusal, may be disputed now."""
        made = self.decision or self.refusal
        return made is not None and not made.disputed and self.now <= made.until

    @property
    def brings(self) -> bool:
        """Whether the device may still bring what it recorded while its link was gone."""
        finished = None if self.session is None else self.session.finished
        return finished is not None and self.now < finished + LASTS

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
        if self.reservation is not None:
            return "reserved"
        if sitting is None or sitting.booking_state is BookingState.CANCELLED:
            return "open"
        if sitting.session_state in LIVE:
            return "live"
        if sitting.booking_state is not BookingState.BOOKED:
            return "after"
        if self.now > attendance.closes(sitting.start):
            return "missed"
        return "check_in" if self.now >= attendance.opens(sitting.start) else "booked"


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
        zone_of(request, asked.learner.zone if sitting is None else sitting.zone),
        desk.office.clock.now(),
        desk.office.rules.cutoff,
        await desk.bookings.reservation(ident),
        tuple(await desk.waiting.of_request(ident)),
        tuple(await desk.enquiries.of_request(ident)),
        await desk.enquiries.decision(ident),
        await desk.enquiries.refusal(ident),
    )


def kept_key(request: web.Request, standing: Standing) -> str:
    """Return the key of what the device has kept, while it may still bring it; else nothing."""
    if standing.sitting is None or not standing.brings:
        return ""
    return request.app[LOCAL].key_of(standing.sitting.session)


def _first(one: Waiting) -> datetime:
    return one.first


@routes.get("/me")
async def show(request: web.Request) -> web.StreamResponse:
    """Show where the request stands; near the start, the visit is noted as an attempt."""
    standing = await standing_of(request)
    sitting = standing.booking
    if sitting is not None and sitting.session_state is SessionState.SCHEDULED:
        await note_attempt(request, sitting, "page_opened")
    done = request.query.get("done", "")
    done = done if done in DONE else ""
    return render(
        request,
        "me.html",
        at=standing,
        done=done,
        onboard=await case_of(request),
        link=await small_boot(request),
        kept_key=kept_key(request, standing),
    )


@routes.get("/me/sign-out")
async def leaving(request: web.Request) -> web.StreamResponse:
    """Ask before signing out."""
    request_id_of(request)
    return render(request, "sign_out.html", action="/me/sign-out", back="/me")


@routes.post("/me/sign-out")
async def leave(request: web.Request) -> web.StreamResponse:
    """Sign the learner out of this browser; a live room in another tab of it ends, too."""
    learner = request[VISITOR].learner
    if learner is not None:
        await request.app[DESK].reception.sign_out(request.cookies[cookies.LEARNER])
        request.app[RELAY].signed_out(learner.person)
    response = go("/")
    cookies.drop(response, cookies.LEARNER)
    return response
