"""Numbers, days and times as people type them; what cannot be used is `InvalidInput`."""

from __future__ import annotations

import re
from datetime import date, time

from invigilation.errors import InvalidInput
from invigilation.office_hours import Hours

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def number(name: str, raw: str, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`."""
    if not _NUMBER.fullmatch(raw) or not least <= int(raw) <= most:
        raise InvalidInput(name, f"The {name} must be a whole number from {least} to {most}.")
    return int(raw)


def weekday_of(raw: str) -> int:
    """Return the number of an English weekday, 0 on Monday; three letters suffice."""
    low = raw.lower()
    for place, name in enumerate(WEEKDAYS):
        if low in {name, name[:3]}:
            return place
    raise InvalidInput("weekday", f"{raw} is no weekday: write monday or mon, and so on.")


def hours_of(start: str, end: str) -> Hours:
    """Return the hours between two times of the office's wall clock; 00:00 ends a day."""
    for name, raw in (("start", start), ("end", end)):
        if not _TIME.fullmatch(raw):
            raise InvalidInput(name, "Write a time like 09:00 or 17:30.")
    try:
        return Hours(time.fromisoformat(start), time.fromisoformat(end))
    except ValueError:
        raise InvalidInput("end", f"The end, {end}, must be after the start, {start}.") from None


def day_of(raw: str) -> date:
    """Return a day written as 2026-12-24."""
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2200:
        raise InvalidInput("day", "Enter the day, such as 2026-12-24.")
    return day
