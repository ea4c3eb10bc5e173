"""Which times are offered: to whom who asks, and to whom takes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from invigilation.desk.office import Office, new_id
from invigilation.errors import NotFound, SlotNotOffered
from invigilation.lanes import midnight
from invigilation.office_hours import Window
from invigilation.request import Assessment, Request
from invigilation.search import Search, within_dates
from invigilation.slots import Calendar, Refusal, Seat, Staffing, Wish, emptiest, seats_at, why_not
from invigilation.store import Tx
from invigilation.store.bookings import Context, Wanted

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Look:
    """All starts of a stretch of time, each with why it is refused, if it is; ascending.

    `closures` names the closed days (of the office's zone) that the stretch touches.
    """

    starts: tuple[tuple[datetime, Refusal | None], ...]
    closures: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class OfferDesk:
    """Says what is free, and why nothing is."""

    office: Office

    async def starts(self, request: str, window: Window) -> list[datetime]:
        """Return the starts (UTC, ascending) that this request may book in the window.

        Its own booking does not stand in its way: it can be moved within its own time.
        """
        async with self.office.store.read() as tx:
            return await free(self.office, tx, await context(tx, request), window)

    async def look(self, request: str, window: Window) -> Look:
        """Return every start in the window, free or not, and which days the office is closed.

        The request's own booking does not stand in its way, here as in `starts`.
        """
        zone = self.office.rules.zone
        days = [at.astimezone(zone).date() for at in (window.start, window.end)]
        async with self.office.store.read() as tx:
            search, _ = await searched(self.office, tx, await context(tx, request), window)
            closures = await tx.rota.closures()
        named = {day: name for day, name in closures if days[0] <= day <= days[1]}
        return Look(tuple(search.judged()), named)

    async def why_empty(self, request: str, day: date) -> Refusal | None:
        """Say why a day (of the office) offers nothing; None when it does offer something."""
        zone = self.office.rules.zone
        window = Window(midnight(day, zone), midnight(day + _DAY, zone))
        async with self.office.store.read() as tx:
            search, wish = await searched(self.office, tx, await context(tx, request), window)
        return emptiest(search.judged(), wish)


async def context(tx: Tx, request: str) -> Context:
    """Return all that booking for a request asks about; raises `NotFound`."""
    found = await tx.bookings.context(request)
    if found is None:
        raise NotFound("request", request)
    return found


async def free(office: Office, tx: Tx, asked: Context, window: Window) -> list[datetime]:
    """Return the starts (UTC, ascending) in the window that a request may book."""
    fitting = within_dates(wish_of(office, asked.request, asked.assessment), window)
    if fitting is None:
        return []
    search, _ = await searched(office, tx, asked, fitting)
    return search.starts()


async def searched(office: Office, tx: Tx, asked: Context, window: Window) -> tuple[Search, Wish]:
    """Return a search of the window that has read all it needs, and the wish it was for."""
    wish = wish_of(office, asked.request, asked.assessment)
    search = Search(await office.staffing_at(tx, asked.rota_version), wish, window)
    for question in search.questions():
        seats = [seat.id for seat in question.seats]
        held = await tx.bookings.held(seats, question.start, question.until, asked.request.id)
        search.hear(question, held)
    return search, wish


def wish_of(
    office: Office, request: Request, assessment: Assessment, *, by_staff: bool = False
) -> Wish:
    """Return what a request wishes for; staff need give no notice."""
    rules = office.rules
    notice = timedelta(0) if by_staff else rules.notice
    return Wish(
        earliest=office.clock.now() + notice,
        latest_end=request.licence_until,
        minutes=assessment.minutes,
        buffer_minutes=rules.buffer // timedelta(minutes=1),
        assessment=assessment.id,
    )


@dataclass(frozen=True, slots=True)
class Pick:
    """The time that somebody picks, and how.

    `staff` is an invigilator chosen by hand. `calendar` is the one to judge by, where it is not the
    one that is in force: a change of the rota that is under way, say.
    """

    start: datetime
    zone: str
    by_staff: bool = False
    staff: str | None = None
    calendar: Calendar | None = None


async def wanted(office: Office, tx: Tx, asked: Context, pick: Pick) -> Wanted:
    """Return the booking that is to be made, with the seats that may be taken for it.

    Holds are left to the database: here only hours, rota, skill, notice and licence are judged.
    Raises `SlotNotOffered`.
    """
    if pick.calendar is None:
        staffing = await office.staffing_at(tx, asked.rota_version)
    else:
        staffing = Staffing(pick.calendar)
    wish = wish_of(office, asked.request, asked.assessment, by_staff=pick.by_staff)
    seats = seats_at(staffing, wish, pick.start)
    if pick.staff is not None:
        seats = [seat for seat in seats if seat.staff == pick.staff]
    if not seats:
        why = why_not(staffing.calendar, wish, pick.start)
        raise SlotNotOffered(pick.start, why or Refusal.NOT_STAFFED)
    end = pick.start + timedelta(minutes=asked.assessment.minutes)
    week = week_of(pick.start, office.rules.zone)
    return Wanted(
        new_id("bk"),
        asked.request.id,
        _drawn(seats, office.dice),
        pick.start,
        end,
        end + office.rules.buffer,
        pick.zone,
        office.clock.now(),
        week.start,
        week.end,
    )


def week_of(moment: datetime, zone: ZoneInfo) -> Window:
    """Return the week of a moment, from Monday's midnight of that zone."""
    day = moment.astimezone(zone).date()
    monday = datetime.combine(day - _DAY * day.weekday(), time(0), zone)
    return Window(monday.astimezone(UTC), (monday + _WEEK).astimezone(UTC))


def _drawn(seats: list[Seat], dice: Random) -> tuple[str, ...]:
    """Return the seats in a random order of people: who has more of them is no likelier first."""
    lanes: dict[str, list[str]] = {}
    for seat in seats:
        lanes.setdefault(seat.staff, []).append(seat.id)
    people = list(lanes.values())
    dice.shuffle(people)
    return tuple(seat for of_one in people for seat in of_one)
