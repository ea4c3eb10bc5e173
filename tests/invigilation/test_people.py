"""Names, addresses and zones, as people type them."""

from __future__ import annotations

from email.headerregistry import Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from invigilation.errors import InvalidInput
from invigilation.people import Role, Staff, clean_email, clean_name
from invigilation.zones import clean_zone


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Maria Santos", "Maria Santos"),
        ("  Maria \t\n Santos ", "Maria Santos"),
        ("Nguyễn Thị Hồng", "Nguyễn Thị Hồng"),
        ("محمد", "محمد"),
        ("Sinéad O'Connor-Li, Jr.", "Sinéad O'Connor-Li, Jr."),
        ("x" * 200, "x" * 200),
    ],
)
def test_a_name_is_kept_with_its_white_space_folded(raw, clean):
    assert clean_name(raw) == clean


@pytest.mark.parametrize("raw", ["", "  \n ", "x" * 201, "Maria\0", "Ma\x1bria", "Ma\u202eria"])
def test_a_name_that_is_none_is_refused(raw):
    with pytest.raises(InvalidInput) as refused:
        clean_name(raw)

    assert refused.value.field == "name"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Maria@Example.ORG", "maria@example.org"),
        ("  a@b.example ", "a@b.example"),
        ("first.last+ship_4'x@mail.example.co", "first.last+ship_4'x@mail.example.co"),
        ("master@xn--bcher-kva.example", "master@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_kept_in_lower_case(raw, clean):
    assert clean_email(raw) == clean


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "maria",
        "@example.org",
        "maria@",
        "maria@example.org, eve@example.org",
        "maria@example.org\nBcc: eve@example.org",
        "Maria <maria@example.org>",
        "maria@@example.org",
        "ma ria@example.org",
        "maria@exa_mple.org",
        "maria@-example.org",
        "maria@example.org.",
        "maria..s@example.org",
        ".maria@example.org",
        "maria.@example.org",
        "maria@example..org",
        "jürgen@example.org",
        "maria@bücher.example",
        "mar\0ia@example.org",
        "x" * 250 + "@b.example",
        "x" * 65 + "@b.example",
    ],
)
def test_an_address_that_is_none_is_refused(raw):
    with pytest.raises(InvalidInput) as refused:
        clean_email(raw)

    assert refused.value.field == "email"


@given(st.from_regex(r"[^\s@]{1,10}@[^\s@]{1,12}", fullmatch=True) | st.text(max_size=30))
@example("a'b@c.d")
@settings(max_examples=200)
def test_whatever_passes_can_stand_in_the_head_of_a_mail(raw):
    try:
        clean = clean_email(raw)
    except InvalidInput:
        return

    assert Address("Maria", addr_spec=clean).addr_spec == clean


@pytest.mark.parametrize("raw", ["Europe/London", "Asia/Manila", "UTC"])
def test_a_zone_that_the_world_has_is_kept(raw):
    assert clean_zone(raw) == raw


@pytest.mark.parametrize("raw", ["", "Atlantis", "../etc/passwd", "/etc/localtime", "GMT+25"])
def test_a_zone_that_it_has_not_is_refused(raw):
    with pytest.raises(InvalidInput) as refused:
        clean_zone(raw)

    assert refused.value.field == "zone"


def test_staff_hold_just_their_roles():
    one = Staff("st", "s@example.org", "S", frozenset({Role.SCHEDULER}))

    assert [role for role in Role if one.is_a(role)] == [Role.SCHEDULER]
