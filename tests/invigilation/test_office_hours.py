"""Opening hours in absolute time, through closures, openings and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from invigilation.office_hours import DEFAULT_WEEK, LONDON, Hours, OfficeHours, Window, joined

SATURDAY = date(2026, 6, 6)
MONDAY = date(2026, 6, 8)
ALL_NIGHT = Hours(time(0), time(4))


def hours(start, end):
    return Hours(time.fromisoformat(start), time.fromisoformat(end))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(start, end):
    return Window(utc(start), utc(end))


def office(closures=(), openings=None, week=DEFAULT_WEEK):
    return OfficeHours(LONDON, week, frozenset(closures), openings or {})


def test_a_usual_week_in_summer():
    windows = office().windows(MONDAY, MONDAY + timedelta(days=6))

    assert windows == [
        window("2026-06-08T08:00", "2026-06-08T16:00"),
        window("2026-06-09T08:00", "2026-06-09T16:00"),
        window("2026-06-10T08:00", "2026-06-10T16:00"),
        window("2026-06-11T08:00", "2026-06-11T16:00"),
        window("2026-06-12T08:00", "2026-06-12T14:00"),
    ]


def test_no_days_have_no_windows():
    assert office().windows(MONDAY, MONDAY - timedelta(days=1)) == []


def test_a_closure_closes_its_day_alone():
    windows = office(closures=[MONDAY]).windows(MONDAY, MONDAY + timedelta(days=1))

    assert windows == [window("2026-06-09T08:00", "2026-06-09T16:00")]


def test_an_opening_opens_a_saturday():
    opened = office(openings={SATURDAY: (hours("10:00", "12:30"),)})

    assert opened.windows(SATURDAY, SATURDAY) == [window("2026-06-06T09:00", "2026-06-06T11:30")]


def test_an_opening_stands_instead_of_the_usual_hours():
    opened = office(openings={MONDAY: (hours("13:00", "14:00"), hours("07:00", "08:00"))})

    assert opened.windows(MONDAY, MONDAY) == [
        window("2026-06-08T06:00", "2026-06-08T07:00"),
        window("2026-06-08T12:00", "2026-06-08T13:00"),
    ]


def test_an_opening_beats_a_closure():
    opened = office(closures=[MONDAY], openings={MONDAY: (hours("13:00", "14:00"),)})

    assert opened.windows(MONDAY, MONDAY) == [window("2026-06-08T12:00", "2026-06-08T13:00")]


def test_an_opening_without_hours_closes_its_day():
    assert office(openings={MONDAY: ()}).windows(MONDAY, MONDAY) == []


def test_hours_that_touch_or_overlap_are_one_window():
    parts = (hours("12:00", "14:00"), hours("09:00", "12:00"), hours("10:00", "11:00"))

    windows = office(openings={MONDAY: parts}).windows(MONDAY, MONDAY)

    assert windows == [window("2026-06-08T08:00", "2026-06-08T13:00")]


def test_a_night_opening_in_summer_begins_on_the_day_before_in_utc():
    opened = office(openings={MONDAY: (hours("00:00", "02:00"),)})

    assert opened.windows(MONDAY, MONDAY) == [window("2026-06-07T23:00", "2026-06-08T01:00")]


@pytest.mark.parametrize(
    ("day", "first_monday_start"),
    [
        (date(2026, 10, 25), "2026-10-26T09:00"),
        (date(2027, 3, 28), "2027-03-29T08:00"),
        (date(2027, 10, 31), "2027-11-01T09:00"),
    ],
)
def test_the_monday_after_a_clock_change_opens_at_nine_in_london(day, first_monday_start):
    windows = office().windows(day - timedelta(days=2), day + timedelta(days=1))

    assert [w.end - w.start for w in windows] == [timedelta(hours=6), timedelta(hours=8)]
    assert windows[1].start == utc(first_monday_start)


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2026, 10, 25), "2026-10-24T23:00", "2026-10-25T04:00"),
        (date(2027, 3, 28), "2027-03-28T00:00", "2027-03-28T03:00"),
        (date(2027, 10, 31), "2027-10-30T23:00", "2027-10-31T04:00"),
    ],
)
def test_four_hours_of_wall_clock_last_five_or_three_at_a_clock_change(day, start, end):
    windows = office(openings={day: (ALL_NIGHT,)}).windows(day, day)

    assert windows == [window(start, end)]


@pytest.mark.parametrize("day", [date(2026, 10, 25), date(2027, 10, 31)])
def test_a_time_that_happens_twice_means_its_first_happening(day):
    parts = {day: (hours("01:30", "01:45"), hours("03:00", "04:00"))}

    windows = office(openings=parts).windows(day, day)

    assert windows[0] == Window(
        datetime.combine(day, time(0, 30), UTC), datetime.combine(day, time(0, 45), UTC)
    )


@pytest.mark.parametrize("day", [date(2026, 10, 25), date(2027, 10, 31)])
def test_hours_end_at_the_first_happening_and_go_on_without_a_break(day):
    parts = {day: (hours("00:00", "01:30"), hours("01:30", "03:00"))}

    windows = office(openings=parts).windows(day, day)

    assert [w.end - w.start for w in windows] == [timedelta(hours=4)]


def test_a_time_that_does_not_happen_moves_forward_by_the_gap():
    day = date(2027, 3, 28)

    windows = office(openings={day: (hours("01:30", "04:00"),)}).windows(day, day)

    assert windows == [window("2027-03-28T01:30", "2027-03-28T03:00")]
    assert windows[0].start.astimezone(LONDON).time() == time(2, 30)


@pytest.mark.parametrize(("start", "end"), [("01:00", "02:00"), ("01:30", "02:15")])
def test_hours_that_a_gap_turns_around_are_no_time_at_all(start, end):
    day = date(2027, 3, 28)

    assert office(openings={day: (hours(start, end),)}).windows(day, day) == []


def test_joined_windows_are_apart_and_ascend():
    parts = [
        window("2026-06-08T12:00", "2026-06-08T13:00"),
        window("2026-06-08T08:00", "2026-06-08T10:00"),
        window("2026-06-08T11:00", "2026-06-08T11:00"),
        window("2026-06-08T09:00", "2026-06-08T09:30"),
    ]

    assert joined(parts) == [
        window("2026-06-08T08:00", "2026-06-08T10:00"),
        window("2026-06-08T12:00", "2026-06-08T13:00"),
    ]


@pytest.mark.parametrize(("start", "end"), [("09:00", "09:00"), ("17:00", "09:00")])
def test_hours_end_after_they_start(start, end):
    with pytest.raises(ValueError, match="not after"):
        hours(start, end)


def test_hours_have_no_zone():
    with pytest.raises(ValueError, match="without a zone"):
        Hours(time(9, tzinfo=UTC), time(17, tzinfo=UTC))


def test_a_week_has_seven_days():
    with pytest.raises(ValueError, match="7 days"):
        office(week=DEFAULT_WEEK[:5])
