"""How far a request has come, told from the webhooks that were accepted about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from web.practice.records import Event


class Gate(StrEnum):
    """Whether the assessment is open to the learner."""

    WAITING = "waiting"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


_GATES = {
    "session.admitted": Gate.OPEN,
    "session.paused": Gate.PAUSED,
    "session.resumed": Gate.OPEN,
    "session.stopped": Gate.CLOSED,
    "session.ended": Gate.CLOSED,
    "session.refused": Gate.CLOSED,
}
_WORDS = {
    "booking.made": "Booked",
    "booking.moved": "Booked for another time",
    "booking.cancelled": "Booking cancelled",
    "session.checked_in": "Checked in",
    "session.admitted": "Sitting the assessment",
    "session.paused": "Paused",
    "session.resumed": "Sitting the assessment",
    "session.interrupted": "Sitting the assessment; nothing comes from the learner",
    "session.restored": "Sitting the assessment",
    "session.stopped": "Stopped by the invigilator",
    "session.ended": "Session over",
    "session.refused": "Not admitted",
    "attendance.decided": "Attendance decided",
    "report.ready": "Report received",
}
_ASIDE = frozenset({"session.identity_decided", "session.incident", "session.extra_time"})
"""They happen within a step, and change nothing of where a request stands."""


def gate(events: Sequence[Event]) -> Gate:
    """Return the gate of the newest session; `events` are in the service's order of time.

    Webhooks may arrive late and out of order: what counts is when things happened there. Once a
    session is over nothing opens it again.
    """
    if not events:
        return Gate.WAITING
    session = events[-1].session
    now = Gate.WAITING
    for event in events:
        if event.session == session and now is not Gate.CLOSED:
            now = Gate.OPEN if _onboard(event) else _GATES.get(event.type, now)
    return now


def _onboard(event: Event) -> bool:
    """Whether it says that an officer on board was accepted: they will watch the learner."""
    return event.type == "report.ready" and event.data.get("kind") == "onboard"


def words(events: Sequence[Event]) -> str:
    """Return where the request stands, in plain words."""
    if not events:
        return "Asked for"
    last = next((one for one in reversed(events) if one.type not in _ASIDE), events[-1])
    if _onboard(last):
        return "An officer on board is accepted"
    said = _WORDS.get(last.type, last.type)
    detail = last.data.get("start") or last.data.get("state") or last.data.get("outcome")
    return f"{said} ({moment(detail)})" if isinstance(detail, str) else said


def moment(text: str) -> str:
    """Return an RFC 3339 time as people write it; any other text as it is."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text.replace("_", " ")
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
