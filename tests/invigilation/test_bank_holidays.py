"""The bank holidays of England and Wales, against the published list."""

from __future__ import annotations

from datetime import date

import pytest

from invigilation.office_hours import DEFAULT_WEEK, LONDON, OfficeHours
from web.bank_holidays import bank_holidays

PUBLISHED = {
    2026: [
        (date(2026, 1, 1), "New Year's Day"),
        (date(2026, 4, 3), "Good Friday"),
        (date(2026, 4, 6), "Easter Monday"),
        (date(2026, 5, 4), "May Day"),
        (date(2026, 5, 25), "Spring Bank Holiday"),
        (date(2026, 8, 31), "Late Summer Bank Holiday"),
        (date(2026, 12, 25), "Christmas Day"),
        (date(2026, 12, 28), "Boxing Day (observed)"),
    ],
    2027: [
        (date(2027, 1, 1), "New Year's Day"),
        (date(2027, 3, 26), "Good Friday"),
        (date(2027, 3, 29), "Easter Monday"),
        (date(2027, 5, 3), "May Day"),
        (date(2027, 5, 31), "Spring Bank Holiday"),
        (date(2027, 8, 30), "Late Summer Bank Holiday"),
        (date(2027, 12, 27), "Christmas Day (observed)"),
        (date(2027, 12, 28), "Boxing Day (observed)"),
    ],
    2028: [
        (date(2028, 1, 3), "New Year's Day (observed)"),
        (date(2028, 4, 14), "Good Friday"),
        (date(2028, 4, 17), "Easter Monday"),
        (date(2028, 5, 1), "May Day"),
        (date(2028, 5, 29), "Spring Bank Holiday"),
        (date(2028, 8, 28), "Late Summer Bank Holiday"),
        (date(2028, 12, 25), "Christmas Day"),
        (date(2028, 12, 26), "Boxing Day"),
    ],
}


@pytest.mark.parametrize("year", sorted(PUBLISHED))
def test_a_year_has_the_published_bank_holidays(year):
    assert bank_holidays(year) == PUBLISHED[year]


def test_the_first_working_day_of_british_summer_time_in_2027_is_a_tuesday():
    closures = frozenset(day for day, _ in bank_holidays(2027))
    office = OfficeHours(LONDON, DEFAULT_WEEK, closures, {})

    windows = office.windows(date(2027, 3, 26), date(2027, 3, 30))

    assert [window.start.date() for window in windows] == [date(2027, 3, 30)]
