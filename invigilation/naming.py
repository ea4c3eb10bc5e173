"""Two names beside each other: whether documents' ways explain how they differ."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from invigilation.transliteration import LONGEST, recommended, to_mrz

CUT_FROM = 28
"""A document's names of so many letters may have been cut: the narrowest zone holds 30."""
ABBREVIATED = {
    "MD": "MUHAMMAD",
    "MOHD": "MUHAMMAD",
    "MUHD": "MUHAMMAD",
    "MOHAMED": "MUHAMMAD",
    "MOHAMMED": "MUHAMMAD",
    "MOHAMMAD": "MUHAMMAD",
    "MUHAMMED": "MUHAMMAD",
    "MA": "MARIA",
    "STA": "SANTA",
    "STO": "SANTO",
}
"""One name that documents write in several ways."""
TITLES = frozenset(
    {"MR", "MRS", "MS", "MISS", "DR", "PROF", "CAPT", "CAPTAIN", "SIR", "ENGR", "ING"}
    | {"JR", "SR", "JUNIOR", "SENIOR", "II", "III", "IV", "FNU", "LNU"}
)
"""Titles, suffixes, and what stands for no name (FNU, LNU): a document has them or not."""
BORN_AS = re.compile(r"\b(?:née|nee|né|geb\.?|geboren|born|z domu|épouse|epouse)\s+", re.IGNORECASE)
PATRONYMIC = re.compile(r"(?:[OE]VICH|[OE]VNA|ICHNA|[OU]GL[UYI]|KYZY|KIZI|QIZI|GYZY)$")
REORDERED = "The same names in another order."
SOUNDS = (
    ("EE", "I"), ("OO", "U"), ("SHCH", "SCH"), ("KH", "H"), ("PH", "F"), ("CK", "K"), ("DZH", "J"),
    ("OU", "U"), ("IY", "I"), ("YI", "I"), ("IU", "U"), ("YU", "U"), ("JU", "U"),
    ("IA", "A"), ("YA", "A"),
    ("JA", "A"), ("IE", "E"), ("YE", "E"), ("JE", "E"), ("IO", "O"), ("YO", "O"), ("JO", "O"),
    ("W", "V"), ("Q", "K"), ("X", "KS"), ("Y", "I"), ("J", "I"),
)  # fmt: skip
"""Rules of different years and countries for writing one name in Latin letters."""


@dataclass(frozen=True, slots=True)
class Word:
    """One name of a person: as written, without marks, as zones spell it, and by its sound."""

    text: str
    plain: str
    spellings: frozenset[str]
    sound: str


def words_of(text: str) -> list[Word]:
    """Return the single names in a text, without titles and suffixes."""
    found = _every_word(text)
    kept = [one for one in found if one.plain not in TITLES]
    return kept or found


def _every_word(text: str) -> list[Word]:
    parts = re.split(r"[\s\-\u2010-\u2015_/]+", text[:LONGEST])
    return [_word(part) for part in parts if recommended(part)]


def explained(surname: str, given: str, known: str) -> str | None:
    """Say in words how the names of a document and of a booking go together.

    An empty text: they are the same. None: they differ, and nothing here explains it. The
    document's and the booking's names are in any letters.
    """
    whole = _beside(surname, given, known)
    before, *after = [part for part in BORN_AS.split(known) if part.strip()] or [""]
    if whole == "" or not after:
        return whole
    answer = _beside(surname, given, before)
    if answer is not None:
        return answer
    # With another surname from before a marriage, given names stay.
    kept = [one.text for one in words_of(before)]
    for count in range(1, len(kept)):
        answer = _beside(surname, given, " ".join([*kept[:count], *after]))
        if answer is not None:
            return "The document has the name from birth."
    # Born is a name, too.
    return whole


def _beside(surname: str, given: str, known: str) -> str | None:
    last, first, theirs = words_of(surname), words_of(given), words_of(known)
    if not theirs or not (last or first):
        return None
    if [one.plain for one in (*first, *last)] == [one.plain for one in theirs]:
        return ""
    # Somebody may be called as others are titled.
    whole = (*_every_word(given), *_every_word(surname))
    if [one.plain for one in whole] == [one.plain for one in _every_word(known)]:
        return ""
    joined = _run_together(first, last), _run_together(last, first), _run_together(theirs)
    for alike, what in _LEVELS:
        words = _related(last, first, theirs, alike)
        if words != "" and any(alike(one, joined[-1]) for one in joined[:-1]):
            words = words if words == REORDERED else "Spaces or hyphens differ."
        if words is not None:
            return f"{what} {words}".strip()
    return _cut([*first, *last], theirs) or None


