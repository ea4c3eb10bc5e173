"""A feed of a person's sessions for their own calendar program, with nothing about learners.

RFC 5545; RFC 7986 for the name and how often to ask; the X- properties are for older programs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import icalendar

from invigilation.booking import BookingState
from invigilation.store.views import Sitting

EVERY = timedelta(hours=1)
"""How often programs are asked to look; many look less often, whatever they are asked."""
TAKES_PLACE = frozenset(
    {
        BookingState.BOOKED,
        BookingState.ATTENDED,
        BookingState.NO_SHOW_PROPOSED,
        BookingState.LEARNER_NO_SHOW,
    }
)
"""In any other state the session is shown as cancelled."""


@dataclass(frozen=True, slots=True)
class FeedHead:
    """Whose feed it is: the service's name, its address, and the domain of its mail."""

    service: str
    url: str
    domain: str


def feed(head: FeedHead, sittings: Sequence[Sitting], now: datetime) -> bytes:
    """Return the calendar of these sittings."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Invigilation Service//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", head.service)
    calendar.add("x-wr-calname", head.service)
    calendar.add("x-wr-timezone", "UTC")
    calendar.add("refresh-interval", EVERY, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", icalendar.vDuration(EVERY).to_ical().decode())
    for one in sittings:
        calendar.add_component(_event(head, one, now))
    raw: bytes = calendar.to_ical()
    return raw


def tag(sittings: Sequence[Sitting]) -> str:
    """Return an entity tag that changes with what the feed says (RFC 9110 8.8.3)."""
    facts = [[one.booking, _status(one), one.sequence, *_when(one), one.title] for one in sittings]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _event(head: FeedHead, one: Sitting, now: datetime) -> icalendar.Event:
    cancelled = _status(one) == "CANCELLED"
    event = icalendar.Event()
    event.add("uid", f"{one.booking}.staff@{head.domain}")
    event.add("dtstamp", now)
    event.add("dtstart", one.start)
    event.add("dtend", one.end)
    event.add("sequence", one.sequence)
    event.add("status", _status(one))
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    event.add("class", "PRIVATE")
    event.add("summary", f"{'Cancelled: ' if cancelled else ''}{one.title} (session)")
    event.add("url", f"{head.url}/staff/console")
    return event


def _status(one: Sitting) -> str:
    return "CONFIRMED" if one.booking_state in TAKES_PLACE else "CANCELLED"


def _when(one: Sitting) -> tuple[float, float]:
    return one.start.timestamp(), one.end.timestamp()
