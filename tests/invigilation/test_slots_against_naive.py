"""The slot search finds what the naive one finds, whatever the calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation import search
from invigilation.office_hours import LONDON, Hours, OfficeHours, Window
from invigilation.slots import (
    Calendar,
    Hold,
    Leave,
    Refusal,
    Seat,
    Shift,
    Wish,
    free_seats,
    free_starts,
    judged,
    why_day_empty,
    why_not,
)
from tests.invigilation.calendars import (
    CLOCKS_GO_BACK_2026,
    CLOCKS_GO_BACK_2027,
    CLOCKS_GO_FORWARD_2027,
    LONG_AGO,
    MONDAY,
    WISH,
    every_day,
    hours,
    london_day,
)
from tests.invigilation.naive_slots import (
    grid_starts,
    naive_free_starts,
    naive_refusals,
    naive_seats,
)

STAFF = ("ann", "ben")
SEATS = (Seat("ann/1", "ann"), Seat("ann/2", "ann"), Seat("ben/1", "ben"), Seat("cat/1", "cat"))
CENTRES = (
    CLOCKS_GO_BACK_2026,
    CLOCKS_GO_FORWARD_2027,
    CLOCKS_GO_BACK_2027,
    MONDAY,
    date(2026, 12, 31),
)


WHOLE_DAY = hours("00:00", "00:00")


@pytest.fixture(autouse=True, scope="module")
def small_lots():
    """Let the search ask about one seat at a time, so that it asks often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "AT_FIRST", (1, 1))
        patch.setattr(search, "A_DAY", 1)
        yield


@cache
def some_hours():
    """Hours on the grid, on five minutes, on any minute, and in the night of a clock change."""
    return st.one_of(
        st.sampled_from(
            (
                hours("09:00", "17:00"),
                hours("00:00", "23:59"),
                hours("20:00", "00:00"),
                hours("00:00", "04:00"),
                WHOLE_DAY,
            )
        ),
        *(hours_in_steps(minutes, 1439) for minutes in (30, 5, 1)),
        hours_in_steps(1, 250),
    )