def _related(
    last: Sequence[Word],
    first: Sequence[Word],
    theirs: Sequence[Word],
    alike: Callable[[Word, Word], bool],
) -> str | None:
    """Say how the names go together when `alike` single names count as the same; None: not."""
    ours = [*first, *last]
    if len(ours) == len(theirs) and all(map(alike, ours, theirs)):
        return ""
    more, missing = _paired(ours, theirs, alike)
    if not more and not missing:
        return REORDERED
    return _left_out(last, first, *_shortened(more, missing, len(ours)))


def _left_out(
    last: Sequence[Word], first: Sequence[Word], more: Sequence[Word], missing: Sequence[Word]
) -> str | None:
    """Say what is left out, when only one side has names beyond the common ones.

    `more` are names that only the document has, `missing` those that only the booking has.
    """
    ours = [*first, *last]
    common = set(Counter(one.plain for one in ours) - Counter(one.plain for one in more))
    if (more and missing) or not common:
        return None
    if not more and not missing:
        return "A name is given by its first letter only."
    if missing:
        if all(any(map(PATRONYMIC.search, one.spellings)) for one in missing):
            return f"The document leaves out the patronymic: {_listed(missing)}."
        one_only = "has one name only, and " if len(ours) == 1 else ""
        return f"The document {one_only}leaves out: {_listed(missing)}."
    # A surname and a given name have to be among the common ones.
    if any(some and not common & {one.plain for one in some} for some in (last, first)):
        return None
    return f"The booking leaves out: {_listed(more)}."


def _paired(
    ours: Sequence[Word], theirs: Sequence[Word], alike: Callable[[Word, Word], bool]
) -> tuple[list[Word], list[Word]]:
    """Return what is left on each side when alike names are taken away."""
    more, missing = list(ours), []
    for one in theirs:
        other = next((two for two in more if alike(two, one)), None)
        if other is None:
            missing.append(one)
        else:
            more.remove(other)
    return more, missing


def _shortened(
    more: Sequence[Word], missing: Sequence[Word], count: int
) -> tuple[Sequence[Word], Sequence[Word]]:
    """Take away single letters that stand for a name, where two names are alike in full.

    `count` says how many names the document has.
    """
    return _paired(more, missing, _initial) if count - len(more) >= 2 else (more, missing)


def _run_together(*names: Sequence[Word]) -> Word:
    """Return the names as one, without the spaces between them."""
    return _word("".join(one.text for name in names for one in name))


def _cut(ours: Sequence[Word], theirs: Sequence[Word]) -> str:
    """Say whether the document's names are the booking's, cut to fit a zone; empty: no."""
    if sum(len(one.plain) + 1 for one in ours) < CUT_FROM:
        return ""
    left = list(theirs)
    for one in sorted(ours, key=lambda word: -len(word.plain)):
        found = next(
            (two for two in left if any(two_.startswith(one.plain) for two_ in two.spellings)), None
        )
        if found is None:
            return ""
        left.remove(found)
    return "The document cuts long names."


def _initial(one: Word, other: Word) -> bool:
    short, long = sorted((one.plain, other.plain), key=len)
    return len(short) == 1 and long.startswith(short)


def _word(text: str) -> Word:
    bare = unicodedata.normalize("NFD", text).upper()
    # Some apostrophes count as letters.
    plain = "".join(one for one in bare if one.isalnum() and unicodedata.category(one) != "Lm")
    spellings = frozenset(one.replace(" ", "") for one in to_mrz(text)) | {plain}
    return Word(text, plain, spellings, _sound(recommended(text).replace(" ", "")))


def _sound(text: str) -> str:
    text = ABBREVIATED.get(text, text)
    for old, new in SOUNDS:
        # Of doubled letters only E and O make another sound.
        text = re.sub(r"([^EO])\1+", r"\1", text.replace(old, new))
    return text


def _listed(words: Sequence[Word]) -> str:
    return ", ".join(one.text for one in words)


_LEVELS: tuple[tuple[Callable[[Word, Word], bool], str], ...] = (
    (lambda one, two: one.plain == two.plain, ""),
    (
        lambda one, two: bool(one.spellings & two.spellings),
        "The document writes all letters as A to Z.",
    ),
    (
        lambda one, two: bool(one.sound) and one.sound == two.sound,
        "The same name can be written in Latin letters in several ways.",
    ),
)
