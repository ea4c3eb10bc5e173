"""The slot search by example; `test_slots_against_naive.py` holds it against the naive one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from invigilation.lanes import Staffing, micros
from invigilation.office_hours import DEFAULT_WEEK, LONDON, OfficeHours, Window
from invigilation.search import Search
from invigilation.slots import (
    Calendar,
    Hold,
    Leave,
    Refusal,
    Seat,
    Shift,
    free_seats,
    free_starts,
    seats_at,
    why_day_empty,
    why_not,
)
from tests.invigilation.calendars import (
    CLOCKS_GO_BACK_2026,
    CLOCKS_GO_BACK_2027,
    CLOCKS_GO_FORWARD_2027,
    FRIDAY,
    MONDAY,
    SATURDAY,
    WISH,
    every_day,
    hours,
    london,
    london_day,
    utc,
)


def office(closures=(), openings=None):
    return OfficeHours(LONDON, DEFAULT_WEEK, frozenset(closures), openings or {})


def calendar(
    openings=None, shifts=None, leave=(), seats=(("ann/1", "ann"),), holds=(), closures=()
):
    return Calendar(
        office(closures, openings),
        every_day() if shifts is None else shifts,
        tuple(leave),
        tuple(Seat(*seat) for seat in seats),
        tuple(holds),
    )


def walls(starts):
    """The starts as London's clocks show them."""
    return [f"{start.astimezone(LONDON):%H:%M}" for start in starts]


def starts_of(day, office_calendar, wish=WISH):
    return walls(free_starts(office_calendar, wish, london_day(day)))


# hours and length


def test_a_session_and_its_buffer_lie_inside_office_hours():
    found = starts_of(FRIDAY, calendar())

    assert found == [
        "09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "12:00", "12:30", "13:00",
    ]  # fmt: skip


def test_a_session_that_fills_the_hours_exactly_is_offered():
    openings = {SATURDAY: (hours("10:00", "11:45"),)}

    assert starts_of(SATURDAY, calendar(openings)) == ["10:00"]


def test_a_minute_too_few_is_not_offered():
    openings = {SATURDAY: (hours("10:00", "11:44"),)}

    assert starts_of(SATURDAY, calendar(openings)) == []


def test_a_length_of_odd_minutes_is_not_rounded_up():
    openings = {SATURDAY: (hours("10:00", "10:44"),)}

    assert starts_of(SATURDAY, calendar(openings), replace(WISH, minutes=43, buffer_minutes=1)) == [
        "10:00"
    ]


def test_hours_that_open_off_the_grid_begin_with_the_next_start_on_it():
    openings = {SATURDAY: (hours("10:01", "12:15"),)}

    assert starts_of(SATURDAY, calendar(openings)) == ["10:30"]


def test_the_window_takes_its_first_moment_and_leaves_its_last():
    window = Window(london(MONDAY, "10:00"), london(MONDAY, "11:00"))

    assert walls(free_starts(calendar(), WISH, window)) == ["10:00", "10:30"]


def test_an_empty_or_backward_window_has_no_starts():
    window = Window(london(MONDAY, "11:00"), london(MONDAY, "10:00"))

    assert free_starts(calendar(), WISH, window) == []


# notice and licence


def test_the_first_start_is_the_first_on_the_grid_after_the_notice():
    wish = replace(WISH, earliest=london(FRIDAY, "12:00") + timedelta(seconds=1))

    assert starts_of(FRIDAY, calendar(), wish) == ["12:30", "13:00"]


def test_the_session_but_not_its_buffer_ends_within_the_licence():
    wish = replace(WISH, latest_end=london(FRIDAY, "11:00"))

    assert starts_of(FRIDAY, calendar(), wish) == ["09:00", "09:30"]


def test_a_licence_that_ends_a_moment_too_soon_takes_the_last_start():
    wish = replace(WISH, latest_end=london(FRIDAY, "11:00") - timedelta(microseconds=1))

    assert starts_of(FRIDAY, calendar(), wish) == ["09:00"]


# rota, leave and bookings


