"""What a document says beside what the booking says: differences in words. Nothing here decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from invigilation.document import Fields
from invigilation.mrz import check_digit
from invigilation.naming import explained
from invigilation.states import SPECIMEN, STATES
from invigilation.transliteration import recommended


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
    """Return one finding for each `Field`, in that order; `today` judges the expiry.

    The booking says nothing of expiry and issuer: the expiry is beside `today`, the issuer beside
    the states that there are.
    """
    return (
        _name(fields, known.name),
        _born(fields.born, known.born),
        _number(fields.number, known.number or ""),
        _expires(fields.expires, today),
        _issuer(fields.issuer),
    )


def _name(fields: Fields, known: str) -> Finding:
    said = f"{fields.given} {fields.surname}".strip()

    def finding(grade: Grade, words: str) -> Finding:
        return Finding(Field.NAME, grade, said, known, words)

    if not said:
        return finding(Grade.UNKNOWN, "No name was read on the document.")
    if not known.strip():
        return finding(Grade.UNKNOWN, "The booking has no name.")
    if not (recommended(said) and recommended(known)):
        return finding(Grade.UNKNOWN, "These letters are not compared here. Compare them by eye.")
    words = explained(fields.surname, fields.given, known)
    if words is None:
        return finding(Grade.DIFFERS, "The document has another name than the booking.")
    if words:
        return finding(Grade.EXPLAINED, words)
    return finding(Grade.SAME, "The same name.")


def _born(said: date | None, known: date | None) -> Finding:
    def finding(grade: Grade, words: str) -> Finding:
        return Finding(Field.BORN, grade, _day(said), _day(known), words)

    if said is None:
        return finding(Grade.UNKNOWN, "No full date of birth was read on the document.")
    if known is None:
        return finding(Grade.UNKNOWN, "The booking has no date of birth.")
    if said == known:
        return finding(Grade.SAME, "The same date of birth.")
    return finding(*_other_day(said, known))


def _other_day(said: date, known: date) -> tuple[Grade, str]:
    """Return what to make of two dates of birth that are not the same."""
    if said.year == known.year and (said.month, said.day) == (1, 1):
        words = "The same year. Some states write 1 January when the day is not known."
        return Grade.EXPLAINED, words
    if said.year == known.year and (said.day, said.month) == (known.month, known.day):
        return Grade.DIFFERS, "Day and month have changed places."
    parts = (
        ("year", said.year == known.year),
        ("month", said.month == known.month),
        ("day", said.day == known.day),
    )
    other = [part for part, same in parts if not same]
    if len(other) == 1:
        return Grade.DIFFERS, f"Another date of birth: only the {other[0]} differs."
    return Grade.DIFFERS, "Another date of birth."


def _number(said: str, known: str) -> Finding:
    def finding(grade: Grade, words: str) -> Finding:
        return Finding(Field.NUMBER, grade, said, known, words)

    ours, theirs = _bare(said), _bare(known)
    if not ours:
        return finding(Grade.UNKNOWN, "No number was read on the document.")
    if not theirs:
        return finding(Grade.UNKNOWN, "The booking has no number of a document.")
    if ours == theirs:
        return finding(Grade.SAME, "The same number.")
    return finding(*_other_number(ours, theirs))


def _other_number(ours: str, theirs: str) -> tuple[Grade, str]:
    """Return what to make of two numbers that are not the same."""
    if ours.translate(_TWINS) == theirs.translate(_TWINS):
        return Grade.EXPLAINED, "The same but for O and 0, or I and 1, which look alike."
    if ours.lstrip("0") == theirs.lstrip("0"):
        return Grade.EXPLAINED, "The same but for zeros in front."
    if theirs == ours + check_digit(ours):
        return Grade.EXPLAINED, "The booking has the check digit behind the number."
    return Grade.DIFFERS, "Another number. It may be another or a newer document."


def _expires(said: date | None, today: date) -> Finding:
    def finding(grade: Grade, words: str) -> Finding:
        return Finding(Field.EXPIRES, grade, _day(said), _day(today), words)

    if said is None:
        return finding(Grade.UNKNOWN, "No date of expiry was read on the document.")
    if said < today:
        return finding(Grade.DIFFERS, f"The document expired on {_day(said)}.")
    if said == today:
        return finding(Grade.SAME, "The document is valid today for the last day.")
    return finding(Grade.SAME, f"The document is valid until {_day(said)}.")


def _issuer(said: str) -> Finding:
    code = said.strip().upper()
    state = STATES.get(code, "")

    def finding(grade: Grade, words: str) -> Finding:
        return Finding(Field.ISSUER, grade, said, state, words)

    if not code:
        return finding(Grade.UNKNOWN, "No issuing state was read on the document.")
    if state:
        return finding(Grade.SAME, f"The code of {state}.")
    if code == SPECIMEN:
        return finding(Grade.DIFFERS, "UTO is no state. It stands on specimens.")
    return finding(Grade.DIFFERS, "No state or organisation has this code.")


def _day(day: date | None) -> str:
    return "" if day is None else f"{day.day} {day:%B} {day.year}"


def _bare(number: str) -> str:
    return "".join(one for one in number.upper() if one.isascii() and one.isalnum())


_TWINS = str.maketrans("OI", "01")


def needs_reason(findings: Iterable[Finding]) -> bool:
    """Whether whoever confirms has to say why: something differs."""
    return any(one.grade is Grade.DIFFERS for one in findings)


def needs_two(findings: Iterable[Finding]) -> bool:
    """Whether it takes two people to confirm: the document has expired, or the name differs."""
    two = {Field.NAME, Field.EXPIRES}
    return any(one.grade is Grade.DIFFERS and one.field in two for one in findings)
