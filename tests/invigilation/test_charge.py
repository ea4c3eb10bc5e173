"""Prices: VAT by the penny."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.charge import Charge, ChargeState, Price


@pytest.mark.parametrize(
    ("net", "basis_points", "vat"),
    [
        (4_500, 2_000, 900),
        (0, 2_000, 0),
        (4_500, 0, 0),
        (1, 2_000, 0),
        (2, 2_000, 0),
        (3, 2_000, 1),
        (10, 500, 1),  # half a penny goes up
        (9, 500, 0),
        (99_999, 2_000, 20_000),
        (12_345, 1_750, 2_160),
    ],
)
def test_vat_is_rounded_half_up_to_a_penny(net, basis_points, vat):
    price = Price(net, basis_points)

    assert (price.vat_pence, price.gross_pence) == (vat, net + vat)


@given(st.integers(0, 10_000_000), st.integers(0, 10_000))
@settings(max_examples=100)
def test_the_rounding_is_never_more_than_half_a_penny(net, basis_points):
    vat = Price(net, basis_points).vat_pence

    assert -5_000 < vat * 10_000 - net * basis_points <= 5_000


def test_a_charge_keeps_the_price_of_its_day():
    made = datetime(2026, 11, 23, tzinfo=UTC)

    one = Charge(
        "c",
        "l",
        "b",
        None,
        "no_show",
        "Missed session",
        4_500,
        2_000,
        "GBP",
        ChargeState.HELD,
        None,
        made,
    )

    assert one.price == Price(4_500, 2_000)
