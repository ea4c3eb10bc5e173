"""Which starts can be offered: opening hours, rota, leave and bookings against one wish.

The pure questions, over a calendar that is all there; `invigilation.search` asks the same of a
store, without reading all of it. `invigilation.lanes` says how.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from invigilation.lanes import STEP, Grid, Staffing, micros, midnight
from invigilation.office_hours import DAY, Window
from invigilation.rota import Calendar, Hold, Leave, Refusal, Seat, Shift, Wish
from invigilation.search import Search, refused_by_dates, within_dates

__all__ = [
    "STEP",
    "Calendar",
    "Hold",
    "Leave",
    "Refusal",
    "Seat",
    "Shift",
    "Staffing",
    "Wish",
    "emptiest",
    "free_seats",
    "free_starts",
    "judged",
    "seats_at",
    "why_day_empty",
    "why_not",
]

_PROGRESS: Final = {refusal: place for place, refusal in enumerate(Refusal)}


def free_starts(calendar: Calendar, wish: Wish, window: Window) -> list[datetime]:
    """Return the starts within `window` that can be offered, aware UTC, ascending.

    Offered means: on the grid, not before `wish.earliest`, ended by `wish.latest_end`, and the
    session with its buffer lies inside office hours, inside one stretch of the rota of an
    invigilator with the skill, clear of their leave, and clear of the holds on one of their seats.
    The session itself may run past the end of `window`.
    """
    fitting = within_dates(wish, window)
    return [] if fitting is None else _searched(calendar, wish, fitting).starts()


def judged(calendar: Calendar, wish: Wish, window: Window) -> list[tuple[datetime, Refusal | None]]:
    """Return every start of the grid within `window`, aware UTC, ascending, and why it is refused.

    None stands where it can be offered: those are the starts that `free_starts` returns. A start
    outside the opening hours is `CLOSED`, even if it were too soon as well.
    """
    return _searched(calendar, wish, window).judged()


def free_seats(calendar: Calendar, wish: Wish, start: datetime) -> list[str]:
    """Return the ids of the seats free at this start, in the calendar's order; [] if not offered.

    `start` is aware.
    """
    at = micros(start)
    until = at + (wish.minutes + wish.buffer_minutes) * 60_000_000
    held = {
        one.seat
        for one in calendar.holds
        if max(micros(one.start), at) < min(micros(one.until), until)
    }
    able = {seat.id for seat in seats_at(Staffing(calendar), wish, start)} - held
    return [seat.id for seat in calendar.seats if seat.id in able]


def seats_at(staffing: Staffing, wish: Wish, start: datetime) -> list[Seat]:
    """Return the seats that rota, hours, skill and the wish's dates allow at this start (aware).

    Holds are not asked.
    """
    start = start.astimezone(UTC)
    zone = staffing.calendar.office.zone
    if refused_by_dates(wish, start) is not None or _off_grid(start, staffing.calendar):
        return []
    day = start.astimezone(zone).date()
    grid = Grid.of(zone, wish, day, day)
    sheet, place = staffing.sheet(grid), grid.at_or_after(start)
    if not sheet.opened[place]:
        return []
    seats = staffing.seats(wish.assessment)
    return [seat for seat in seats if sheet.person(seat.staff)[0][place]]


def why_not(calendar: Calendar, wish: Wish, start: datetime) -> Refusal | None:
    """Return why this start (aware) is not offered, or None when it is."""
    start = start.astimezone(UTC)
    refused = refused_by_dates(wish, start)
    if refused is not None:
        return refused
    if _off_grid(start, calendar):
        return Refusal.OFF_GRID
    [(_, found)] = judged(calendar, wish, Window(start, start + STEP))
    return found


def why_day_empty(calendar: Calendar, wish: Wish, day: date) -> Refusal | None:
    """Return why no start of this day (of the office's zone) is offered, or None when one is.

    See `emptiest`.
    """
    zone = calendar.office.zone
    window = Window(midnight(day, zone), midnight(day + DAY, zone))
    return emptiest(judged(calendar, wish, window), wish)


def emptiest(judged: list[tuple[datetime, Refusal | None]], wish: Wish) -> Refusal | None:
    """Return why none of these starts, all of a stretch of time, is offered; None when one is.

    Starts are refused for different reasons; the one told is that of the start that came closest
    to being offered, among those that the opening hours allow. So a day whose last hours are too
    soon is `PAST_NOTICE`, although the office is also closed later that day.
    """
    told: list[Refusal | None] = [found for _, found in judged if found is not Refusal.CLOSED]
    told = told or [refused_by_dates(wish, start) or found for start, found in judged]
    if None in told:
        return None
    return max((refusal for refusal in told if refusal is not None), key=_PROGRESS.__getitem__)


def _off_grid(start: datetime, calendar: Calendar) -> bool:
    wall = start.astimezone(calendar.office.zone)
    return wall.minute % 30 != 0 or wall.second != 0 or wall.microsecond != 0


def _searched(calendar: Calendar, wish: Wish, window: Window) -> Search:
    search = Search(Staffing(calendar), wish, window)
    holds: dict[str, list[Hold]] = {}
    for hold in calendar.holds:
        holds.setdefault(hold.seat, []).append(hold)
    for question in search.questions():
        held = {
            seat.id: [(micros(one.start), micros(one.until)) for one in holds[seat.id]]
            for seat in question.seats
            if seat.id in holds
        }
        search.hear(question, held)
    return search
