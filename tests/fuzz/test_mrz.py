"""Anything at all given as lines of a zone, or as a name: answered, never a crash."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import mrz
from invigilation.comparing import Field, Known, compare
from invigilation.document import Fields
from tests.invigilation.zones import EXAMPLES, TODAY

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
NEAR = st.sampled_from([*ALPHABET, " ", "«", "ß", "k", "\N{COMBINING ACUTE ACCENT}"])
LINES = st.lists(st.text() | st.text(NEAR, min_size=26, max_size=48), max_size=5)
ZONES = st.one_of(
    [
        st.lists(st.text(ALPHABET, min_size=size, max_size=size), min_size=rows, max_size=rows)
        for rows, size in ((3, 30), (2, 36), (2, 44))
    ]
)


@given(lines=LINES | ZONES, today=st.dates())
@settings(max_examples=300, deadline=None)
def test_any_lines_are_parsed_or_not(lines, today):
    zone = mrz.parse(lines, today)

    assert zone is None or zone.form in EXAMPLES


@given(lines=LINES | ZONES)
@settings(max_examples=300, deadline=None)
def test_mending_again_changes_nothing(lines):
    once = mrz.mend(lines)

    assert mrz.mend(once) == once


@given(readings=st.lists(LINES | ZONES, max_size=6), today=st.dates())
@settings(max_examples=200, deadline=None)
def test_any_readings_are_voted(readings, today):
    reading = mrz.vote(readings, today)

    assert reading is None or reading.check_digits_right


@given(surname=st.text(), given_=st.text(), number=st.text(), issuer=st.text(), name=st.text())
@settings(max_examples=300, deadline=None)
def test_any_texts_are_compared(surname, given_, number, issuer, name):
    fields = Fields(surname, given_, number, issuer, born=date.min, expires=date.max)

    findings = compare(fields, Known(name, date.max, number), TODAY)

    assert [one.field for one in findings] == list(Field)


def test_a_very_long_text_is_cut():
    lines = mrz.mend(["<" * 100_000] * 1000)

    assert sum(map(len, lines)) < 10_000
