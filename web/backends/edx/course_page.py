"""The page that an edX platform opens for a course's instructors: how its attempts stand."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from invigilation.booking import OCCUPIED
from invigilation.desk.edx import EdxDesk
from invigilation.edx import AttemptState
from invigilation.session import Outcome, SessionState
from invigilation.store.edx import Standing
from invigilation.store.views import Sitting
from web.backends.edx.provider import PREFIX
from web.backends.edx.tokens import Links, Teacher
from web.pages.frame import render

ROWS = 200
"""The newest attempts of a course; a page with more of them helps nobody."""
STATES = {
    SessionState.SCHEDULED: "Booked",
    SessionState.CHECKED_IN: "Checking in",
    SessionState.IDENTIFIED: "Checking in",
    SessionState.IN_PROGRESS: "Going on",
    SessionState.PAUSED: "Paused",
    SessionState.REFUSED: "Not admitted",
    SessionState.STOPPED: "Stopped",
    SessionState.ENDED: "Over, the report is being written",
    SessionState.ATTESTED: "Reported",
    SessionState.CLOSED: "Time to be chosen",
}
OUTCOMES = {
    Outcome.COMPLETED: "Sat to the end",
    Outcome.STOPPED: "Stopped by the invigilator",
    Outcome.REFUSED: "Not admitted",
    Outcome.TECHNICAL: "Broken off by the link",
}


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt as an instructor reads it."""

    exam: str
    name: str
    standing: Standing
    sitting: Sitting | None
    state: str
    outcome: str


@dataclass(frozen=True, slots=True)
class CoursePage:
    """Shows it to whoever comes by a link of the platform's, once."""

    desk: EdxDesk
    links: Links

    def route(self) -> web.RouteDef:
        """Return the route of the page."""
        return web.get(f"{PREFIX}/api/v1/instructor/{{client}}/", self.show)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the course, or one exam or one attempt of it."""
        token = request.query.get("jwt", "")
        teacher = await self.links.teacher(request.match_info["client"], token)
        if teacher is None:
            return render(request, "edx_course.html", status=403, teacher=None)
        known = await self.desk.of_course(teacher.backend, teacher.course)
        wanted = [one for one in known if _asked_for(one, teacher)]
        rows = [await self._row(one) for one in wanted[:ROWS]]
        more = len(wanted) - len(rows)
        return render(request, "edx_course.html", teacher=teacher, rows=rows, more=more)

    async def _row(self, one: Standing) -> Row:
        attempt = one.attempt
        if attempt.practice:
            return Row(one.exam.name, "", one, None, "Practice", "")
        sitting = await self.desk.sitting(attempt)
        seen = None if sitting is None else await self.desk.seen(sitting.session)
        booked = sitting is not None and sitting.booking_state in OCCUPIED
        state = "Time to be chosen"
        if sitting is not None and booked:
            state = STATES[sitting.session_state]
        if attempt.state is AttemptState.ERROR:
            state = f"{state}; the platform reports an error"
        name = await self.desk.name_of(attempt)
        outcome = None if seen is None or seen.outcome is None else OUTCOMES[seen.outcome]
        return Row(one.exam.name, name, one, sitting if booked else None, state, outcome or "")


def _asked_for(one: Standing, teacher: Teacher) -> bool:
    if teacher.exam is not None and one.exam.id != teacher.exam:
        return False
    return teacher.attempt is None or one.attempt.id == teacher.attempt
