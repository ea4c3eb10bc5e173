"""A document beside the booking: grades and words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from invigilation import mrz
from invigilation.comparing import Field, Finding, Grade, Known, compare, needs_reason, needs_two
from invigilation.document import Fields
from invigilation.mrz import Form
from invigilation.transliteration import recommended
from tests.invigilation.zones import TODAY

FIELDS = Fields(
    surname="ERIKSSON",
    given="ANNA MARIA",
    number="L898902C3",
    issuer="SWE",
    nationality="SWE",
    sex="F",
    born=date(1974, 8, 12),
    expires=date(2031, 4, 15),
)
KNOWN = Known("Anna Maria Eriksson", date(1974, 8, 12), "L898902C3")


def finding(field, fields=FIELDS, known=KNOWN, today=TODAY) -> Finding:
    found = {one.field: one for one in compare(fields, known, today)}
    return found[field]


def name(surname, given_, known) -> Finding:
    return finding(Field.NAME, replace(FIELDS, surname=surname, given=given_), Known(known))


def born(said, known) -> Finding:
    return finding(Field.BORN, replace(FIELDS, born=said), replace(KNOWN, born=known))


def number(said, known) -> Finding:
    return finding(Field.NUMBER, replace(FIELDS, number=said), replace(KNOWN, number=known))


def test_nothing_differs():
    findings = compare(FIELDS, KNOWN, TODAY)

    assert [one.field for one in findings] == list(Field)
    assert {one.grade for one in findings} == {Grade.SAME}
    assert not needs_reason(findings)
    assert not needs_two(findings)


def test_nothing_said():
    findings = compare(Fields(), Known(""), TODAY)

    assert {one.grade for one in findings} == {Grade.UNKNOWN}
    assert not needs_reason(findings)


def test_the_booking_says_its_name_only():
    findings = compare(FIELDS, Known(KNOWN.name), TODAY)

    grades = [one.grade for one in findings]
    assert grades == [Grade.SAME, Grade.UNKNOWN, Grade.UNKNOWN, Grade.SAME, Grade.SAME]


def test_each_finding_has_words_of_its_own():
    for one in (*compare(FIELDS, KNOWN, TODAY), *compare(Fields(), Known(""), TODAY)):
        assert one.words.endswith(".")


SAME = [
    ("ERIKSSON", "ANNA MARIA", "anna maria ERIKSSON"),
    ("OCONNOR", "SEAN", "Seán O'Connor"),
    ("SMITH", "JOHN", "Dr John Smith Jr."),
    ("SMITH", "JOHN PAUL", "John-Paul Smith"),
    ("YILMAZ", "AYSE", "Ayşe Yilmaz"),
    ("MULLER", "JURGEN", "Jürgen Müller"),
    ("SUKARNO", "", "Sukarno"),
    ("", "SUKARNO", "Sukarno"),
    ("SUKARNO", "", "FNU Sukarno"),
    ("NGUYEN", "VAN A", "Van A Nguyen"),
    ("SMITH", "MAX BORN", "Max Born Smith"),
]


@pytest.mark.parametrize(("surname", "given_", "known"), SAME)
def test_the_same_name(surname, given_, known):
    assert name(surname, given_, known).grade is Grade.SAME


EXPLAINED = [
    ("ERIKSSON", "ANNA MARIA", "Eriksson Anna Maria", "order"),
    ("ERIKSSON", "ANNA MARIA", "Eriksson, Anna Maria", "order"),
    ("BORN", "MAX", "Born Max", "order"),
    ("ERIKSSON", "ANNA MARIA", "Anna Eriksson", "booking leaves out: MARIA"),
    ("ERIKSSON", "ANNA MARIA", "Maria Eriksson", "booking leaves out: ANNA"),
    ("ERIKSSON", "ANNA", "Anna Maria Eriksson", "document leaves out: Maria"),
    ("ERIKSSON", "ANNA MARIA", "Anna M. Eriksson", "first letter"),
    ("GARCIA LOPEZ", "JUAN CARLOS", "Juan García", "booking leaves out: CARLOS, LOPEZ"),
    ("ALI", "ALI", "Ali", "booking leaves out: ALI"),
    ("MUELLER", "JUERGEN", "Jürgen Müller", "A to Z"),
    ("MUXXLLER", "JUXXRGEN", "Jürgen Müller", "A to Z"),
    ("NUNXXEZ", "ANA", "Ana Nuñez", "A to Z"),
    ("AASEN", "OEYSTEIN", "Øystein Åsen", "A to Z"),
    ("DJORDJEVIC", "NIKOLA", "Nikola Đorđević", "A to Z"),
    ("SHCHERBAKOVA", "IULIIA", "Юлия Щербакова", "A to Z"),
    ("SHCHERBAKOVA", "IULIIA", "Yulia Shcherbakova", "several ways"),
    ("IVANOV", "ALEKSEI", "Alexey Ivanov", "several ways"),
    ("RAHMAN", "MD KARIM", "Mohammed Karim Rahman", "several ways"),
    ("DELA CRUZ", "MA TERESA", "Maria Teresa dela Cruz", "several ways"),
    ("IVANOV", "IVAN", "Ivan Petrovich Ivanov", "patronymic: Petrovich"),
    ("IVANOV", "IVAN", "Иван Петрович Иванов", "patronymic: Петрович"),
    ("MAMMADOV", "ALI", "Ali Hasan oglu Mammadov", "leaves out: Hasan, oglu"),
    ("AL HASSAN", "OMAR", "Omar Alhassan", "Spaces or hyphens"),
    ("KOWALSKA", "ANNA", "Anna Kowalska-Nowak", "document leaves out: Nowak"),
    ("SUKARNO", "", "Sukarno Putra", "one name only, and leaves out: Putra"),
    ("SMITH", "JANE", "Jane Brown née Smith", "from birth"),
    ("BROWN", "JANE", "Jane Brown geb. Smith", ""),
    ("PAPANDROPOULOUS", "JONATHON ALE", "Jonathon Alexander Papandropoulous", "cuts long"),
]


@pytest.mark.parametrize(("surname", "given_", "known", "words"), EXPLAINED)
def test_names_that_go_together(surname, given_, known, words):
    found = name(surname, given_, known)

    assert found.grade is (Grade.EXPLAINED if words else Grade.SAME)
    assert words in found.words


DIFFERS = [
    ("SMITH", "JOHN", "Jane Smith"),
    ("SMITH", "JOHN", "John Brown"),
    ("ERIKSSON", "ANNA MARIA", "Anna Maria"),
    ("ERIKSSON", "ANNA MARIA", "Eriksson"),
    ("ERIKSSON", "ANNA MARIA", "A. Eriksson"),
    ("ERIKSSON", "ANNA MARIA", "Anna Karin Eriksson"),
    ("SMITH", "ANNA", "Anna Anna"),
    ("SMITH", "JOHN", "Jonathan Smithson"),
    ("PAPANDROPOULOUS", "JONATHON ALE", "Jonathon Boris Papandropoulous"),
    ("BROWN", "JANE", "Kate Green née Brown"),
]


@pytest.mark.parametrize(("surname", "given_", "known"), DIFFERS)
def test_another_name_takes_two_people(surname, given_, known):
    found = name(surname, given_, known)

    assert found.grade is Grade.DIFFERS
    assert needs_reason([found])
    assert needs_two([found])


def test_a_script_that_is_not_compared():
    found = name("LI", "WEI", "李伟")

    assert found.grade is Grade.UNKNOWN
    assert "by eye" in found.words


@pytest.mark.parametrize(
    ("known", "grade", "words"),
    [
        (date(1974, 8, 12), Grade.SAME, "same"),
        (None, Grade.UNKNOWN, "booking"),
        (date(1974, 12, 8), Grade.DIFFERS, "changed places"),
        (date(1975, 8, 12), Grade.DIFFERS, "only the year"),
        (date(1974, 9, 12), Grade.DIFFERS, "only the month"),
        (date(1974, 8, 13), Grade.DIFFERS, "only the day"),
        (date(1980, 1, 1), Grade.DIFFERS, "Another date"),
    ],
)
def test_birth(known, grade, words):
    found = born(date(1974, 8, 12), known)

    assert found.grade is grade
    assert words in found.words
    assert found.said == "12 August 1974"
    assert not needs_two([found])


def test_a_birth_without_its_day():
    assert born(date(1974, 1, 1), date(1974, 8, 12)).grade is Grade.EXPLAINED
    assert born(date(1974, 8, 12), date(1974, 1, 1)).grade is Grade.DIFFERS
    assert born(None, date(1974, 1, 1)).grade is Grade.UNKNOWN


@pytest.mark.parametrize(
    ("said", "known", "grade"),
    [
        ("L898902C3", "l 898902-c3", Grade.SAME),
        ("L8989O2C3", "L898902C3", Grade.EXPLAINED),
        ("00123456", "123456", Grade.EXPLAINED),
        ("L898902C3", "L898902C36", Grade.EXPLAINED),
        ("L898902C3", "L898902C37", Grade.DIFFERS),
        ("L898902C3", "X1234567", Grade.DIFFERS),
        ("L898902C3", None, Grade.UNKNOWN),
        ("L898902C3", " - ", Grade.UNKNOWN),
        ("", "L898902C3", Grade.UNKNOWN),
    ],
)
def test_number(said, known, grade):
    found = number(said, known)

    assert found.grade is grade
    assert not needs_two([found])


@pytest.mark.parametrize(
    ("days", "grade"), [(-1, Grade.DIFFERS), (0, Grade.SAME), (1, Grade.SAME), (3000, Grade.SAME)]
)
def test_expiry(days, grade):
    found = finding(Field.EXPIRES, replace(FIELDS, expires=TODAY + timedelta(days)))

    assert found.grade is grade
    assert needs_two([found]) is (grade is Grade.DIFFERS)


@pytest.mark.parametrize(
    ("code", "grade", "known"),
    [
        ("SWE", Grade.SAME, "Sweden"),
        ("D", Grade.SAME, "Germany"),
        ("UTO", Grade.DIFFERS, ""),
        ("ZZZ", Grade.DIFFERS, ""),
        ("", Grade.UNKNOWN, ""),
    ],
)
def test_issuer(code, grade, known):
    found = finding(Field.ISSUER, replace(FIELDS, issuer=code))

    assert (found.grade, found.known) == (grade, known)
    assert not needs_two([found])


_PART = st.text("abcdefghijklmnopqrstuvwxyzäöüåøñéčşłđþ", min_size=2, max_size=9).filter(
    recommended
)


@given(surname=_PART, given_=st.lists(_PART, min_size=1, max_size=2), form=st.sampled_from(Form))
@settings(deadline=None)
def test_a_document_goes_with_the_name_that_it_was_made_for(surname, given_, form):
    fields = Fields(surname, " ".join(given_), "A1", "NOR", "NOR")
    zone = mrz.parse(mrz.compose(form, fields), TODAY)
    assert zone is not None

    found = name(zone.fields.surname, zone.fields.given, f"{' '.join(given_)} {surname}")

    assert found.grade in {Grade.SAME, Grade.EXPLAINED}


@given(surname=_PART, given_=_PART)
@example(surname="aa", given_="dr")
@settings(deadline=None)
def test_a_person_is_compared_with_themselves(surname, given_):
    assert name(surname, given_, f"{given_} {surname}").grade is Grade.SAME
