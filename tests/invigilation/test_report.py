"""By when a certificate should have left."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from invigilation.office_hours import DEFAULT_WEEK, LONDON, Hours, OfficeHours
from invigilation.report import report_due

CHRISTMAS = (date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1))


def office(closures=(), openings=None):
    return OfficeHours(LONDON, DEFAULT_WEEK, frozenset(closures), openings or {})


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("finished", "due"),
    [
        ("2026-11-23T11:00", "2026-11-25T17:00"),  # Monday: Wednesday
        ("2026-11-24T11:00", "2026-11-26T17:00"),
        ("2026-11-25T11:00", "2026-11-27T15:00"),  # Wednesday: Friday, until three
        ("2026-11-26T11:00", "2026-11-30T17:00"),  # Thursday: Friday and Monday
        ("2026-11-27T11:00", "2026-11-30T17:00"),  # Friday: the next working day
        ("2026-06-05T11:00", "2026-06-08T16:00"),  # the same in summer
        ("2026-10-23T11:00", "2026-10-26T17:00"),  # a Friday before the clock goes back
        # Where London's Friday has begun and UTC has still Thursday.
        ("2026-06-11T23:30", "2026-06-15T16:00"),
    ],
)
def test_two_working_days_or_after_a_friday_the_next(finished, due):
    assert report_due(utc(finished), office()) == utc(due)


@pytest.mark.parametrize(
    ("finished", "due"),
    [
        ("2026-12-23T11:00", "2026-12-29T17:00"),  # Thursday, then over Christmas to Tuesday
        ("2026-12-24T11:00", "2026-12-30T17:00"),
        ("2026-12-31T11:00", "2027-01-05T17:00"),
    ],
)
def test_bank_holidays_are_no_working_days(finished, due):
    assert report_due(utc(finished), office(CHRISTMAS)) == utc(due)


def test_a_friday_before_a_bank_holiday_is_due_on_the_tuesday():
    friday = utc("2026-12-18T11:00")

    assert report_due(friday, office([date(2026, 12, 21)])) == utc("2026-12-22T17:00")


def test_a_day_with_two_openings_is_one_working_day():
    tuesday = (Hours(time(9), time(12)), Hours(time(13), time(20)))

    due = report_due(utc("2026-11-23T11:00"), office(openings={date(2026, 11, 24): tuesday}))

    assert due == utc("2026-11-25T17:00")


def test_an_office_that_stays_closed_still_names_a_day():
    closed = OfficeHours(LONDON, (None,) * 7, frozenset(), {})

    assert report_due(utc("2026-11-23T11:00"), closed) == utc("2026-12-23T11:00")
