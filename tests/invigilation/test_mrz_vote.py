"""What the pictures of a burst say together: never more than enough of them agree upon."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import mrz
from invigilation.document import Fields, Source
from invigilation.mrz import Form
from tests.invigilation.zones import CARD, EXAMPLES, PASSPORT, TODAY, holders

# A state that is in the list, unlike Utopia, which only specimens have.
HOLDER = Fields("HANSEN", "KARI OLINE", "GA0123456", "NOR", "NOR", "F")
ZONE = mrz.compose(Form.TD3, HOLDER)


def misread(lines, row, place, one):
    line = lines[row]
    return tuple(
        line[:place] + one + line[place + 1 :] if number == row else text
        for number, text in enumerate(lines)
    )


NAME = 10
"""A position in the name on the first line."""


def test_a_burst_that_agrees():
    reading = mrz.vote([ZONE] * 4 + [()], TODAY)

    assert reading is not None
    assert reading.source is Source.MACHINE
    assert reading.fields == HOLDER
    assert reading.lines == ZONE
    assert reading.form == "TD3"
    assert reading.check_digits_right
    assert (reading.images, reading.agreed) == (5, 4)


@pytest.mark.parametrize("form", Form)
def test_a_picture_alone_is_believed_when_all_is_in_order(form):
    reading = mrz.vote([EXAMPLES[form]], TODAY)

    assert reading is not None
    assert (reading.images, reading.agreed) == (1, 1)


@pytest.mark.parametrize("readings", [[], [()], [(), ()], [("THE", "QUICK")] * 3])
def test_nothing_read(readings):
    assert mrz.vote(readings, TODAY) is None


def test_one_of_several_is_not_enough():
    assert mrz.vote([ZONE, (), ()], TODAY) is None


def test_each_picture_errs_elsewhere_in_the_name():
    readings = [
        ZONE,
        ZONE,
        misread(ZONE, 0, NAME, "X"),
        misread(ZONE, 0, NAME + 2, "X"),
        misread(ZONE, 0, 6, "X"),
    ]

    reading = mrz.vote(readings, TODAY)

    assert reading is not None
    assert reading.lines == ZONE
    assert reading.agreed == 2


@pytest.mark.parametrize(("good", "bad"), [(1, 1), (2, 2), (3, 2)])
def test_a_name_that_is_in_doubt_is_not_read(good, bad):
    readings = [ZONE] * good + [misread(ZONE, 0, NAME, "X")] * bad

    assert mrz.vote(readings, TODAY) is None


def test_no_picture_gave_the_whole():
    readings = [misread(ZONE, 0, 5 + place, "X") for place in range(5)]

    # Each position is clear, but a zone that nobody saw is not believed where numbers were tried.
    readings = [misread(one, 1, 2 + place, "9") for place, one in enumerate(readings)]

    assert mrz.vote(readings, TODAY) is None


def test_check_digits_settle_what_votes_do_not():
    readings = [ZONE, ZONE, misread(ZONE, 1, 4, "8"), misread(ZONE, 1, 4, "8")]

    reading = mrz.vote(readings, TODAY)

    assert reading is not None
    assert reading.fields.number == "GA0123456"
    assert reading.agreed == 2


def test_a_check_digit_does_not_tell_g_from_6():
    fields = Fields("HANSEN", "KARI", "AB6123456", "NOR", "NOR", "F")
    zone = mrz.compose(Form.TD3, fields)
    other = misread(zone, 1, 2, "G")
    assert mrz.parse(other, TODAY).right

    assert mrz.vote([zone, zone, other, other], TODAY) is None


def test_a_twin_that_all_read_is_mended():
    wrong = misread(ZONE, 1, 2, "O")
    assert not mrz.parse(wrong, TODAY).right

    reading = mrz.vote([wrong] * 3, TODAY)

    assert reading is not None
    assert reading.fields.number == "GA0123456"
    assert (reading.images, reading.agreed) == (3, 3)


def test_another_error_that_all_make_is_not_mended():
    assert mrz.vote([misread(ZONE, 1, 4, "8")] * 5, TODAY) is None


def test_a_state_that_there_is_not_needs_all_pictures():
    lines = mrz.compose(Form.TD3, Fields("HANSEN", "KARI", "GA1", "NQR", "NOR", "F"))

    assert mrz.vote([lines], TODAY) is None
    assert mrz.vote([lines] * 2, TODAY) is None
    assert mrz.vote([lines] * 3 + [()], TODAY) is None
    assert mrz.vote([lines] * 3, TODAY) is not None


def test_the_commonest_form_is_read():
    reading = mrz.vote([CARD, CARD, PASSPORT, CARD], TODAY)

    assert reading is not None
    assert reading.form == "TD1"
    assert (reading.images, reading.agreed) == (4, 3)


def test_junk_of_the_same_size_has_no_vote():
    junk = ("P<" + "X" * 42, "9" * 44)

    reading = mrz.vote([ZONE, ZONE, junk, junk], TODAY)

    assert reading is not None
    assert reading.lines == ZONE


@given(form=st.sampled_from(list(Form)), fields=holders(), images=st.integers(2, 6))
@settings(deadline=None)
def test_a_burst_read_rightly_is_read(form, fields, images):
    lines = mrz.compose(form, fields)

    reading = mrz.vote([lines] * images, TODAY)

    assert reading is not None
    assert reading.lines == lines
    assert reading.fields == fields


@given(form=st.sampled_from(list(Form)), fields=holders(), data=st.data())
@settings(deadline=None)
def test_one_that_errs_among_four_changes_nothing(form, fields, data):
    lines = mrz.compose(form, fields)
    row = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(1, len(lines[0]) - 1))
    other = misread(lines, row, place, data.draw(st.sampled_from("ABCDEFGHIJ0123456789<")))

    reading = mrz.vote([lines, other, lines, lines], TODAY)

    # The one may be read as another form only by its first letter, which stays.
    assert reading is not None
    assert reading.lines == lines
    assert reading.agreed >= 3


@given(readings=st.permutations([ZONE, ZONE, ZONE, misread(ZONE, 0, NAME, "X"), ()]))
@settings(deadline=None)
def test_the_order_of_pictures_does_not_matter(readings):
    reading = mrz.vote(readings, TODAY)

    assert reading is not None
    assert (reading.lines, reading.images, reading.agreed) == (ZONE, 5, 3)
