"""Zones taken apart, put together, mended."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import mrz
from invigilation.document import Fields
from invigilation.mrz import LAYOUTS, Form, Part
from tests.invigilation.zones import CARD, EXAMPLES, LONG_NUMBER, PASSPORT, TODAY, holders

FORMS = st.sampled_from(list(Form))


def with_part(lines, form, part, text):
    """Return the lines with another text at a part; check digits stay as they were."""
    span = LAYOUTS[form].parts[part]
    line = lines[span.line]
    changed = line[: span.start] + text + line[span.stop :]
    return tuple(changed if row == span.line else one for row, one in enumerate(lines))


def dated(born=None, expires=None, today=TODAY):
    lines = mrz.compose(Form.TD3, Fields("A", number="1", born=born, expires=expires))
    zone = mrz.parse(lines, today)
    assert zone is not None
    return zone


@pytest.mark.parametrize("form", Form)
def test_the_examples_of_the_standard_are_right(form):
    zone = mrz.parse(EXAMPLES[form], TODAY)

    assert zone is not None
    assert zone.form is form
    assert zone.right
    assert (zone.fields.surname, zone.fields.given) == ("ERIKSSON", "ANNA MARIA")
    assert zone.fields.sex == "F"


def test_a_passport_says():
    zone = mrz.parse(PASSPORT, TODAY)

    assert zone is not None
    assert zone.fields == Fields(
        surname="ERIKSSON",
        given="ANNA MARIA",
        number="L898902C3",
        issuer="UTO",
        nationality="UTO",
        sex="F",
        born=date(1974, 8, 12),
        expires=date(2012, 4, 15),
    )
    assert [name for name, _ in zone.checks] == [
        "number",
        "born",
        "expires",
        "optional",
        "composite",
    ]


def test_a_long_number_goes_on_in_the_optional_field():
    zone = mrz.parse(LONG_NUMBER, TODAY)

    assert zone is not None
    assert zone.fields.number == "D23145890734"
    assert zone.right
    assert mrz.compose(Form.TD1, zone.fields) == LONG_NUMBER


def test_germany_has_one_letter():
    lines = mrz.compose(Form.TD3, Fields("MUSTERMANN", "ERIKA", "C01X00T47", "D", "D"))

    assert lines[0].startswith("P<D<<MUSTERMANN<<ERIKA<")
    zone = mrz.parse(lines, TODAY)
    assert zone is not None
    assert (zone.fields.issuer, zone.fields.nationality) == ("D", "D")


@given(form=FORMS, fields=holders())
@settings(deadline=None)
def test_what_is_composed_is_parsed(form, fields):
    zone = mrz.parse(mrz.compose(form, fields), TODAY)

    assert zone is not None
    assert zone.right
    assert zone.form is form
    assert zone.fields == fields


@given(form=st.sampled_from([Form.TD1, Form.TD2]), fields=holders(most=14))
@settings(deadline=None)
def test_long_numbers_are_parsed(form, fields):
    room = LAYOUTS[form].parts[Part.OPTIONAL].width
    if len(fields.number) > 9 + room - 1:
        with pytest.raises(ValueError, match="does not fit"):
            mrz.compose(form, fields)
        return

    zone = mrz.parse(mrz.compose(form, fields), TODAY)

    assert zone is not None
    assert zone.right
    assert zone.fields == fields


@given(fields=holders(), data=st.data())
@settings(deadline=None)
def test_another_digit_in_a_date_is_not_right(fields, data):
    lines = mrz.compose(Form.TD3, fields)
    place = data.draw(st.integers(13, 18))
    other = data.draw(st.sampled_from([one for one in "0123456789" if one != lines[1][place]]))

    # A filler counts as 0 in the sum.
    if lines[1][place] == "<" and other == "0":
        return
    zone = mrz.parse((lines[0], lines[1][:place] + other + lines[1][place + 1 :]), TODAY)

    assert zone is not None
    assert not zone.right


@pytest.mark.parametrize(
    ("text", "right"), [("991399", False), ("AB0101", False), ("<<<<<<", True), ("74<<<<", True)]
)
def test_dates_that_are_no_days(text, right):
    lines = with_part(PASSPORT, Form.TD3, Part.BORN, text)
    line = lines[1][:19] + mrz.check_digit(text) + lines[1][20:]
    composite = mrz.check_digit(line[:10] + line[13:20] + line[21:43])

    zone = mrz.parse((lines[0], line[:43] + composite), TODAY)

    assert zone is not None
    assert zone.fields.born is None
    assert zone.right is right


@pytest.mark.parametrize(
    ("day", "today"),
    [
        (TODAY, TODAY),
        (date(2000, 2, 29), TODAY),
        (date(1926, 11, 23), TODAY),
        (date(1999, 12, 31), date(2099, 12, 30)),
    ],
)
def test_a_birth_is_not_in_the_future(day, today):
    assert dated(born=day, today=today).fields.born == day


def test_a_birth_of_the_29th_of_february_a_century_ago_is_no_day():
    # 2000 is the only year 00 that had that day, and it is not yet 2100.
    assert dated(born=date(2000, 2, 29), today=date(2000, 2, 28)).fields.born is None


@pytest.mark.parametrize(
    "day", [date(2046, 12, 31), date(1976, 1, 1), date(1999, 1, 1), date(2075, 1, 1), TODAY]
)
def test_an_expiry_is_near(day):
    assert dated(expires=day).fields.expires == day


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("", ""),
        PASSPORT[:1],
        (PASSPORT[0], PASSPORT[1][:-1]),
        (PASSPORT[0], PASSPORT[1].replace("<", "*")),
        (*PASSPORT, PASSPORT[1]),
        ("ß" * 44, "ß" * 44),
    ],
)
def test_what_is_no_zone(lines):
    assert mrz.parse(lines, TODAY) is None


def test_spaces_around_and_small_letters_are_forgiven():
    zone = mrz.parse([f" {line.lower()}\n" for line in PASSPORT], TODAY)

    assert zone is not None
    assert zone.right


@pytest.mark.parametrize(
    ("surname", "given", "width", "field"),
    [
        ("ERIKSSON", "ANNA", 30, "ERIKSSON<<ANNA"),
        ("ARKFREITH", "", 30, "ARKFREITH"),
        ("", "ANNA", 30, "ANNA"),
        ("PAPANDROPOULOUS", "JONATHON ALEXANDER", 30, "PAPANDROPOULOUS<<JONATHON<ALEX"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ ABCDEFGH", "ANNA", 30, "ABCDEFGHIJKLMNOPQRSTUVWX<<ANNA"),
    ],
)
def test_names_are_cut_and_keep_a_given_name(surname, given, width, field):
    lines = mrz.compose(Form.TD1, Fields(surname, given))

    assert lines[2] == field.ljust(width, "<")


@given(surname=st.text(max_size=60), given_=st.text(max_size=60), form=FORMS)
@settings(deadline=None)
def test_any_name_is_composed(surname, given_, form):
    lines = mrz.compose(form, Fields(surname, given_))

    assert mrz.parse(lines, TODAY) is not None


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="number does not fit"):
        mrz.compose(Form.TD3, Fields("A", number="1234567890"))
    with pytest.raises(ValueError, match="optional does not fit"):
        mrz.compose(Form.TD1, Fields("A"), optional="X" * 16)


def test_an_optional_text_and_a_code_are_written():
    lines = mrz.compose("TD1", Fields("A"), code="AC", optional="12345", second="67")

    assert lines[0].startswith("AC")
    assert lines[0][15:] == "12345<<<<<<<<<<"
    assert lines[1][18:29] == "67<<<<<<<<<"


MISREAD = {
    "letters for digits": ("L898902C36UTO74O8I22F12O4159ZE184226B<<<<<1O", PASSPORT[1]),
    "digits for letters": ("L898902C36UT07408122F1204159ZE184226B<<<<<10", PASSPORT[1]),
    "fillers as K": ("L898902C36UTO7408122F1204159ZE184226B<K<<<10", PASSPORT[1]),
    "a filler too many": ("L898902C36UTO7408122F1204159ZE184226B<<<<<<10", PASSPORT[1]),
    "two fillers too few": ("L898902C36UTO7408122F1204159ZE184226B<<<10", PASSPORT[1]),
    "spaces": ("L898902C36UTO7408122F1204159 ZE184226B << <<<10", PASSPORT[1]),
    "small letters": ("l898902c36uto7408122f1204159ze184226b<<<<<10", PASSPORT[1]),
}


@pytest.mark.parametrize("case", MISREAD)
def test_a_line_is_mended(case):
    read, line = MISREAD[case]

    assert mrz.mend([PASSPORT[0], read]) == (PASSPORT[0], line)


@pytest.mark.parametrize(
    "read",
    [
        "P<UTOERIKSSON<<ANNA<MARIA<<<KKK<<<<<<K<<<<<<",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<<<",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<",
        "P<UT0ER1K55ON<<ANNA<MAR1A<<<<<<<<<<<<<<<<<<<",
        "PKUTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "P«UTOERIKSSON«ANNA<MARIA««««««««««",
    ],
)
def test_a_line_of_names_is_mended(read):
    if "«" in read:
        read = read.replace("P«", "P<")

    assert mrz.mend([read, PASSPORT[1]]) == PASSPORT


def test_of_equal_runs_the_last_one_was_miscounted():
    line = "I<NORBERG<AASEN<<KARI<OLINE<ANNA<<<<"

    assert mrz.mend([line[:-2], "A1<<<<<<<2NOR<<<<<<0M<<<<<<0<<<<<<<0"])[0] == line


def test_an_initial_k_stays():
    line = "P<INDRAMANATHAN<<S<K<<<<<<<<<<<<<<<<<<<<<<<<"

    assert mrz.mend([line, PASSPORT[1]])[0] == line


def test_lines_around_the_zone_are_left_out():
    around = ["REPUBLIC OF UTOPIA", "12 AUG / AOUT 74", *CARD, "12"]

    assert mrz.mend(around) == CARD


@given(form=FORMS, fields=holders(), optional=st.text("ABCXYZ0123456789", max_size=5))
@settings(deadline=None)
def test_what_is_right_stays(form, fields, optional):
    lines = mrz.compose(form, fields, optional=optional)

    assert mrz.mend(lines) == lines


@given(form=FORMS, fields=holders(), more=st.integers(-6, 6))
@settings(deadline=None)
def test_miscounted_fillers_behind_names_are_mended(form, fields, more):
    lines = mrz.compose(form, fields)
    span = LAYOUTS[form].parts[Part.NAME]
    row = lines[span.line]
    if len(row) - len(row.rstrip("<")) < 8:
        return
    read = [line if line is not row else row.rstrip("<") for line in lines]
    read[span.line] += "<" * (len(row) - len(row.rstrip("<")) + more)

    assert mrz.mend(read) == lines
