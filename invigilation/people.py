"""Who the office deals with: its staff and the learners."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from invigilation.errors import InvalidInput

NAME_LIMIT = 200
EMAIL_LIMIT = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
# RFC 5321 4.1.2: a dot-string, of 64 letters at most, and a domain. Quoted names and names beyond
# ASCII are left out: no mail can be written to them without SMTPUTF8.
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


class Role(StrEnum):
    """What a member of staff may do; see each desk for which role it asks for."""

    INVIGILATOR = "invigilator"
    SCHEDULER = "scheduler"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


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
    """A seafarer, as a backend (or the public form) named them.

    When they were born and the number of their document are known if the backend said so.
    """

    id: str
    backend: str
    reference: str
    name: str
    email: str
    zone: str
    born: date | None = None
    document_number: str | None = None


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
    if len(email) > EMAIL_LIMIT or not _EMAIL.fullmatch(email):
        raise InvalidInput("email", "Enter an e-mail address, like name@example.com.")
    return email
