"""What a burst of pictures says together, where one alone may err.

A check digit is weak: it does not tell G from 6, S from 8, L or B from 1, nor a filler from 0, A, K
or U, because their values are alike modulo 10; and names, states and sex have none. So a burst is
read position by position, and what is not agreed upon is not read at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import product

from invigilation.document import Reading, Source
from invigilation.mrz.layout import FILLER, LAYOUTS, Form, Layout, Part, Span, form_of
from invigilation.mrz.mending import mend, right_checks
from invigilation.mrz.zone import Mrz, parse
from invigilation.states import SPECIMEN, STATES

ENOUGH = 2
"""Of several pictures so many have to say the same at a position."""
CLEAR = 4
"""Where so many vote, the commonest character is ahead of the next by two votes."""
ALL = 3
"""When all of so many pictures or more give the same zone, it is believed as it is."""
TRIES = 512
"""So many combinations of doubtful characters are put to the check digits."""
TWINS = {"O": "0", "0": "O", "I": "1", "1": "I"}
"""These look alike in OCR-B to every picture of a burst; a check digit tells them apart."""


def vote(readings: Sequence[Sequence[str]], today: date) -> Reading | None:
    """Return what the readings of a burst say together, one reading a picture; None: not enough.

    A reading without lines, or in another form than the most, counts as a picture without a vote.
    A result has all its check digits right, and:

    - of two or more pictures, `ENOUGH` and more than half of those that vote say the same at each
      position, and where `CLEAR` vote, two more than say anything else; where they do not, and the
      position is under a check digit, the characters read there are tried, and the one combination
      that makes all check digits right is taken;
    - when all say the same and a check digit is wrong, one O for 0 or I for 1 (or the other way)
      in the number is mended, if exactly one such change makes all check digits right;
    - at least one picture gave the whole result (unless a twin was mended);
    - the states are in the list and the names are written as a zone writes them, unless `ALL` or
      more pictures all gave just this.
    """
    zones = [mended for lines in readings if form_of(mended := mend(lines)) is not None]
    votes = _electorate(zones)
    if not votes:
        return None
    form = form_of(votes[0])
    if form is None or (len(readings) > 1 and len(votes) < ENOUGH):
        return None
    found = _elected(form, votes, today)
    if found is None:
        return None
    agreed = sum(_untwinned(zone) == _untwinned(found.lines) for zone in zones)
    sure = agreed == len(readings) >= ALL
    if not (sure or _plausible(found)):
        return None
    return Reading(
        source=Source.MACHINE,
        fields=found.fields,
        lines=found.lines,
        form=found.form.value,
        check_digits_right=True,
        images=len(readings),
        agreed=agreed,
    )


def _electorate(zones: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the zones that vote: of the commonest form, and not far worse than the best."""
    forms: Counter[Form] = Counter()
    for zone in zones:
        form = form_of(zone)
        if form is not None:
            forms[form] += 1 + right_checks(LAYOUTS[form], zone)
    if not forms:
        return []
    form = forms.most_common(1)[0][0]
    some = [(right_checks(LAYOUTS[form], zone), zone) for zone in zones if form_of(zone) is form]
    best = max(right for right, _ in some)
    return [zone for right, zone in some if 2 * right >= best]


def _elected(form: Form, votes: Sequence[tuple[str, ...]], today: date) -> Mrz | None:
    """Return the zone that the votes and the check digits make, if they make one."""
    layout = LAYOUTS[form]
    covered = _covered(layout)
    settled = [list(line) for line in votes[0]]
    doubts: list[tuple[int, int, list[str]]] = []
    agreed = True
    for row, place in product(range(layout.lines), range(layout.width)):
        count = Counter(vote[row][place] for vote in votes)
        settled[row][place] = count.most_common(1)[0][0]
        if not _agreed(count):
            agreed = False
            if (row, place) not in covered:
                return None
        if len(count) > 1 and (row, place) in covered:
            doubts.append((row, place, list(count)))
    firm = _right(settled, today) if agreed else None
    if firm is None:
        tried = _tries(settled, doubts) if doubts else _twins(settled, layout)
        good = [zone for lines in tried if (zone := _right(lines, today)) is not None]
        firm = good[0] if len(good) == 1 else None
    seen = firm is not None and any(vote == firm.lines for vote in votes)
    return firm if seen or not doubts else None


def _agreed(count: Counter[str]) -> bool:
    """Say whether these votes for one position settle it."""
    voters = count.total()
    most, second = [*(many for _, many in count.most_common(2)), 0][:2]
    ahead = voters < CLEAR or most - second >= ENOUGH
    return 2 * most > voters and most >= min(ENOUGH, voters) and ahead


def _covered(layout: Layout) -> frozenset[tuple[int, int]]:
    """Return the positions that are under a check digit, or hold one."""
    spans = [one for digit, over in layout.checks.values() for one in (digit, *over)]
    return frozenset((one.line, place) for one in spans for place in range(one.start, one.stop))


def _tries(
    settled: Sequence[Sequence[str]], doubts: Sequence[tuple[int, int, list[str]]]
) -> Iterator[list[list[str]]]:
    """Yield the lines with each combination of what was read at the doubtful positions."""
    size = 1
    for _, _, choices in doubts:
        size *= len(choices)
    if size > TRIES:
        return
    for combination in product(*(choices for _, _, choices in doubts)):
        lines = [list(line) for line in settled]
        for (row, place, _), one in zip(doubts, combination, strict=True):
            lines[row][place] = one
        yield lines


def _twins(settled: Sequence[Sequence[str]], layout: Layout) -> Iterator[list[list[str]]]:
    """Yield the lines with one character of the number as its twin."""
    span: Span = layout.parts[Part.NUMBER]
    for place in range(span.start, span.stop):
        if (other := TWINS.get(settled[span.line][place])) is not None:
            lines = [list(line) for line in settled]
            lines[span.line][place] = other
            yield lines


def _untwinned(lines: Sequence[str]) -> str:
    return "".join(lines).translate(_UNTWIN)


_UNTWIN = str.maketrans("OI", "01")


def _right(lines: Sequence[Sequence[str]], today: date) -> Mrz | None:
    zone = parse(["".join(line) for line in lines], today)
    return zone if zone is not None and zone.right else None


def _plausible(zone: Mrz) -> bool:
    """Say whether the parts without check digits are such as a zone has."""
    known = STATES.keys() | {SPECIMEN}
    name = LAYOUTS[zone.form].parts[Part.NAME].of(zone.lines).rstrip(FILLER)
    return (
        zone.fields.issuer in known
        and zone.fields.nationality in known
        and name[:1].isalpha()
        and name.count(FILLER * 2) <= 1
        and FILLER * 3 not in name
    )
