"""Names as a machine-readable zone spells them: ICAO 9303 part 3, sections 4.6 and 6.

All spellings here have A to Z and digits, and a single space for each filler.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import islice, product

from invigilation.letters import LETTERS

MOST = 256
"""So many spellings of a name at most; the likelier ones come first."""
LONGEST = 200
"""Of a longer text only the beginning is spelt."""
LEFT_OUT = frozenset("'’‘`´ʹʻʼʽˈ,.")  # noqa: RUF001  apostrophes of many keyboards
"""Apostrophes, commas and full stops are left out; what else is no letter is a filler."""


def to_mrz(text: str) -> frozenset[str]:
    """Return every spelling of a name that a zone may have, at most `MOST`.

    A letter that has several spellings has the same one throughout a name. No spelling is left
    when nothing in the text can be spelt, as with scripts that ICAO 9303 does not transliterate.
    """
    letters = _letters(text)
    several = sorted({one for one in letters if len(LETTERS.get(one, ())) > 1})
    found = set()
    for choice in islice(product(*(LETTERS[one] for one in several)), MOST):
        chosen = dict(zip(several, choice, strict=True))
        found.add(_joined(_one(one, chosen) for one in letters))
    return frozenset(found - {""})


def recommended(text: str) -> str:
    """Return the spelling that ICAO 9303 recommends first."""
    return _joined(_one(one, {}) for one in _letters(text))


def _letters(text: str) -> str:
    """Return the text in upper case, with composed letters where the tables have them."""
    # Upper case would make two letters of the sharp s, and of the dotless i one with a dot; that
    # is what a zone has, too. A letter without an own entry is taken apart, so its marks go.
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text[:LONGEST]).upper())
    return "".join(
        one if one in LETTERS else unicodedata.normalize("NFD", one) for one in composed
    ).upper()


def _one(letter: str, chosen: dict[str, str]) -> str:
    if letter in chosen:
        return chosen[letter]
    if letter in LETTERS:
        return LETTERS[letter][0]
    if letter in LEFT_OUT or unicodedata.category(letter) in {"Mn", "Me", "Cf", "Lm"}:
        return ""
    return letter if letter.isascii() and letter.isalnum() else " "


def _joined(parts: Iterable[str]) -> str:
    return " ".join("".join(parts).split())
