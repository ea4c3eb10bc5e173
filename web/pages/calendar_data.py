"""What the calendar's script draws a week or a day from.

All times are the office's wall clock, without a zone: the calendar library knows only the zone of
the browser, and would show a scheduler abroad the wrong hours. The script gives the same wall clock
back, and the server alone turns it into a moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from invigilation.office_hours import DAY, Window
from invigilation.people import Staff
from invigilation.store.ledger import Line
from web.pages import words
from web.pages.days import Days
from web.pages.link_risk import LinkRisk
from web.pages.states import SHORT, STATES

EARLIEST, LATEST = time(10), time(15)
"""What is shown of a day at least, by the office's clock; its hours and bookings widen it."""


def data_of(days: Days, today: date, links: Mapping[str, LinkRisk]) -> dict[str, object]:
    """Return everything that is on show."""
    zone = days.zone
    shown = {column.day for column in days.columns}
    first, until = _hours(days)
    every = [days.first + n * DAY for n in range(days.count)]
    return {
        "view": "day" if days.count == 1 else "week",
        "date": days.first.isoformat(),
        "today": today.isoformat(),
        "hidden": [(day.weekday() + 1) % 7 for day in every if day not in shown],
        "from": first,
        "until": until,
        "staff": [{"id": one.id, "title": one.name} for one in days.staff],
        "sittings": [booking_data(one, zone, links) for one in days.lines],
        "closed": _closed(days),
        "away": [
            {
                "staff": one.staff,
                "start": wall(one.start, zone),
                "end": wall(one.end, zone),
                "why": "Busy" if one.busy else "Leave",
            }
            for one in days.away
        ],
        "off": [gap for person in days.staff for day in every for gap in _off(days, person, day)],
        "days": [
            {
                "date": column.day.isoformat(),
                "words": f"{column.day:%A} {column.day.day} {column.day:%B}",
                "empty": "No sessions." if column.hours else column.closed or "Closed.",
                "absent": days.absentees(column.day),
            }
            for column in days.columns
        ],
    }


def booking_data(one: Line, zone: ZoneInfo, links: Mapping[str, LinkRisk]) -> dict[str, object]:
    """Return one booking; `sequence` goes back with a move, which a newer change refuses."""
    word, kind = STATES[one.state]
    held, link = one.reserved_until, links.get(one.booking)
    return {
        "id": one.booking,
        "sequence": one.sequence,
        "staff": one.staff,
        "staff_name": one.staff_name,
        "start": wall(one.start, zone),
        "end": wall(one.end, zone),
        "learner": one.learner_name,
        "assessment": f"{one.title}, {one.minutes} minutes",
        "state": word,
        "short": SHORT.get(one.state, word),
        "kind": kind or "booked",
        "held": "" if held is None else f"{words.clock(held, zone)} London",
        "link": None if link is None else asdict(link),
        "movable": one.movable,
        "href": f"/staff/bookings/{one.booking}",
        "times": words.three_times(one.start, one.zone),
    }


def _hours(days: Days) -> tuple[str, str]:
    """Return from when until when a day is drawn: whole hours that hold everything."""
    edges = [EARLIEST, LATEST]
    spans: Iterable[Window] = (
        *days.windows,
        *(Window(one.start, one.end) for one in days.lines),
    )
    for one in spans:
        start, end = one.start.astimezone(days.zone), one.end.astimezone(days.zone)
        edges += [start.time(), end.time() if end.date() == start.date() else time(23, 59)]
    last = max(edges)
    until = "24:00" if last.hour == 23 else f"{last.hour + bool(last.minute):02}:00"
    return f"{min(edges).replace(minute=0):%H:%M}", until


def _closed(days: Days) -> list[dict[str, str]]:
    """Return when the office is closed: the gaps between its opening hours, and why if known."""
    reasons = {column.day: column.closed for column in days.columns}
    found = []
    for n in range(days.count):
        day = days.first + n * DAY
        begin, end = (datetime.combine(day + m * DAY, time(0), days.zone) for m in (0, 1))
        for start, until in _gaps(begin, end, days.windows):
            whole = until - start >= timedelta(hours=23)
            why = (reasons.get(day) or "Closed") if whole else ""
            found.append({"start": wall(start, days.zone), "end": wall(until, days.zone)})
            found[-1]["why"] = why
    return found


def _off(days: Days, person: Staff, day: date) -> list[dict[str, str]]:
    """Return when the office is open and a person is not at work."""
    working = sorted(days.working(person, day), key=lambda one: one.start)
    return [
        {"staff": person.id, "start": wall(start, days.zone), "end": wall(end, days.zone)}
        for window in days.windows
        if window.start.astimezone(days.zone).date() == day
        for start, end in _gaps(window.start, window.end, working)
    ]


def _gaps(
    begin: datetime, end: datetime, windows: Iterable[Window]
) -> list[tuple[datetime, datetime]]:
    gaps, at = [], begin
    for window in windows:
        if window.end <= begin or window.start >= end:
            continue
        if window.start > at:
            gaps.append((at, window.start))
        at = max(at, window.end)
    if end > at:
        gaps.append((at, end))
    return gaps


def wall(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment as the office's clock shows it: "2026-11-23T10:00:00"."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"
