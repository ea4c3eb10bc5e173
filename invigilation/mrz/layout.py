"""Where things stand in a machine-readable zone: ICAO 9303 parts 4 (TD3), 5 (TD1), 6 (TD2), 7."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

FILLER = "<"
DIGITS = frozenset("0123456789")
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
ALPHABET = DIGITS | LETTERS | {FILLER}
WEIGHTS = (7, 3, 1)


class Form(StrEnum):
    """The formats of a zone."""

    TD1 = "TD1"
    """Cards: three lines of 30."""
    TD2 = "TD2"
    """Larger cards: two lines of 36."""
    TD3 = "TD3"
    """Passports and most seaman's books: two lines of 44."""
    MRV_A = "MRV-A"
    """Visas as large as a passport's page."""
    MRV_B = "MRV-B"
    """Smaller visas."""


class Part(StrEnum):
    """What stands in a zone, beside the check digits."""

    CODE = "code"
    ISSUER = "issuer"
    NAME = "name"
    NUMBER = "number"
    NATIONALITY = "nationality"
    BORN = "born"
    SEX = "sex"
    EXPIRES = "expires"
    OPTIONAL = "optional"
    SECOND = "second"
    """The second optional field, which only TD1 has."""


class Check(StrEnum):
    """The check digits."""

    NUMBER = "number"
    BORN = "born"
    EXPIRES = "expires"
    OPTIONAL = "optional"
    COMPOSITE = "composite"


@dataclass(frozen=True, slots=True)
class Span:
    """Some positions of one line, counted from nought; `stop` is the first one behind them."""

    line: int
    start: int
    stop: int

    def of(self, lines: Sequence[str]) -> str:
        """Return what stands there."""
        return lines[self.line][self.start : self.stop]

    @property
    def width(self) -> int:
        """How many positions."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Layout:
    """One form: its size, where its parts stand, and each check digit with what it is over."""

    lines: int
    width: int
    parts: dict[Part, Span]
    checks: dict[Check, tuple[Span, tuple[Span, ...]]]

    def allowed(self) -> list[list[frozenset[str]]]:
        """Return for each position of each line the characters that may stand there."""
        found = [[ALPHABET] * self.width for _ in range(self.lines)]
        for part, span in self.parts.items():
            for place in range(span.start, span.stop):
                found[span.line][place] = _ALLOWED[part]
        for check, (span, _) in self.checks.items():
            found[span.line][span.start] = DIGITS if check is Check.COMPOSITE else _OR_NONE
        # The kind of document begins with a letter.
        found[0][0] = LETTERS
        return found


_WORDS = LETTERS | {FILLER}
_OR_NONE = DIGITS | {FILLER}
_ALLOWED = {
    Part.CODE: _WORDS,
    Part.ISSUER: _WORDS,
    Part.NAME: _WORDS,
    Part.NUMBER: ALPHABET,
    Part.NATIONALITY: _WORDS,
    Part.BORN: _OR_NONE,
    Part.SEX: frozenset("MFX<"),
    Part.EXPIRES: _OR_NONE,
    Part.OPTIONAL: ALPHABET,
    Part.SECOND: ALPHABET,
}


def _two_lines(width: int, optional: int, *, own_check: bool, composite: bool) -> Layout:
    """Return a form of two lines; the optional field ends before position `optional`."""
    number, born, expires = Span(1, 0, 9), Span(1, 13, 19), Span(1, 21, 27)
    parts = {
        Part.CODE: Span(0, 0, 2),
        Part.ISSUER: Span(0, 2, 5),
        Part.NAME: Span(0, 5, width),
        Part.NUMBER: number,
        Part.NATIONALITY: Span(1, 10, 13),
        Part.BORN: born,
        Part.SEX: Span(1, 20, 21),
        Part.EXPIRES: expires,
        Part.OPTIONAL: Span(1, 28, optional),
    }
    checks: dict[Check, tuple[Span, tuple[Span, ...]]] = {
        Check.NUMBER: (Span(1, 9, 10), (number,)),
        Check.BORN: (Span(1, 19, 20), (born,)),
        Check.EXPIRES: (Span(1, 27, 28), (expires,)),
    }
    if own_check:
        checks[Check.OPTIONAL] = (Span(1, optional, optional + 1), (parts[Part.OPTIONAL],))
    if composite:
        over = (Span(1, 0, 10), Span(1, 13, 20), Span(1, 21, width - 1))
        checks[Check.COMPOSITE] = (Span(1, width - 1, width), over)
    return Layout(2, width, parts, checks)


def _three_lines() -> Layout:
    number, born, expires = Span(0, 5, 14), Span(1, 0, 6), Span(1, 8, 14)
    over = (Span(0, 5, 30), Span(1, 0, 7), Span(1, 8, 15), Span(1, 18, 29))
    return Layout(
        3,
        30,
        {
            Part.CODE: Span(0, 0, 2),
            Part.ISSUER: Span(0, 2, 5),
            Part.NUMBER: number,
            Part.OPTIONAL: Span(0, 15, 30),
            Part.BORN: born,
            Part.SEX: Span(1, 7, 8),
            Part.EXPIRES: expires,
            Part.NATIONALITY: Span(1, 15, 18),
            Part.SECOND: Span(1, 18, 29),
            Part.NAME: Span(2, 0, 30),
        },
        {
            Check.NUMBER: (Span(0, 14, 15), (number,)),
            Check.BORN: (Span(1, 6, 7), (born,)),
            Check.EXPIRES: (Span(1, 14, 15), (expires,)),
            Check.COMPOSITE: (Span(1, 29, 30), over),
        },
    )


LAYOUTS = {
    Form.TD1: _three_lines(),
    Form.TD2: _two_lines(36, 35, own_check=False, composite=True),
    Form.TD3: _two_lines(44, 42, own_check=True, composite=True),
    Form.MRV_A: _two_lines(44, 44, own_check=False, composite=False),
    Form.MRV_B: _two_lines(36, 36, own_check=False, composite=False),
}
LONG_NUMBERS = frozenset({Form.TD1, Form.TD2})
"""Here a number longer than nine goes on in the optional field (part 5, section 4.2.2; part 6)."""
VISAS = frozenset({Form.MRV_A, Form.MRV_B})


def form_of(lines: Sequence[str]) -> Form | None:
    """Return the form of these lines by their number, their lengths and the first letter."""
    sizes = {len(line) for line in lines}
    if len(sizes) != 1 or not lines[0]:
        return None
    size = len(lines), sizes.pop()
    visa = lines[0][0] == "V"
    for form, layout in LAYOUTS.items():
        if size == (layout.lines, layout.width) and (form in VISAS) == (visa and size[0] == 2):
            return form
    return None


def check_digit(text: str | Iterable[str]) -> str:
    """Return the check digit of a text: ICAO 9303 part 3, section 4.9; weights 7, 3, 1, modulo 10.

    A character outside the alphabet raises KeyError.
    """
    total = sum(_VALUES[one] * WEIGHTS[place % 3] for place, one in enumerate(text))
    return str(total % 10)


_VALUES = {FILLER: 0} | {
    one: value for value, one in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}
