"""Working hours as people write and read them: "09:00 to 12:30, 13:30 to 17:00"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time
from itertools import groupby

from invigilation.errors import InvalidInput
from invigilation.office_hours import Hours

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HINT = "Such as 09:00 to 17:00, or 09:00 to 12:30, 13:00 to 17:00."
_CLOCK = r"(\d{1,2})(?:[:.]?([0-5]\d))?"
_STRETCH = re.compile(rf"{_CLOCK}\s*(?:to|until|-|\u2013|\u2014)\s*{_CLOCK}", re.ASCII)
_BETWEEN = re.compile(r"\s*(?:,|;|\band\b|&)\s*")
MOST_LETTERS = 120


def stretches_of(field: str, raw: str) -> tuple[Hours, ...]:
    """Return the stretches of a day; none for an empty text. 24:00 is the end of the day."""
    text = raw.strip().lower()
    if not text or text in {"off", "-", "\u2013"}:
        return ()
    if len(text) > MOST_LETTERS:
        raise InvalidInput(field, f"{_day(field)}: this is too long.")
    return tuple(_stretch(field, part) for part in _BETWEEN.split(text))


def _stretch(field: str, text: str) -> Hours:
    found = _STRETCH.fullmatch(text)
    if found is None:
        raise InvalidInput(
            field, f"{_day(field)}: write times like 09:00 to 17:00, with a comma between two."
        )
    start = _time(field, found[1], found[2])
    end = _time(field, found[3], found[4])
    try:
        return Hours(start, end)
    except ValueError:
        raise InvalidInput(
            field, f"{_day(field)}: {end:%H:%M} is not after {start:%H:%M}."
        ) from None


def _time(field: str, hour: str, minute: str | None) -> time:
    if (int(hour), int(minute or 0)) == (24, 0):
        return time(0)
    if int(hour) > 23:
        raise InvalidInput(field, f"{_day(field)}: no clock shows {hour}:{minute or '00'}.")
    return time(int(hour), int(minute or 0))


def _day(field: str) -> str:
    return field.capitalize()


def in_words(stretches: Sequence[Hours], otherwise: str = "") -> str:
    """Return "09:00 to 12:30, 13:30 to 17:00"; `otherwise` for a day off."""
    return ", ".join(f"{one.start:%H:%M} to {one.end:%H:%M}" for one in stretches) or otherwise


def week_in_words(week: Sequence[Sequence[Hours]]) -> list[tuple[str, str]]:
    """Return ("Mon to Thu", "09:00 to 17:00") and so on; days off are left out."""
    short = [day[:3] for day in DAYS]
    days = list(zip(short, (in_words(stretches) for stretches in week), strict=True))
    found = []
    for hours, group in groupby(days, key=lambda day: day[1]):
        names = [name for name, _ in group]
        if hours:
            span = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
            found.append((span, hours))
    return found
