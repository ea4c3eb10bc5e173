"""A program that turns a calendar of unknown quality into busy times (RFC 5545).

It runs as a process of its own, with little memory and time, so that a hostile calendar harms
nobody; therefore it imports nothing of ours.

- Standard input: one line of JSON with `zone` (an IANA name) or `offset` (minutes off UTC), `first`
  and `last` (seconds since 1970; what lies outside is cut off) and `most` (occurrences); then the
  calendar.
- Standard output: JSON with `times`, each a start and an end in seconds since 1970, or with
  `fault`, a sentence for people.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import recurring_ical_events

MEMORY = 1 << 30
CPU_SECONDS = 15
TOO_FINE = frozenset({"SECONDLY", "MINUTELY"})
TIMES = ("DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID")
X_ZONE = "X-WR-TIMEZONE"
SHOWN = 60
"""No more letters of what a stranger wrote are repeated in a fault."""


class Fault(Exception):
    """What is wrong with the calendar, as a sentence for people."""


def main() -> None:
    """Read, expand, answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    asked = json.loads(sys.stdin.buffer.readline())
    zone = ZoneInfo(asked["zone"]) if "zone" in asked else _ship(asked["offset"])
    first, last = (datetime.fromtimestamp(asked[name], UTC) for name in ("first", "last"))
    try:
        times = busy(sys.stdin.buffer.read(), zone, first, last, asked["most"])
        answer: dict[str, object] = {
            "times": [[start.timestamp(), end.timestamp()] for start, end in times]
        }
    except Fault as fault:
        answer = {"fault": str(fault)}
    except MemoryError:
        answer = {"fault": "This calendar is too large to be read."}
    except Exception as error:  # noqa: BLE001 - whatever a stranger's file makes libraries raise
        answer = {"fault": f"This calendar cannot be understood ({type(error).__name__})."}
    sys.stdout.write(json.dumps(answer))


def _ship(minutes: int) -> tzinfo:
    return timezone(timedelta(minutes=minutes))


def busy(
    raw: bytes, zone: tzinfo, first: datetime, last: datetime, most: int
) -> list[tuple[datetime, datetime]]:
    """Return the busy times between two moments, not sorted; raises `Fault`.

    Times that name no zone, and whole days, are in `zone`. What is cancelled, or does not make
    busy, is left out.
    """
    calendar = _parsed(raw)
    for event in calendar.walk("VEVENT"):
        _check(event)
    day = timedelta(days=1)
    # A day more on each side: the library places times without a zone only roughly.
    found = recurring_ical_events.of(calendar).between(
        first.astimezone(zone) - day, last.astimezone(zone) + day
    )
    times: list[tuple[datetime, datetime]] = []
    for event in found:
        if not _makes_busy(event):
            continue
        start, end = _span(event, zone)
        start, end = max(start, first), min(end, last)
        if start < end:
            times.append((start, end))
        if len(times) > most:
            raise Fault(f"This calendar has more than {most:,} busy times in the next months.")
    return times


def _parsed(raw: bytes) -> Any:
    text = raw.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text[:15].upper() == b"BEGIN:VCALENDAR":
        raise Fault("There is no calendar at this address.")
    try:
        calendar = icalendar.Calendar.from_ical(text)
    except ValueError:
        raise Fault("The calendar at this address is damaged.") from None
    named = str(calendar.get(X_ZONE, ""))
    if named and not _known(named):
        # Times of its own it has none: it is a hint, and one that leads nowhere.
        del calendar[X_ZONE]
    return calendar


def _known(zone: str) -> bool:
    with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
        ZoneInfo(zone)
        return True
    return False


def _check(event: Any) -> None:
    """Refuse what repeats too often, what was damaged, and zones that nobody knows."""
    for name, error in event.errors:
        if name is None or name.upper() in {*TIMES, "DURATION", "RRULE", "EXRULE"}:
            raise Fault(f"An event of this calendar is damaged ({str(error)[:SHOWN]}).")
    for name in ("RRULE", "EXRULE"):
        for rule in _each(event.get(name)):
            _check_rule(rule)
    for name in TIMES:
        for one in _each(event.get(name)):
            _check_zone(one)


def _check_rule(rule: Any) -> None:
    often = {str(word).upper() for word in rule.get("FREQ", [])} & TOO_FINE
    several = any(len(rule.get(name, [])) > 1 for name in ("BYMINUTE", "BYSECOND"))
    if often or several:
        raise Fault("An event of this calendar repeats more often than once an hour.")


def _check_zone(one: Any) -> None:
    named = one.params.get("TZID")
    if not named:
        return
    for moment in _moments(one):
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise Fault(f"This calendar uses a time zone that we do not know: {named[:SHOWN]}.")


def _moments(one: Any) -> Iterator[date]:
    """Yield the days and moments of a property: of one, of a list, of periods."""
    for value in (each.dt for each in one.dts) if hasattr(one, "dts") else (one.dt,):
        if isinstance(value, tuple):
            yield value[0]
        else:
            yield value


def _each(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _makes_busy(event: Any) -> bool:
    status = str(event.get("STATUS", "")).upper()
    shown = str(event.get("TRANSP", "")).upper()
    outlook = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    return status != "CANCELLED" and shown != "TRANSPARENT" and outlook != "FREE"


def _span(event: Any, zone: tzinfo) -> tuple[datetime, datetime]:
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    if not isinstance(start, datetime) and not isinstance(end, datetime):
        end = max(end, start + timedelta(days=1))
    return _absolute(start, zone), _absolute(end, zone)


def _absolute(value: date, zone: tzinfo) -> datetime:
    """Return a moment in UTC; a day is its first moment in the zone."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(0))
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


if __name__ == "__main__":
    main()
