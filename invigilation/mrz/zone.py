"""A machine-readable zone as text: taken apart and put together. ICAO 9303 parts 3 to 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from invigilation.document import Fields
from invigilation.mrz.layout import (
    ALPHABET,
    FILLER,
    LAYOUTS,
    LONG_NUMBERS,
    Check,
    Form,
    Layout,
    Part,
    check_digit,
    form_of,
)
from invigilation.transliteration import recommended

AHEAD_YEARS = 20
BACK_YEARS = 50
"""An expiry is at most so far ahead; but no zone is so old as to have expired before that."""
CENTURY = 100
KEPT = 4
CODES = {Form.TD1: "I", Form.TD2: "I", Form.TD3: "P", Form.MRV_A: "V", Form.MRV_B: "V"}


@dataclass(frozen=True, slots=True)
class Mrz:
    """A zone: its form and lines, what it says, and which check digits are right.

    `right`: all check digits are right, only characters stand where they may, and the dates are
    days of the calendar. The names, the states and the sex are under no check digit (in TD1 the
    composite leaves them out, too).
    """

    form: Form
    lines: tuple[str, ...]
    fields: Fields
    checks: tuple[tuple[str, bool], ...]
    right: bool


def parse(lines: Sequence[str], today: date) -> Mrz | None:
    """Return what the lines say; None: they are in no form of a zone, by size or by alphabet.

    Spaces around a line and small letters are forgiven. Years have two digits: a birth is not
    after `today`; an expiry is the one at most `AHEAD_YEARS` ahead, but when that is more than
    `BACK_YEARS` back, the one a century later. A date that has fillers in it is not said.
    """
    clean = tuple(line.strip().upper() for line in lines)
    form = form_of(clean)
    if form is None or not all(ALPHABET.issuperset(line) for line in clean):
        return None
    layout = LAYOUTS[form]
    texts = {part: span.of(clean) for part, span in layout.parts.items()}
    number, digit = _number(form, texts, layout.checks[Check.NUMBER][0].of(clean))
    checks = tuple(
        (check.value, _right(number, digit))
        if check is Check.NUMBER
        else (check.value, _right("".join(one.of(clean) for one in over), span.of(clean)))
        for check, (span, over) in layout.checks.items()
    )
    born, expires = _born(texts[Part.BORN], today), _expires(texts[Part.EXPIRES], today)
    surname, given = _names(texts[Part.NAME])
    fields = Fields(
        surname=surname,
        given=given,
        number=_spaced(number),
        issuer=_spaced(texts[Part.ISSUER]),
        nationality=_spaced(texts[Part.NATIONALITY]),
        sex=texts[Part.SEX].replace(FILLER, "").replace("X", ""),
        born=born,
        expires=expires,
    )
    days = all(
        day is not None or FILLER in texts[part]
        for part, day in ((Part.BORN, born), (Part.EXPIRES, expires))
    )
    right = days and fits(layout, clean) and all(good for _, good in checks)
    return Mrz(form, clean, fields, checks, right)


def fits(layout: Layout, lines: Sequence[str]) -> bool:
    """Say whether each character stands where such a one may."""
    return all(
        one in may
        for line, places in zip(lines, layout.allowed(), strict=True)
        for one, may in zip(line, places, strict=True)
    )


def compose(
    form: Form | str,
    fields: Fields,
    *,
    code: str = "",
    optional: str = "",
    second: str = "",
) -> tuple[str, ...]:
    """Return the lines of a zone with its check digits.

    `code` is the kind of document, one or two letters (empty: the usual one of the form). Texts
    are brought into the zone's letters, names are cut to what fits. A number longer than nine goes
    on in the optional field where the form has that; elsewhere, or when an optional text does not
    fit, it raises ValueError.
    """
    form = Form(form)
    layout = LAYOUTS[form]
    number = _plain(fields.number)
    digit, rest = check_digit(number or FILLER), _plain(optional)
    if len(number) > layout.parts[Part.NUMBER].width and form in LONG_NUMBERS:
        rest = number[9:] + digit + FILLER + rest
        number, digit = number[:9], FILLER
    rows = [[FILLER] * layout.width for _ in range(layout.lines)]
    texts = {
        Part.CODE: _plain(code) or CODES[form],
        Part.ISSUER: _plain(fields.issuer),
        Part.NAME: name_field(fields.surname, fields.given, layout.parts[Part.NAME].width),
        Part.NUMBER: number,
        Part.NATIONALITY: _plain(fields.nationality),
        Part.BORN: _six(fields.born),
        Part.SEX: fields.sex if fields.sex in {"M", "F"} else FILLER,
        Part.EXPIRES: _six(fields.expires),
        Part.OPTIONAL: rest.rstrip(FILLER),
    } | ({Part.SECOND: _plain(second)} if Part.SECOND in layout.parts else {})
    for part, text in texts.items():
        span = layout.parts[part]
        if len(text) > span.width:
            raise ValueError(f"the {part} does not fit: {text}")
        rows[span.line][span.start : span.start + len(text)] = text
    for check, (span, over) in layout.checks.items():
        if check is Check.NUMBER:
            rows[span.line][span.start] = digit
            continue
        text = "".join(one for part in over for one in rows[part.line][part.start : part.stop])
        rows[span.line][span.start] = check_digit(text)
    return tuple("".join(row) for row in rows)


def name_field(surname: str, given: str, width: int) -> str:
    """Return the two names as they stand in a zone, cut to `width` where they are longer.

    Of the given names the first `KEPT` letters stay (part 4, section 4.2.3, asks for one or more).
    """
    first, last = _plain(given), _plain(surname)
    if not first or not last:
        return (last or first)[:width]
    room = width - 2 - min(len(first.partition(FILLER)[0]), KEPT)
    last = last[:room].rstrip(FILLER)
    return f"{last}{FILLER * 2}{first}"[:width].rstrip(FILLER)


def _plain(text: str) -> str:
    return recommended(text).replace(" ", FILLER)


def _six(day: date | None) -> str:
    return FILLER * 6 if day is None else f"{day:%y%m%d}"


def _spaced(text: str) -> str:
    return " ".join(text.replace(FILLER, " ").split())


def _names(text: str) -> tuple[str, str]:
    """Return surname and given names; a single name is a surname."""
    surname, _, given = text.strip(FILLER).partition(FILLER * 2)
    return _spaced(surname), _spaced(given)


def _number(form: Form, texts: dict[Part, str], digit: str) -> tuple[str, str]:
    """Return the document's number with its fillers, and its check digit.

    A filler in the check digit's place says that the number goes on in the optional field, up to
    the first filler there; the last character before that is the check digit.
    """
    number = texts[Part.NUMBER]
    more = texts[Part.OPTIONAL].partition(FILLER)[0]
    if form in LONG_NUMBERS and digit == FILLER and len(more) > 1 and FILLER not in number:
        return number + more[:-1], more[-1]
    return number, digit


def _right(text: str, digit: str) -> bool:
    """Say whether the digit is right; a filler is for a text of fillers only."""
    if digit == FILLER:
        return not text.strip(FILLER)
    return digit == check_digit(text)


def _parts(text: str) -> tuple[int, int, int] | None:
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text[:2]), int(text[2:4]), int(text[4:])


def _born(text: str, today: date) -> date | None:
    parts = _parts(text)
    if parts is None:
        return None
    year, month, day = parts
    base = today.year - today.year % CENTURY + year
    found = _day(base, month, day)
    if base > today.year or (found is not None and found > today):
        return _day(base - CENTURY, month, day)
    return found


def _expires(text: str, today: date) -> date | None:
    parts = _parts(text)
    if parts is None:
        return None
    year, month, day = parts
    last = today.year + AHEAD_YEARS
    whole = last - (last - year) % CENTURY
    if whole < today.year - BACK_YEARS:
        whole += CENTURY
    return _day(whole, month, day)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
