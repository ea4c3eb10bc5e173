"""The machine-readable zone of a specimen, composed from ICAO Doc 9303 parts 3 to 7.

On purpose not the service's own composer: what reads specimens is tested against a second hand.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from tests.harness.people import check_digit
from tests.specimens.holders import Holder, spelt


class Form(StrEnum):
    """Size and layout of a document."""

    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"
    MRV_A = "MRV-A"
    MRV_B = "MRV-B"
    LICENCE = "licence"
    SEAMANS_BOOK = "seamans_book"


BLIND = frozenset({Form.LICENCE, Form.SEAMANS_BOOK})
"""Forms that have no machine-readable zone."""

_LETTER = {Form.TD1: "I", Form.TD2: "I", Form.TD3: "P", Form.MRV_A: "V", Form.MRV_B: "V"}


def lines(form: Form, holder: Holder) -> tuple[str, ...]:
    """Return the lines of the zone; none for a form without."""
    if form in BLIND:
        return ()
    if form is Form.TD1:
        return _td1(holder)
    width = 44 if form in {Form.TD3, Form.MRV_A} else 36
    first = f"{_LETTER[form]}<{holder.issuer}" + names(holder, width - 5)
    number = _checked(holder.number.ljust(9, "<"))
    second = number + holder.nationality + _dates(holder)
    if form is Form.TD3:
        second += _checked("<" * 14)
        return first, second + check_digit(second[0:10] + second[13:20] + second[21:43])
    if form is Form.TD2:
        second = second.ljust(35, "<")
        return first, second + check_digit(second[0:10] + second[13:20] + second[21:35])
    return first, second.ljust(width, "<")


def names(holder: Holder, room: int) -> str:
    """Return the names in `room` characters, cut at its end where they are longer."""
    whole = f"{spelt(holder.surname)}<<{spelt(holder.given)}".replace(" ", "<")
    return whole[:room].ljust(room, "<")


def _td1(holder: Holder) -> tuple[str, ...]:
    first = f"I<{holder.issuer}{_checked(holder.number.ljust(9, '<'))}".ljust(30, "<")
    second = (_dates(holder) + holder.nationality).ljust(29, "<")
    whole = first[5:30] + second[0:7] + second[8:15] + second[18:29]
    return first, second + check_digit(whole), names(holder, 30)


def _dates(holder: Holder) -> str:
    sex = holder.sex if holder.sex in "FM" else "<"
    return f"{_checked(_six(holder.born))}{sex}{_checked(_six(holder.expires))}"


def _six(day: date) -> str:
    return f"{day:%y%m%d}"


def _checked(text: str) -> str:
    return text + check_digit(text)
