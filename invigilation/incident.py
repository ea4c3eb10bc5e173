"""An incident: something the invigilator saw and wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from invigilation.errors import InvalidInput

NOTE_LIMIT = 1_000

CATEGORIES: dict[str, tuple[str, ...]] = {
    "environment": ("comfort", "disturbance", "noise", "power_outage", "weather"),
    "examinee": (
        "behaviour",
        "complaint",
        "id_authorisation",
        "illness",
        "late",
        "navigation",
        "no_show",
    ),
    "staff": ("behaviour", "compliance", "error", "late", "no_show"),
    "technical": ("freezing", "launching", "network", "printing", "workstation"),
    "other": ("other",),
}
"""Groups and kinds of irregularities that testing programmes share."""
NAMES = frozenset(f"{group}.{kind}" for group, kinds in CATEGORIES.items() for kind in kinds)


class Severity(StrEnum):
    """How much the incident weighs."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Incident:
    """What was seen, when, and the picture (an id of evidence) if one was taken."""

    id: str
    session: str
    category: str
    severity: Severity
    note: str
    picture: str | None
    at: datetime
    by: str


def check_category(raw: str) -> str:
    """Return the category, `group.kind`; refuses any other word."""
    if raw not in NAMES:
        raise InvalidInput("category", "Choose a category from the list.")
    return raw
