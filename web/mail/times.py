"""How letters tell a moment: on the reader's clock, in London and in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from invigilation.office_hours import LONDON
from invigilation.zones import is_ship_clock, zone_named
from web.pages.words import moment, offset

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
EXACT = timedelta(hours=3)
"""Nearer than this the time that is left is told in minutes."""


def on_clock(at: datetime, zone: str) -> str:
    """Return "Monday 6 July 2026, 17:00 (Asia/Manila, UTC+8)"."""
    own = zone_named(zone)
    name = "your ship's clock" if is_ship_clock(zone) else zone
    away = offset(at, own)
    return f"{moment(at, own)} ({name if name == away else f'{name}, {away}'})"


def in_london(at: datetime) -> str:
    """Return "Monday 6 July 2026, 10:00 (BST)"."""
    return f"{moment(at)} ({at.astimezone(LONDON):%Z})"


def in_utc(at: datetime) -> str:
    """Return "Monday 6 July 2026, 09:00"."""
    return moment(at, UTC)


def warnings(at: datetime, zone: str, now: datetime) -> Iterator[str]:
    """Yield what may mislead a reader who counts on from the present time."""
    if at <= now:
        return
    if is_ship_clock(zone):
        yield (
            "Your time above is by your ship's clock as you told us. "
            "If your ship changes its clocks before then, go by UTC."
        )
    for place, clock in {zone: zone_named(zone), "London": LONDON}.items():
        if zone == LONDON.key and place == "London":
            continue
        if at.astimezone(clock).utcoffset() != now.astimezone(clock).utcoffset():
            yield f"The clocks change before then ({place}). The times above are right."


def time_left(left: timedelta) -> str:
    """Return "3 days", "2 days and 5 hours", "24 hours", "1 hour and 20 minutes", "1 minute"."""
    if left < EXACT:
        hours, minutes = divmod(max(round(left / MINUTE), 1), 60)
        return _both((hours, "hour"), (minutes, "minute"))
    hours = round(left / HOUR)
    if hours < 48:
        return _both((hours, "hour"))
    return _both((hours // 24, "day"), (hours % 24, "hour"))


def _both(*parts: tuple[int, str]) -> str:
    return " and ".join(f"{count} {unit}{'s' * (count != 1)}" for count, unit in parts if count)