def test_shifts_that_touch_are_one_stretch_and_a_break_parts_them():
    touching = (*every_day(start="09:00", end="11:00"), *every_day(start="11:00", end="12:45"))
    parted = (*every_day(start="09:00", end="11:00"), *every_day(start="11:01", end="12:45"))

    assert starts_of(FRIDAY, calendar(shifts=touching)) == [
        "09:00", "09:30", "10:00", "10:30", "11:00",
    ]  # fmt: skip
    assert starts_of(FRIDAY, calendar(shifts=parted)) == ["09:00"]


def test_two_people_do_not_make_one_stretch():
    shifts = (*every_day("ann", "09:00", "10:30"), *every_day("ben", "10:30", "12:00"))
    seats = (("ann/1", "ann"), ("ben/1", "ben"))

    assert starts_of(FRIDAY, calendar(shifts=shifts, seats=seats)) == []


def test_a_shift_holds_from_its_first_day_to_its_last():
    days = [FRIDAY + timedelta(days=7 * n) for n in range(4)]
    shifts = every_day(start="09:00", end="10:45", first=days[1], last=days[2])

    found = [starts_of(day, calendar(shifts=shifts)) for day in days]

    assert found == [[], ["09:00"], ["09:00"], []]


def test_a_shift_may_begin_and_end_within_a_long_window():
    first, last = MONDAY + timedelta(days=2), MONDAY + timedelta(days=8)
    shifts = every_day(start="09:00", end="10:45", first=first, last=last)
    window = Window(london(MONDAY, "00:00"), london(MONDAY + timedelta(days=28), "00:00"))

    found = free_starts(calendar(shifts=shifts), WISH, window)

    assert [start.day for start in found] == [10, 11, 12, 15, 16]


def test_leave_takes_the_starts_that_it_touches():
    leave = [Leave("ann", london(FRIDAY, "10:45"), london(FRIDAY, "12:30"))]

    assert starts_of(FRIDAY, calendar(leave=leave)) == ["09:00", "12:30", "13:00"]


def test_a_booking_takes_its_seat_to_the_end_of_its_buffer():
    holds = [Hold("ann/1", london(FRIDAY, "11:00"), london(FRIDAY, "12:45"))]

    assert starts_of(FRIDAY, calendar(holds=holds)) == ["09:00", "13:00"]


def test_a_booking_of_odd_seconds_is_rounded_to_nobodys_harm():
    second = timedelta(seconds=1)
    holds = [Hold("ann/1", london(FRIDAY, "10:45") - second, london(FRIDAY, "12:30") + second)]

    assert starts_of(FRIDAY, calendar(holds=holds)) == ["13:00"]


def test_an_empty_booking_takes_nothing():
    holds = [Hold("ann/1", london(FRIDAY, "09:45"), london(FRIDAY, "09:45"))]

    assert "09:00" in starts_of(FRIDAY, calendar(holds=holds))


def test_every_seat_is_booked_by_itself():
    seats = (("ann/1", "ann"), ("ann/2", "ann"), ("ben/1", "ben"))
    shifts = (*every_day("ann"), *every_day("ben", "12:00", "17:00"))
    holds = [Hold("ann/1", london(FRIDAY, "09:00"), london(FRIDAY, "15:00"))]
    crowded = calendar(shifts=shifts, seats=seats, holds=holds)

    assert free_seats(crowded, WISH, london(FRIDAY, "09:00")) == ["ann/2"]
    assert free_seats(crowded, WISH, london(FRIDAY, "12:30")) == ["ann/2", "ben/1"]


def test_a_start_that_is_not_offered_has_no_seats():
    assert free_seats(calendar(), WISH, london(FRIDAY, "09:15")) == []
    assert free_seats(calendar(), WISH, london(FRIDAY, "14:00")) == []


def test_a_start_may_be_asked_for_in_any_zone():
    assert free_seats(calendar(), WISH, datetime.combine(FRIDAY, time(9), LONDON)) == ["ann/1"]


# clock changes


def test_a_night_opening_crosses_midnight_in_utc():
    openings = {MONDAY: (hours("00:00", "02:00"),)}

    found = free_starts(calendar(openings), WISH, london_day(MONDAY))

    assert found == [utc("2026-06-07T23:00")]