@cache
def hours_in_steps(minutes, last):
    starts = st.integers(0, (last - 1) // minutes).map(lambda n: n * minutes)
    lengths = st.integers(1, last // minutes).map(lambda n: n * minutes)
    return st.builds(
        lambda start, length: Hours(at_minute(start), at_minute(min(start + length, last))),
        starts,
        lengths,
    )


def at_minute(minute):
    return time(minute // 60, minute % 60)


@cache
def days(centre):
    near = st.integers(-12, 12).map(lambda n: centre + timedelta(days=n))
    return st.one_of(st.just(centre), near)


@cache
def on_the_grid(centre, reach):
    noon = datetime.combine(centre, time(12), UTC)
    return st.integers(-reach * 48, reach * 48).map(lambda n: noon + timedelta(minutes=30 * n))


@cache
def moments(centre, reach=12):
    noon = datetime.combine(centre, time(12), UTC)
    minutes = st.integers(-reach * 1440, reach * 1440).map(lambda n: noon + timedelta(minutes=n))
    odd = st.builds(
        lambda moment, more: moment + timedelta(microseconds=more),
        minutes,
        st.integers(0, 59_999_999),
    )
    return st.one_of(on_the_grid(centre, reach), on_the_grid(centre, 1), minutes, odd)


@cache
@st.composite
def stretches(draw, centre, longest):
    start = draw(moments(centre))
    minutes = st.one_of(st.integers(longest // 2, longest), st.integers(-5, longest))
    return start, start + timedelta(minutes=draw(minutes))


@cache
@st.composite
def offices(draw, centre):
    week = st.one_of(st.none(), some_hours(), st.just(hours("00:00", "23:59")), st.just(WHOLE_DAY))
    return OfficeHours(
        LONDON,
        tuple(draw(week) for _ in range(7)),
        draw(st.frozensets(days(centre), max_size=3)),
        draw(st.dictionaries(days(centre), st.lists(some_hours(), max_size=3).map(tuple))),
    )


@cache
@st.composite
def calendars(draw, centre):
    shift = st.builds(
        Shift,
        st.sampled_from(STAFF),
        st.integers(0, 6),
        some_hours(),
        st.one_of(st.just(LONG_AGO), days(centre)),
        st.one_of(st.none(), days(centre)),
    )
    always = draw(st.sampled_from(((), ("ann",), ("ben",), STAFF)))
    shifts = [*draw(st.lists(shift, max_size=8)), *(s for name in always for s in every_day(name))]
    away = st.tuples(st.sampled_from((*STAFF, "nobody")), stretches(centre, 4000))
    seats = st.sampled_from([seat.id for seat in SEATS] + ["no seat"])
    holds = draw(st.lists(st.tuples(seats, stretches(centre, 300)), max_size=12))
    if draw(st.booleans()):  # a busy time, so that sessions are refused for want of a seat
        busy = draw(stretches(centre, 3000))
        holds += [(seat.id, busy) for seat in SEATS]
    return Calendar(
        draw(offices(centre)),
        tuple(shifts),
        tuple(Leave(staff, *times) for staff, times in draw(st.lists(away, max_size=4))),
        SEATS,
        tuple(Hold(seat, *times) for seat, times in holds),
        draw(st.dictionaries(st.sampled_from(STAFF), st.frozensets(st.sampled_from("ab")))),
    )


@cache
@st.composite
def wishes(draw, centre):
    minutes, buffer = draw(st.integers(1, 150)), draw(st.integers(0, 30))
    dates = [WISH.earliest, WISH.latest_end]
    if draw(st.integers(0, 3)) == 0:
        dates = sorted(draw(st.tuples(moments(centre), moments(centre))))
    return Wish(*dates, minutes, buffer, draw(st.sampled_from("ab")))


@cache
@st.composite
def questions(draw):
    centre = draw(st.sampled_from(CENTRES))
    return draw(calendars(centre)), draw(wishes(centre)), centre


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_search_finds_what_the_naive_one_finds(data):
    asked, wish, centre = data.draw(questions())
    start, end = data.draw(stretches(centre, 15 * 1440))
    window = Window(start, end)

    found = free_starts(asked, wish, window)

    assert found == naive_free_starts(asked, wish, window)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_seats_and_refusals_of_starts_are_those_of_the_naive_search(data):
    asked, wish, centre = data.draw(questions())
    odd = data.draw(st.lists(moments(centre, 1), max_size=4))
    window = london_day(centre + timedelta(days=data.draw(st.integers(-1, 1))))
    starts = [*grid_starts(window), *odd]

    seats = {start: free_seats(asked, wish, start) for start in starts}
    refusals = {start: why_not(asked, wish, start) for start in starts}

    around = Window(min(starts), max(starts) + timedelta(minutes=1))
    offered = naive_seats(asked, wish, around)
    assert seats == {start: offered.get(start, []) for start in starts}
    assert refusals == naive_refusals(asked, wish, starts)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_every_start_of_a_stretch_is_judged_as_the_naive_search_does(data):
    asked, wish, centre = data.draw(questions())
    window = Window(*data.draw(stretches(centre, 2 * 1440)))

    found = judged(asked, wish, window)

    starts = grid_starts(window)
    refusals = naive_refusals(asked, wish, starts) if starts else {}
    undated = replace(wish, earliest=WISH.earliest, latest_end=WISH.latest_end)
    whenever = naive_refusals(asked, undated, starts) if starts else {}
    shut = {start for start, refusal in whenever.items() if refusal is Refusal.CLOSED}
    assert found == [
        (start, Refusal.CLOSED if start in shut else refusal) for start, refusal in refusals.items()
    ]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_day_is_empty_for_the_reason_of_the_start_that_came_closest(data):
    asked, wish, centre = data.draw(questions())
    day = data.draw(days(centre))

    told = why_day_empty(asked, wish, day)

    starts = grid_starts(london_day(day))
    refusals = naive_refusals(asked, wish, starts)
    undated = replace(wish, earliest=WISH.earliest, latest_end=WISH.latest_end)
    at_any_time = naive_refusals(asked, undated, starts)
    while_open = [refusals[s] for s in starts if at_any_time[s] is not Refusal.CLOSED]
    expected = while_open or list(refusals.values())
    closeness = [*Refusal, None]
    assert told is max(expected, key=closeness.index)
