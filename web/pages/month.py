"""A month to choose a day from, in the reader's own days, and why a day of it has no times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from invigilation.desk.offers import Look
from invigilation.office_hours import DEFAULT_WEEK, LONDON, Window
from invigilation.slots import Refusal
from web.pages import words

DAY = timedelta(days=1)
MARKS = {
    Refusal.PAST_NOTICE: ("too soon", "too soon to book"),
    Refusal.OUTSIDE_LICENCE: ("ended", "after the end of your licence"),
    Refusal.CLOSED: ("closed", "the office is closed"),
    Refusal.NOT_STAFFED: ("no staff", "no invigilator works"),
    Refusal.FULL: ("full", "all times are taken"),
}
"""What stands under an empty day, and what is read out."""
_TOLD = (
    Refusal.FULL,
    Refusal.NOT_STAFFED,
    Refusal.OUTSIDE_LICENCE,
    Refusal.PAST_NOTICE,
    Refusal.CLOSED,
)
"""Of several reasons the first of these is told: it is what the day's best start lacks."""

_ELSEWHERE = (
    "The office in London is not open at any time of your day. Look at the day before or after it."
)


@dataclass(frozen=True, slots=True)
class Day:
    """One square of the month. `why` it is empty is None when it offers something.

    `open` when it can be looked into; `inside` when it belongs to this month.
    """

    day: date
    starts: tuple[datetime, ...]
    why: Refusal | None
    open: bool
    inside: bool

    @property
    def mark(self) -> tuple[str, str]:
        """What stands under its number, and what is read out instead."""
        if self.starts:
            count = len(self.starts)
            return "free", f"{count} time{'s' if count > 1 else ''} free"
        return MARKS.get(self.why or Refusal.CLOSED, ("", "no times"))


@dataclass(frozen=True, slots=True)
class Month:
    """A month in the reader's zone, in weeks from Monday, with its neighbours if they matter."""

    first: date
    weeks: list[list[Day]]
    before: date | None
    after: date | None
    look: Look

    def find(self, day: date) -> Day | None:
        """Return a day of this month."""
        squares = (one for week in self.weeks for one in week if one.inside)
        return next((one for one in squares if one.day == day), None)

    def first_free(self) -> Day | None:
        """Return the first day of this month that offers something."""
        days = (one for week in self.weeks for one in week)
        return next((one for one in days if one.inside and one.starts), None)


def first_of_next(first: date) -> date:
    """Return the first day of the month after this one's."""
    return (first + 31 * DAY).replace(day=1)


def window_of(first: date, last: date, zone: tzinfo) -> Window:
    """Return the time from the beginning of one of the zone's days to that of another."""
    ends = (datetime.combine(day, time(0), zone).astimezone(UTC) for day in (first, last))
    return Window(*ends)


def month_of(first: date, look: Look, zone: tzinfo, today: date, last: date) -> Month:
    """Lay out the month that begins on `first`; `last` is the last day of the licence.

    Days that are over are not open; those after the licence are, and say so.
    """
    following = first_of_next(first)
    judged: dict[date, list[tuple[datetime, Refusal | None]]] = defaultdict(list)
    for start, refusal in look.starts:
        judged[start.astimezone(zone).date()].append((start, refusal))
    monday = first - first.weekday() * DAY
    weeks = []
    while monday < following:
        week = [monday + n * DAY for n in range(7)]
        inside = [first <= day < following for day in week]
        weeks.append(
            [
                _square(day, judged.get(day, ()), today, inside=within)
                for day, within in zip(week, inside, strict=True)
            ]
        )
        monday += 7 * DAY
    # Weeks that are over only stand in the way.
    weeks = [week for week in weeks if any(one.open for one in week)] or weeks
    before = (first - DAY).replace(day=1)
    return Month(
        first,
        weeks,
        before if before >= today.replace(day=1) else None,
        following if following <= last else None,
        look,
    )


def _square(
    day: date, judged: Sequence[tuple[datetime, Refusal | None]], today: date, *, inside: bool
) -> Day:
    starts = tuple(start for start, refusal in judged if refusal is None) if inside else ()
    refused = {refusal for _, refusal in judged}
    why = None if starts else next((one for one in _TOLD if one in refused), None)
    return Day(day, starts, why, inside and today <= day, inside)


@dataclass(frozen=True, slots=True)
class Wished:
    """What sentences on empty days need to know: `length` is the session with its buffer.

    `zone` is the reader's.
    """

    zone: str
    length: timedelta
    notice: timedelta
    licence_until: datetime


def why_empty(one: Day, look: Look, zone: tzinfo, wished: Wished) -> list[str]:
    """Return sentences on why a day (of the reader's zone) offers nothing."""
    match one.why:
        case Refusal.FULL:
            return ["All times of this day are taken."]
        case Refusal.NOT_STAFFED:
            return ["No invigilator works on this day."]
        case Refusal.PAST_NOTICE:
            hours = wished.notice // timedelta(hours=1)
            return [f"It is too soon: a session is booked at least {hours} hours before it starts."]
        case Refusal.OUTSIDE_LICENCE:
            end = words.brief(wished.licence_until, wished.zone)
            return [f"Your licence ends on {end}. A session must be over by then."]
    mine = (start for start, _ in look.starts if start.astimezone(zone).date() == one.day)
    touched = sorted({day for start in mine if (day := _office_day(start, wished.length))})
    return _why_closed(one.day, touched, look.closures)


def _why_closed(day: date, touched: list[date], closures: Mapping[date, str]) -> list[str]:
    """Return why the office is closed on these days of London, which the reader's day touches."""
    named = [one for one in touched if one in closures]
    if named == touched == [day]:
        return [f"The office is closed on this day: {closures[day]}."]
    said = [f"The office is closed on {words.day(one)}: {closures[one]}." for one in named]
    weekend = [one for one in touched if DEFAULT_WEEK[one.weekday()] is None and one not in named]
    if not weekend or len(weekend) + len(named) < len(touched):
        return said or [_ELSEWHERE]
    if not named:
        return ["The office is closed at the weekend."]
    return [*said, *(f"It is also closed on {words.day(one)}." for one in weekend)]


def _office_day(start: datetime, length: timedelta) -> date | None:
    """Return the day in London on whose usual hours a session at this start would depend, if any.

    On a weekend day those are the hours of a Monday.
    """
    london = start.astimezone(LONDON)
    hours = DEFAULT_WEEK[london.weekday()] or DEFAULT_WEEK[0]
    if hours is None:
        return None
    opens, closes = (london.replace(hour=at.hour, minute=0) for at in (hours.start, hours.end))
    return london.date() if opens <= london and london + length <= closes else None
