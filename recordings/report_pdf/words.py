"""The plain words of the report: what the attestation's codes mean, and how times are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from invigilation.office_hours import LONDON

OUTCOMES = {
    "completed": ("Completed", "The learner sat the assessment under watch, to its end."),
    "stopped": ("Stopped", "The invigilator stopped the session before its end."),
    "refused": ("Not admitted", "The learner was not admitted to the assessment."),
    "technical": (
        "Technical failure",
        "The session could not be held properly: technology failed.",
    ),
}
DOCUMENTS = {
    "passport": "passport",
    "identity_card": "identity card",
    "driving_licence": "driving licence",
    "seamans_book": "seaman's book",
    "other": "official document with a photo",
}
FIELDS = {
    "name": "name",
    "born": "date of birth",
    "number": "document number",
    "expires": "day of expiry",
    "issuer": "issuing state",
}
GRADES = {
    "same": "the same",
    "explained": "written another way, as documents do",
    "unknown": "not known",
    "differs": "differs",
}
RULINGS = {
    "technical": "technical: its time was given back",
    "learner": "counted as the learner's",
    None: "not judged",
}
SEVERITIES = {"low": "low", "medium": "medium", "high": "high"}
CAUSES = {
    "connection_lost": "the connection was lost",
    "no_media": "connected, but nothing came",
    "service": "the service was interrupted",
}
"""Why nothing came; other words of the record are shown as they are."""
GROUPS = {
    "examinee": "learner",
    "environment": "place",
    "technical": "technology",
    "staff": "staff",
    "other": "other",
}
FILLS = {
    "none": "not delivered",
    "promised": "not delivered yet",
    "arriving": "being delivered",
    "complete": "delivered later",
    "partial": "delivered later, in part",
    "accepted": "delivered later, accepted",
    "refused": "delivered later, not accepted",
}
"""What came of a gap from the learner's device, by the time of the attestation."""
RECORDINGS = {
    "recording": "the learner's camera and voice",
    "screen_recording": "the learner's screen",
    "second_recording": "the second camera",
    "invigilator_recording": "the invigilator's voice",
    "stills": "the learner's still pictures",
}
ERASED = "(erased)"
"""In the place of a name or a text whose opening is not kept any more."""


def category(raw: str) -> str:
    """Return "Place: power outage" for "environment.power_outage"."""
    group, _, kind = raw.partition(".")
    words = GROUPS.get(group, group).capitalize()
    return words if kind in {"", group} else f"{words}: {plain(kind)}"


def cause(raw: str) -> str:
    """Return why a gap was, in words."""
    return CAUSES.get(raw, plain(raw))


def fill(gap: Mapping[str, Any]) -> str:
    """Return what came of a gap from the learner's device; older attestations say less of it."""
    if "fill" in gap:
        return FILLS.get(gap["fill"], plain(str(gap["fill"])))
    if "filled" not in gap:
        return ""
    return "delivered later" if gap["filled"] else "not delivered"


def recording(kind: str) -> str:
    """Return what is recorded in it."""
    return RECORDINGS.get(kind, plain(kind))


def plain(code: str) -> str:
    """Return a code as people write it: "hand across face"."""
    return code.replace("_", " ")


def instant(text: str) -> datetime:
    """Return the moment that the record writes in RFC 3339."""
    return datetime.fromisoformat(text)


def day(at: datetime) -> str:
    """Return "Monday 23 November 2026", the day in London."""
    local = at.astimezone(LONDON)
    return f"{local:%A} {local.day} {local:%B %Y}"


def clock(at: datetime) -> str:
    """Return "10:00:05" as London's clocks show it."""
    return f"{at.astimezone(LONDON):%H:%M:%S}"


def both(at: datetime) -> str:
    """Return "Monday 23 November 2026, 10:00:05 London (10:00:05 UTC)"."""
    return f"{day(at)}, {clock(at)} London ({at.astimezone(UTC):%H:%M:%S} UTC)"


def length(seconds: float) -> str:
    """Return "1 h 12 min", "3 min 5 s" or "12 s"."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {left} s" if left else f"{minutes} min"
    return f"{left} s"


def share(permille: int) -> str:
    """Return "98.7 %"."""
    return f"{permille / 10:.1f} %"


def grouped(digest: str) -> str:
    """Return a digest in groups of eight, so that two can be compared by eye."""
    return " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))
