"""What a document says beside what the booking says: differences in words. Nothing here decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from invigilation.document import Fields


class Field(StrEnum):
    """What is compared."""

    NAME = "name"
    BORN = "born"
    NUMBER = "number"
    EXPIRES = "expires"
    ISSUER = "issuer"


class Grade(StrEnum):
    """How two statements stand to each other, from best to worst."""

    SAME = "same"
    EXPLAINED = "explained"
    """They differ in a way that documents do: another spelling, order, a name left out or cut."""
    UNKNOWN = "unknown"
    """One of the two says nothing."""
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison: what the document says, what is known, and what to make of it, in words."""

    field: Field
    grade: Grade
    said: str
    known: str
    words: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the booking says of the learner; None: it says nothing."""

    name: str
    born: date | None = None
    number: str | None = None


def compare(fields: Fields, known: Known, today: date) -> tuple[Finding, ...]:
    """Return one finding for each `Field`, in that order; `today` judges the expiry."""
    raise NotImplementedError


def needs_reason(findings: Iterable[Finding]) -> bool:
    """Whether whoever confirms has to say why: something differs."""
    return any(one.grade is Grade.DIFFERS for one in findings)


def needs_two(findings: Iterable[Finding]) -> bool:
    """Whether it takes two people to confirm: the document has expired, or the name differs."""
    two = {Field.NAME, Field.EXPIRES}
    return any(one.grade is Grade.DIFFERS and one.field in two for one in findings)
