"""The end of a licence: six months, to the end of the last day in London."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.office_hours import LONDON
from invigilation.request import end_of_day, licence_end


@pytest.mark.parametrize(
    ("purchased", "end"),
    [
        # The last day is the same day of the month, and it ends at London's midnight.
        (date(2026, 5, 20), "2026-11-21T00:00"),  # GMT
        (date(2026, 11, 20), "2027-05-20T23:00"),  # BST
        (date(2026, 1, 10), "2026-07-10T23:00"),
        # A day that the last month lacks is that month's last day.
        (date(2026, 8, 31), "2027-03-01T00:00"),
        (date(2026, 8, 29), "2027-03-01T00:00"),
        (date(2026, 8, 28), "2027-03-01T00:00"),
        (date(2026, 8, 27), "2027-02-28T00:00"),
        (date(2026, 3, 31), "2026-09-30T23:00"),
        (date(2026, 12, 31), "2027-06-30T23:00"),
        # A leap year's February.
        (date(2027, 8, 31), "2028-03-01T00:00"),
        (date(2027, 8, 29), "2028-03-01T00:00"),
        (date(2027, 8, 28), "2028-02-29T00:00"),
        (date(2028, 2, 29), "2028-08-29T23:00"),
        # December, and a year's turn.
        (date(2026, 6, 15), "2026-12-16T00:00"),
        (date(2026, 6, 30), "2026-12-31T00:00"),
        (date(2026, 7, 1), "2027-01-02T00:00"),
        # The days on which London's clock changes: the day's end has the new offset.
        (date(2026, 4, 25), "2026-10-26T00:00"),
        (date(2026, 4, 24), "2026-10-24T23:00"),
        (date(2026, 9, 28), "2027-03-28T23:00"),
        (date(2026, 9, 27), "2027-03-28T00:00"),
    ],
)
def test_a_licence_ends_with_its_last_day_in_london(purchased, end):
    assert licence_end(purchased, LONDON) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_day_ends_when_it_does_in_that_zone():
    day = date(2026, 11, 23)

    assert end_of_day(day, ZoneInfo("Asia/Manila")) == datetime(2026, 11, 23, 16, tzinfo=UTC)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)))
@settings(max_examples=100)
def test_a_licence_lasts_181_to_185_days_and_never_reaches_a_seventh_month(purchased):
    last = (licence_end(purchased, LONDON).astimezone(LONDON)).date()
    months = (last.year - purchased.year) * 12 + last.month - purchased.month

    assert 181 <= (last - purchased).days <= 185
    assert months == 6 or (months == 7 and last.day == 1)
