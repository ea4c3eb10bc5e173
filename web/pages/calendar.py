"""The scheduler's week, by invigilator and day; one booking, and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from invigilation.booking import BookingState
from invigilation.desk.office import actor
from invigilation.errors import InvalidInput, SlotNotOffered, SlotTaken
from invigilation.office_hours import Window
from invigilation.people import Role, Staff
from invigilation.session import SessionState
from invigilation.slots import Leave, Refusal
from invigilation.store.views import Sitting
from web.auth.visitor import staff_of
from web.keys import DESK, RELAY
from web.pages import words
from web.pages.frame import fields, go, staff_page

routes = web.RouteTableDef()

DAY = timedelta(days=1)
EARLIEST, LATEST = time(10), time(15)
"""What the week shows of a day at least, by the office's clock; its hours and sittings widen it."""
REASON_LIMIT = 500
STATES = {
    BookingState.BOOKED: ("Booked", ""),
    BookingState.CANCELLED: ("Cancelled", "quiet"),
    BookingState.ATTENDED: ("Attended", "good"),
    BookingState.NO_SHOW_PROPOSED: ("Missed: to be judged", "warn"),
    BookingState.LEARNER_NO_SHOW: ("Learner did not come", "bad"),
    BookingState.PROVIDER_FAULT: ("Our fault", "bad"),
    BookingState.TECHNICAL_UNRESOLVED: ("Technical", "warn"),
    BookingState.EXCUSED: ("Excused", "quiet"),
}
"""Each state in words, and the kind of its tag."""
SHORT = {
    BookingState.NO_SHOW_PROPOSED: "To be judged",
    BookingState.LEARNER_NO_SHOW: "Did not come",
}
"""States whose words are too long for the box of a session, and for a line of a list."""
TO_JUDGE = frozenset(
    {BookingState.NO_SHOW_PROPOSED, BookingState.LEARNER_NO_SHOW, BookingState.ATTENDED}
)
"""Not only who stayed away: who came may have found nobody, or lost the link for good."""
WHY_NOT = {
    Refusal.PAST_NOTICE: "This time has passed.",
    Refusal.OUTSIDE_LICENCE: "The learner's licence has ended by then.",
    Refusal.OFF_GRID: "Sessions start on the hour or the half hour.",
    Refusal.CLOSED: "The office is closed then.",
    Refusal.NOT_STAFFED: "Nobody works then.",
    Refusal.FULL: "All invigilators are taken then.",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A day of the week on show: its hours in words, or why it is closed."""

    day: date
    hours: str
    closed: str


@dataclass(frozen=True, slots=True)
class Week:
    """A week from its Monday, by the office's clock."""

    monday: date
    columns: tuple[Column, ...]
    staff: tuple[Staff, ...]
    sittings: tuple[Sitting, ...]

    def of(self, person: Staff, day: date, zone: ZoneInfo) -> list[Sitting]:
        """Return a person's sittings of a day."""
        return [
            one
            for one in self.sittings
            if one.staff == person.id and one.start.astimezone(zone).date() == day
        ]

    def on(self, day: date, zone: ZoneInfo) -> list[Sitting]:
        """Return everybody's sittings of a day, earliest first."""
        found = [one for one in self.sittings if one.start.astimezone(zone).date() == day]
        return sorted(found, key=lambda one: (one.start, one.staff_name))


@routes.get("/staff/calendar")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one week."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    zone, now = desk.office.rules.zone, desk.office.clock.now()
    today = now.astimezone(zone).date()
    wished = _date(request.query.get("week")) or today
    monday = wished - wished.weekday() * DAY
    first, last = (
        datetime.combine(day, time(0), zone).astimezone(UTC) for day in (monday, monday + 7 * DAY)
    )
    sittings = await desk.bookings.between(first, last)
    windows = await desk.rota.open_windows(monday, monday + 6 * DAY)
    leave = (await desk.rota.calendar()).leave
    closures = dict(await desk.rota.closures())
    used = {one.staff for one in sittings}
    staff = [
        one
        for one in await desk.reception.everybody()
        if one.is_a(Role.INVIGILATOR) or one.id in used
    ]
    columns = _columns(monday, windows, closures, sittings, zone)
    week = Week(monday, columns, tuple(staff), tuple(sittings))
    return staff_page(
        request,
        person,
        "calendar.html",
        week=week,
        zone=zone,
        states=STATES,
        short=SHORT,
        before=monday - 7 * DAY,
        after=monday + 7 * DAY,
        today=today,
        data=_data(week, windows, leave, zone, today),
    )


def _columns(
    monday: date,
    windows: list[Window],
    closures: dict[date, str],
    sittings: list[Sitting],
    zone: ZoneInfo,
) -> tuple[Column, ...]:
    """Return Monday to Friday, and of the weekend the days on which something is."""
    open_on: dict[date, list[str]] = {}
    for window in windows:
        hours = f"{words.clock(window.start, zone)} to {words.clock(window.end, zone)}"
        open_on.setdefault(window.start.astimezone(zone).date(), []).append(hours)
    busy = {one.start.astimezone(zone).date() for one in sittings}
    days = (monday + n * DAY for n in range(7))
    return tuple(
        Column(
            day, ", ".join(open_on.get(day, ())), "" if day in open_on else closures.get(day, "")
        )
        for day in days
        if day.weekday() < 5 or day in open_on or day in busy
    )


def _data(
    week: Week, windows: list[Window], leave: tuple[Leave, ...], zone: ZoneInfo, today: date
) -> dict[str, object]:
    """Return what the page's script draws the week from.

    All times are the office's wall clock, without a zone: the calendar library knows only the
    zone of the browser, and would show a scheduler abroad the wrong hours.
    """
    monday = week.monday
    shown = {column.day for column in week.columns}
    edges = [EARLIEST, LATEST]
    for one in (*windows, *(Window(s.start, s.end) for s in week.sittings)):
        start, end = one.start.astimezone(zone), one.end.astimezone(zone)
        edges += [start.time(), end.time() if end.date() == start.date() else time(23, 59)]
    first = min(edges).replace(minute=0)
    last_hour = max(edges)
    until = "24:00" if last_hour.hour == 23 else f"{last_hour.hour + bool(last_hour.minute):02}:00"
    return {
        "date": monday.isoformat(),
        "today": today.isoformat(),
        "hidden": [(n + 1) % 7 for n in range(7) if monday + n * DAY not in shown],
        "from": f"{first:%H:%M}",
        "until": until,
        "staff": [{"id": one.id, "title": one.name} for one in week.staff],
        "sittings": [_event(one, zone) for one in week.sittings],
        "closed": _closed(week, windows, zone),
        "leave": [
            {
                "staff": one.staff,
                "start": _wall(one.start, zone),
                "end": _wall(one.end, zone),
            }
            for one in leave
        ],
    }


def _event(one: Sitting, zone: ZoneInfo) -> dict[str, object]:
    word, kind = STATES[one.booking_state]
    return {
        "id": one.booking,
        "staff": one.staff,
        "start": _wall(one.start, zone),
        "end": _wall(one.end, zone),
        "learner": one.learner_name,
        "assessment": one.title,
        "state": word,
        "short": SHORT.get(one.booking_state, word),
        "kind": kind or "booked",
        "href": f"/staff/bookings/{one.booking}",
        "times": words.three_times(one.start, one.zone),
    }


def _closed(week: Week, windows: list[Window], zone: ZoneInfo) -> list[dict[str, str]]:
    """Return when the office is closed in this week: the gaps between its opening hours."""
    end = datetime.combine(week.monday + 7 * DAY, time(0), zone)
    at = datetime.combine(week.monday, time(0), zone)
    gaps = []
    for window in windows:
        if window.start > at:
            gaps.append({"start": _wall(at, zone), "end": _wall(window.start, zone)})
        at = max(at, window.end)
    if end > at:
        gaps.append({"start": _wall(at, zone), "end": _wall(end, zone)})
    return gaps


def _wall(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"


@routes.get("/staff/bookings/{booking}")
async def booking(request: web.Request) -> web.StreamResponse:
    """Show one booking with what a scheduler can do with it."""
    person = await staff_of(request, Role.SCHEDULER)
    found = await request.app[DESK].bookings.find(request.match_info["booking"])
    return _booking(request, person, found, {}, {})


@routes.post("/staff/bookings/{booking}/cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancel a booking; the learner is told and may choose another time."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.bookings.find(request.match_info["booking"])
    entered = await fields(request)
    reason = entered.get("reason", "")
    if not 0 < len(reason) <= REASON_LIMIT:
        errors = {"reason": f"Say why, in at most {REASON_LIMIT} letters."}
        return _booking(request, person, found, entered, errors)
    who = actor(person, Role.SCHEDULER)
    request.app[RELAY].changed(
        await desk.bookings.cancel(found.booking, reason, who, by_staff=True)
    )
    return go(f"/staff/bookings/{found.booking}?done=cancelled")


@routes.post("/staff/bookings/{booking}/move")
async def move(request: web.Request) -> web.StreamResponse:
    """Move a booking to another start, given by the office's clock."""
    person = await staff_of(request, Role.SCHEDULER)
    desk = request.app[DESK]
    found = await desk.bookings.find(request.match_info["booking"])
    entered = await fields(request)
    try:
        start = _entered_start(entered, desk.office.rules.zone)
        who = actor(person, Role.SCHEDULER)
        moved = await desk.bookings.move(found.booking, start, who, by_staff=True)
    except InvalidInput as error:
        return _booking(request, person, found, entered, {error.field: error.reason})
    except SlotTaken:
        errors = {"time": "All invigilators are taken then. The booking stays as it was."}
        return _booking(request, person, found, entered, errors, status=409)
    except SlotNotOffered as error:
        errors = {"time": WHY_NOT[Refusal(error.why)] + " The booking stays as it was."}
        return _booking(request, person, found, entered, errors, status=409)
    request.app[RELAY].changed(found, moved)
    return go(f"/staff/bookings/{found.booking}?done=moved")


def _entered_start(entered: dict[str, str], zone: ZoneInfo) -> datetime:
    day = _date(entered.get("day"))
    if day is None:
        raise InvalidInput("day", "Enter the new day.")
    try:
        at = time.fromisoformat(entered.get("time", ""))
    except ValueError:
        raise InvalidInput("time", "Choose the new time.") from None
    return datetime.combine(day, at.replace(tzinfo=None), zone).astimezone(UTC)


def _booking(
    request: web.Request,
    person: Staff,
    found: Sitting,
    entered: dict[str, str],
    errors: dict[str, str],
    status: int = 422,
) -> web.StreamResponse:
    zone = request.app[DESK].office.rules.zone
    local = found.start.astimezone(zone)
    times = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)]
    done = request.query.get("done", "")
    return staff_page(
        request,
        person,
        "booking.html",
        status=status if errors else 200,
        one=found,
        state=STATES[found.booking_state],
        changeable=found.booking_state is BookingState.BOOKED,
        to_judge=decidable(found),
        week=local.date(),
        entered={"day": local.date().isoformat(), "time": f"{local:%H:%M}", **entered},
        times=[(one, one) for one in times],
        errors=errors,
        done={"moved": "The booking has a new time.", "cancelled": "The booking is cancelled."}.get(
            done, ""
        ),
    )


def decidable(one: Sitting) -> bool:
    """Whether a scheduler may find now what came of this session; not while it is running."""
    running = one.session_state in {SessionState.IN_PROGRESS, SessionState.PAUSED}
    return one.booking_state in TO_JUDGE and not running


def _date(raw: str | None) -> date | None:
    try:
        found = date.fromisoformat(raw or "")
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None
