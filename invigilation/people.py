"""Who the office deals with: its staff and the learners."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from invigilation.errors import InvalidInput

NAME_LIMIT = 200
EMAIL_LIMIT = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
_EMAIL = re.compile(r"[^@\s<>\"(),;:\\\[\]]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class Role(StrEnum):
    """What a member of staff may do; see each desk for which role it asks for."""

    INVIGILATOR = "invigilator"
    SCHEDULER = "scheduler"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff."""

    id: str
    email: str
    name: str
    roles: frozenset[Role]

    def is_a(self, role: Role) -> bool:
        """Say whether this person holds the role."""
        return role in self.roles


@dataclass(frozen=True, slots=True)
class Learner:
    """A seafarer, as a backend (or the public form) named them."""

    id: str
    backend: str
    reference: str
    name: str
    email: str
    zone: str


def clean_name(raw: str) -> str:
    """Return the name with its white space folded; control characters and nothing are refused."""
    name = " ".join(raw.split())
    if not name:
        raise InvalidInput("name", "Enter the full name.")
    if len(name) > NAME_LIMIT or any(not c.isprintable() for c in name):
        raise InvalidInput("name", f"The name must be plain text of at most {NAME_LIMIT} letters.")
    return name


def clean_email(raw: str) -> str:
    """Return the address in lower case, or refuse it: one mailbox, no display name."""
    email = raw.strip().lower()
    if len(email) > EMAIL_LIMIT or not _EMAIL.fullmatch(email) or ".." in email:
        raise InvalidInput("email", "Enter an e-mail address, like name@example.com.")
    return email


def clean_zone(raw: str) -> str:
    """Return an IANA zone name that this system knows."""
    if raw not in _zones():
        raise InvalidInput("zone", "Choose a time zone from the list.")
    return ZoneInfo(raw).key


@cache
def _zones() -> frozenset[str]:
    # Reading the whole zone directory takes some 50 ms: once is enough.
    return frozenset(available_timezones())
