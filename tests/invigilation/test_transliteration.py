# ruff: noqa: RUF001  letters of other scripts look like Latin ones
"""Names as zones spell them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.letters import LETTERS
from invigilation.transliteration import MOST, recommended, to_mrz


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("Müller", {"MUELLER", "MULLER", "MUXXLLER"}),
        ("Ñandú", {"NANDU", "NXXANDU"}),
        ("Øystein Åsen", {"OEYSTEIN AASEN", "OEYSTEIN ASEN", "OYSTEIN AASEN", "OYSTEIN ASEN"}),
        ("Groß", {"GROSS"}),
        ("O'Connor-Smith", {"OCONNOR SMITH"}),
        ("d\N{RIGHT SINGLE QUOTATION MARK}Arc", {"DARC"}),
        ("J. P.", {"J P"}),
        ("Łukasz Æbelø", {"LUKASZ AEBELOE", "LUKASZ AEBELO"}),
        ("Þór", {"THOR"}),
        ("Yıldız İnce", {"YILDIZ INCE"}),
        ("Nguyễn Văn", {"NGUYEN VAN"}),
        ("e\N{COMBINING ACUTE ACCENT}a", {"EA"}),
        ("محمود", {"MXHMWD"}),
        ("Παπα", {"PAPA"}),
        ("Вера", {"VERA", "VYERA"}),
        ("李伟", set()),
        ("", set()),
        ("<<", set()),
    ],
)
def test_spellings(name, spellings):
    assert to_mrz(name) == spellings


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("Юлия Щербакова", "IULIIA SHCHERBAKOVA"),
        ("Хрущёв", "KHRUSHCHEV"),
        ("Ürgen Ångström", "UERGEN AANGSTROEM"),
        ("ß", "SS"),
        ("Anna   Maria", "ANNA MARIA"),
    ],
)
def test_the_recommended_spelling(name, spelling):
    assert recommended(name) == spelling


def test_a_letter_has_one_spelling_throughout_a_name():
    assert to_mrz("Öö") == {"OEOE", "OO"}


def test_many_letters_with_many_spellings_stay_few():
    assert len(to_mrz("ÄÅĐÑŊÖØÜŐŰƏГЕЁЄЖИЇЙХЦЧШЩ")) == MOST


@given(st.text())
@settings(deadline=None)
def test_any_text_is_spelt_in_the_zones_letters(text):
    spellings = to_mrz(text)

    assert len(spellings) <= MOST
    assert all(re.fullmatch("[A-Z0-9]+( [A-Z0-9]+)*", one) for one in spellings)
    assert recommended(text) in spellings | {""}


@given(st.text(st.sampled_from(sorted(LETTERS) + list("abc -'")), max_size=12))
@settings(deadline=None)
def test_what_is_spelt_is_spelt_the_same_again(text):
    for one in to_mrz(text):
        assert to_mrz(one) == {one}
