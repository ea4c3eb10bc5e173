"""A zone as a machine read it, mended where the form of the zone leaves one way only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from invigilation.mrz.layout import (
    ALPHABET,
    DIGITS,
    FILLER,
    LAYOUTS,
    LETTERS,
    Form,
    Layout,
    Part,
    check_digit,
    form_of,
)
from invigilation.states import STATES

DIGIT_OF = dict(zip("OQDILZASGTB", "00011245678", strict=True))
"""The digit that a letter was, where only a digit may stand."""
LETTER_OF = dict(zip("01245678", "OIZASGTB", strict=True))
"""The letter that a digit was, where only a letter may stand."""
LONGEST = 200
"""Longer lines, and more lines than `MOST`, are none of a zone; they are cut."""
MOST = 40
SLACK = 8
"""So many fillers too many or too few are mended; a long run of them is easily miscounted."""
MANY_KS = re.compile(r"K{3,}")
LONE_KS = re.compile(r"(?<=<)K+(?=<|$)")
SPURIOUS = re.compile(r"<{3,}[KCLSEX<]*$")
"""Behind three fillers no name goes on: such letters were fillers."""


def mend(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of the zone among `lines`, as nearly in a form of a zone as they can be.

    Letters and digits that look alike are settled where the place allows only one of them; fillers
    read as K, too; lines are brought to their length by their longest runs of fillers. When no two
    or three lines in a row come near a form, all of them come back, merely cleaned. Mending what is
    mended changes nothing.
    """
    clean = tuple(filter(None, (_clean(line[:LONGEST]) for line in lines[:MOST])))
    found = form_of(clean)
    whole = clean if found else _window(clean)
    if whole is None:
        return clean
    form = form_of(whole)
    return whole if form is None else _settled(form, whole)


def _clean(line: str) -> str:
    """Return the line in the zone's alphabet; what is not in it was a filler."""
    # Some letters outside ASCII are several in upper case.
    text = re.sub(r"[\s_.,;:'`|~-]+", "", line.replace("«", FILLER * 2)).upper()
    text = "".join(one if one in ALPHABET else FILLER for one in text)
    return MANY_KS.sub(lambda found: FILLER * len(found[0]), text)[:LONGEST]


def _window(lines: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the lines in a row that come nearest to a form, in its lengths; of equals the last."""
    best: tuple[float, tuple[str, ...]] | None = None
    for form, layout in LAYOUTS.items():
        for start in range(len(lines) - layout.lines + 1):
            some = lines[start : start + layout.lines]
            if any(abs(len(line) - layout.width) > SLACK for line in some):
                continue
            fitted = tuple(_fitted(line, row, layout) for row, line in enumerate(some))
            if any(line is None for line in fitted):
                continue
            whole = tuple(line or "" for line in fitted)
            if form_of(whole) is not form:
                continue
            change = sum(abs(len(line) - layout.width) for line in some)
            worth = _worth(layout, _settled(form, whole)) - change
            if best is None or worth >= best[0]:
                best = worth, whole
    return None if best is None else best[1]


def _fitted(line: str, row: int, layout: Layout) -> str | None:
    """Return the line in the form's width, in the way that suits its places best."""
    if len(line) == layout.width:
        return line
    ways = list(_ways(line, layout.width))
    allowed = layout.allowed()[row]

    def suits(way: str) -> int:
        return sum(_as(one, may) in may for one, may in zip(way, allowed, strict=True))

    # Of equals the first is taken: fillers at the end, then the longest run, then the last one.
    return max(ways, key=suits, default=None)


def _ways(line: str, width: int) -> Iterator[str]:
    """Yield the line longer or shorter by a run of fillers, or without what is around it."""
    more = width - len(line)
    if more > 0 and line.endswith(FILLER):
        yield line.ljust(width, FILLER)
    runs = sorted(
        re.finditer(r"<{2,}", line), key=lambda run: (run.start() - run.end(), -run.end())
    )
    for run in runs:
        size = run.end() - run.start() + more
        if size >= 1:
            yield line[: run.start()] + FILLER * size + line[run.end() :]
    if more < 0:
        yield line[:width]
        yield line[-width:]


def _worth(layout: Layout, lines: tuple[str, ...]) -> float:
    """Return how much these lines look like the form: places that fit, and right check digits."""
    places = layout.allowed()
    fit = sum(
        one in may
        for line, row in zip(lines, places, strict=True)
        for one, may in zip(line, row, strict=True)
    )
    return 10 * fit / (layout.lines * layout.width) + 2 * right_checks(layout, lines)


def right_checks(layout: Layout, lines: Sequence[str]) -> int:
    """Return how many check digits are right."""
    return sum(
        span.of(lines) == check_digit("".join(part.of(lines) for part in over))
        for span, over in layout.checks.values()
    )


def _settled(form: Form, lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return lines of a form with each character as its place allows."""
    layout = LAYOUTS[form]
    rows = [
        [_as(one, may) for one, may in zip(line, places, strict=True)]
        for line, places in zip(lines, layout.allowed(), strict=True)
    ]
    settled = ["".join(row) for row in rows]
    for part, span in layout.parts.items():
        old = span.of(settled)
        line = settled[span.line]
        settled[span.line] = line[: span.start] + _part(part, old) + line[span.stop :]
    return tuple(settled)


def _as(one: str, may: frozenset[str]) -> str:
    """Return the character that this one was, if it may not stand where it is."""
    if one in may:
        return one
    if may <= DIGITS | {FILLER}:
        return DIGIT_OF.get(one, one)
    if may <= LETTERS | {FILLER}:
        return LETTER_OF.get(one, one)
    return one


def _part(part: Part, text: str) -> str:
    """Return a part's text with the fillers that were read as K."""
    if part is Part.CODE:
        return text[0] + FILLER if text[1] == "K" else text
    if part in {Part.ISSUER, Part.NATIONALITY}:
        other = text.replace("K", FILLER)
        known = text.rstrip(FILLER) in STATES
        return other if not known and other.rstrip(FILLER) in STATES else text
    if part in {Part.OPTIONAL, Part.SECOND}:
        return LONE_KS.sub(lambda found: FILLER * len(found[0]), text)
    if part is Part.NAME:
        return SPURIOUS.sub(lambda found: FILLER * len(found[0]), text)
    return FILLER if part is Part.SEX and text == "K" else text