@pytest.mark.parametrize("day", [CLOCKS_GO_BACK_2026, CLOCKS_GO_BACK_2027])
def test_both_hours_of_the_long_night_are_offered(day):
    openings = {day: (hours("00:30", "03:00"),)}

    found = free_starts(calendar(openings), replace(WISH, minutes=45), london_day(day))

    midnight = datetime.combine(day, time(), UTC)
    assert found == [midnight + timedelta(minutes=30 * n) for n in range(-1, 5)]
    assert walls(found) == ["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]


def test_the_missing_hour_of_the_short_night_is_not_offered():
    openings = {CLOCKS_GO_FORWARD_2027: (hours("00:00", "04:00"),)}

    found = starts_of(CLOCKS_GO_FORWARD_2027, calendar(openings), replace(WISH, minutes=45))

    assert found == ["00:00", "00:30", "02:00", "02:30", "03:00"]


def test_a_shift_that_begins_in_the_missing_hour_begins_an_hour_later():
    openings = {CLOCKS_GO_FORWARD_2027: (hours("00:00", "05:00"),)}
    shifts = every_day(start="01:30", end="04:15")

    assert starts_of(CLOCKS_GO_FORWARD_2027, calendar(openings, shifts)) == ["02:30"]


@pytest.mark.parametrize(
    ("day", "monday_in_utc"),
    [
        (CLOCKS_GO_BACK_2026, "2026-10-26T09:00"),
        (CLOCKS_GO_FORWARD_2027, "2027-03-29T08:00"),
        (CLOCKS_GO_BACK_2027, "2027-11-01T09:00"),
    ],
)
def test_the_weeks_around_a_clock_change_keep_londons_hours(day, monday_in_utc):
    window = Window(
        london(day - timedelta(days=20), "00:00"), london(day + timedelta(days=20), "00:00")
    )
    shifts = every_day(start="09:00", end="10:45")

    found = free_starts(calendar(shifts=shifts), WISH, window)

    assert set(walls(found)) == {"09:00"}
    assert len(found) == 30
    assert utc(monday_in_utc) in found


# refusals


def test_an_offered_start_is_not_refused():
    assert why_not(calendar(), WISH, london(FRIDAY, "09:00")) is None


@pytest.mark.parametrize(
    "changes",
    [{"earliest": london(FRIDAY, "09:00")}, {"latest_end": london(FRIDAY, "10:30")}],
)
def test_a_start_at_the_very_edge_of_the_dates_is_not_refused(changes):
    assert why_not(calendar(), replace(WISH, **changes), london(FRIDAY, "09:00")) is None


def test_a_start_a_microsecond_off_the_grid_is_refused():
    start = london(FRIDAY, "09:30") + timedelta(microseconds=1)

    assert why_not(calendar(), WISH, start) is Refusal.OFF_GRID


@pytest.mark.parametrize(
    ("wall", "changes", "refusal"),
    [
        ("09:00", {"earliest": london(FRIDAY, "09:01")}, Refusal.PAST_NOTICE),
        ("09:00", {"latest_end": london(FRIDAY, "10:29")}, Refusal.OUTSIDE_LICENCE),
        ("09:15", {}, Refusal.OFF_GRID),
        ("08:30", {}, Refusal.CLOSED),
        ("13:30", {}, Refusal.CLOSED),
        ("11:30", {}, Refusal.NOT_STAFFED),
        ("10:00", {}, Refusal.FULL),
    ],
)
def test_a_start_is_refused_for_its_first_reason(wall, changes, refusal):
    holds = [Hold("ann/1", london(FRIDAY, "10:45"), london(FRIDAY, "12:30"))]
    booked = calendar(shifts=every_day(start="09:00", end="13:00"), holds=holds)

    assert why_not(booked, replace(WISH, **changes), london(FRIDAY, wall)) is refusal


def test_a_rota_without_seats_staffs_nothing():
    assert why_not(calendar(seats=()), WISH, london(FRIDAY, "09:00")) is Refusal.NOT_STAFFED


def test_a_day_with_a_start_is_not_empty():
    assert why_day_empty(calendar(), WISH, FRIDAY) is None


def test_a_saturday_is_closed():
    assert why_day_empty(calendar(), WISH, SATURDAY) is Refusal.CLOSED


def test_a_bank_holiday_is_closed():
    assert why_day_empty(calendar(closures=[FRIDAY]), WISH, FRIDAY) is Refusal.CLOSED


def test_a_day_of_leave_is_not_staffed():
    leave = [Leave("ann", london(FRIDAY, "00:00"), london(SATURDAY, "00:00"))]

    assert why_day_empty(calendar(leave=leave), WISH, FRIDAY) is Refusal.NOT_STAFFED


def test_a_booked_day_is_full():
    holds = [Hold("ann/1", london(FRIDAY, "09:00"), london(FRIDAY, "15:00"))]

    assert why_day_empty(calendar(holds=holds), WISH, FRIDAY) is Refusal.FULL


def test_a_day_whose_last_hours_are_too_soon_is_past_notice():
    wish = replace(WISH, earliest=london(FRIDAY, "13:10"))

    assert why_day_empty(calendar(), wish, FRIDAY) is Refusal.PAST_NOTICE


def test_a_day_after_the_licence_is_outside_it():
    wish = replace(WISH, latest_end=london(FRIDAY, "00:00"))

    assert why_day_empty(calendar(), wish, FRIDAY) is Refusal.OUTSIDE_LICENCE


@pytest.mark.parametrize("day", [CLOCKS_GO_BACK_2026, CLOCKS_GO_FORWARD_2027, CLOCKS_GO_BACK_2027])
def test_the_day_of_a_clock_change_is_closed_to_its_last_start(day):
    assert why_day_empty(calendar(), WISH, day) is Refusal.CLOSED


# values that cannot be


@pytest.mark.parametrize(("minutes", "buffer"), [(0, 15), (-1, 0), (90, -1)])
def test_a_wish_has_a_length(minutes, buffer):
    with pytest.raises(ValueError, match="no session lasts"):
        replace(WISH, minutes=minutes, buffer_minutes=buffer)


@pytest.mark.parametrize("weekday", [-1, 7])
def test_a_shift_has_a_weekday(weekday):
    with pytest.raises(ValueError, match="no week has"):
        Shift("ann", weekday, hours("09:00", "17:00"), MONDAY, None)


# --- asking a store ---


def big_office(people):
    """Every person has one seat, and is on duty all day."""
    names = [f"p{number}" for number in range(people)]
    shifts = [shift for name in names for shift in every_day(name)]
    return replace(calendar(shifts=shifts), seats=tuple(Seat(name, name) for name in names))


def asked_about(search, busy):
    """The seats that a search asks about, lot after lot, when `busy` ones have no time."""
    lots = []
    for question in search.questions():
        names = [seat.id for seat in question.seats]
        lots.append(len(names))
        all_time = (micros(question.start), micros(question.until))
        search.hear(question, {name: [all_time] for name in names if name in busy})
    return lots


def test_a_search_asks_about_few_seats_when_they_are_enough():
    search = Search(Staffing(big_office(1_000)), WISH, london_day(MONDAY))

    assert asked_about(search, set()) == [8]
    assert search.starts() == free_starts(big_office(1), WISH, london_day(MONDAY))


def test_a_search_asks_about_all_before_it_says_that_a_start_is_full():
    office = big_office(500)
    last = office.seats[-1].id
    search = Search(Staffing(office), WISH, london_day(MONDAY))

    lots = asked_about(search, {seat.id for seat in office.seats} - {last})

    assert lots == [8, 24, 64, 256, 148]
    assert search.starts() == free_starts(big_office(1), WISH, london_day(MONDAY))


def test_a_search_asks_only_about_the_time_that_matters_still():
    office = big_office(20)
    window = Window(london_day(MONDAY).start, london_day(FRIDAY).end)
    search = Search(Staffing(office), WISH, window)
    first, second = None, None

    for question in search.questions():
        if first is None:
            first = question
            held = (micros(london(FRIDAY, "09:00")), micros(london(FRIDAY, "15:00")))
            search.hear(question, {seat.id: [held] for seat in question.seats})
        else:
            second = question
            search.hear(question, {})

    assert (first.start, first.until) == (london(MONDAY, "09:00"), london(FRIDAY, "14:45"))
    assert (second.start, second.until) == (london(FRIDAY, "09:00"), london(FRIDAY, "14:45"))


def test_people_of_one_pattern_share_a_lane_and_leave_is_their_own():
    office = replace(
        big_office(3), leave=(Leave("p1", london(MONDAY, "09:00"), london(MONDAY, "17:00")),)
    )
    staffing = Staffing(office)

    seats = seats_at(staffing, WISH, london(MONDAY, "09:00"))

    assert [seat.id for seat in seats] == ["p0", "p2"]
