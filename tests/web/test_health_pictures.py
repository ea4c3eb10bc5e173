"""The pictures of the health page: what they say, and how they are drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invigilation.health import Sample
from web.health.pictures import draw, milliseconds, permille, plans, seconds, size
from web.health.series import (
    Span,
    Stretch,
    count,
    least,
    level,
    mean,
    nice,
    nice_seconds,
    shape,
    stretches,
    unknown,
    worst,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLANS = {plan.title: plan for _, some in plans(268_000_000) for plan in some}


def sessions(one: Sample) -> float:
    return one.sessions


def minute(ago: int, node: str = "n1", **figures: object) -> Sample:
    return Sample(NOW - ago * MINUTE, node, **figures)


def test_what_stands_at_once_is_added_over_processes_not_over_minutes() -> None:
    minutes = [minute(1, sessions=3), minute(0, sessions=5), minute(0, "n2", sessions=2)]

    assert level(sessions)(minutes) == 7
    assert count(sessions)(minutes) == 10
    assert (worst(sessions)(minutes), least(sessions)(minutes)) == (5, 2)


def test_a_mean_counts_everybody_once() -> None:
    minutes = [minute(1, joins=3, join_ms=1_000), minute(0, joins=1, join_ms=5_000), minute(2)]
    of = mean(lambda one: one.join_ms, lambda one: one.joins)

    assert of(minutes) == 2_000
    assert of([minute(0)]) == 0


def test_minutes_fall_into_their_steps_and_the_ends_into_the_outermost() -> None:
    span = Span(NOW, timedelta(minutes=5), 3)

    held = span.hold([minute(16), minute(15), minute(11), minute(10), minute(0)])

    assert [[(NOW - one.at) // MINUTE for one in step] for step in held] == [[15, 11], [10], [0]]


@given(
    st.floats(min_value=0, max_value=1e15, allow_nan=False),
    st.sampled_from([1, 5, 60, 1e6]),
)
def test_a_scale_holds_its_highest_and_wastes_no_more_than_half(
    highest: float, at_least: float
) -> None:
    for fitting in (nice, nice_seconds):
        top = fitting(highest, at_least)
        assert top >= max(highest, at_least) * 0.999
        assert top <= max(highest, at_least) * 3


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (7, 10), (40, 60), (61, 120), (3_500, 3_600), (50_000, 86_400)]
)
def test_a_scale_of_time_ends_at_a_time_that_people_know(highest: float, top: float) -> None:
    assert nice_seconds(highest, 1) == top


def test_steps_are_drawn_as_they_stand_and_nothing_where_nobody_measured() -> None:
    values = (2.0, 2.0, 4.0, None, 0.0)

    assert shape(values, 4) == "M0 100V50H2V0H3V100ZM4 100V100H5V100Z"
    assert unknown(values) == [(3, 1)]


def test_a_single_one_among_thousands_is_seen() -> None:
    assert shape((1.0,), 100_000) == "M0 100V98.5H1V100Z"


def test_times_in_which_a_check_failed_belong_together() -> None:
    failing = [minute(ago, failing="redis") for ago in (9, 8, 7)]
    well = [minute(6), minute(5), minute(4)]
    again = [minute(3, failing="redis disk"), minute(2), minute(1), minute(0)]

    found = stretches([*failing, *well, *again], NOW - timedelta(hours=1), NOW)

    assert found == [
        Stretch("redis", NOW - 3 * MINUTE, NOW - 3 * MINUTE),
        Stretch("disk", NOW - 3 * MINUTE, NOW - 3 * MINUTE),
        Stretch("redis", NOW - 9 * MINUTE, NOW - 7 * MINUTE),
    ]


def test_minutes_that_are_missing_are_told_also_up_to_now() -> None:
    samples = [minute(60), minute(59), minute(30), minute(29)]

    found = stretches(samples, NOW - timedelta(hours=2), NOW)

    assert found == [
        Stretch("", NOW - 29 * MINUTE, NOW),
        Stretch("", NOW - 59 * MINUTE, NOW - 30 * MINUTE),
    ]


def drawn(title: str, *samples: Sample):
    span = Span(NOW, timedelta(minutes=5), 12)
    held = span.hold(samples)
    return draw(PLANS[title], span, held, held)


def test_layers_stand_on_one_another_the_whole_behind() -> None:
    picture = drawn("Learners with a bad link", minute(0, poor=3, away=1))

    (behind, look_behind), (before, look_before) = picture.layers
    assert (picture.top, look_behind, look_before) == ("5", "bad", "warn")
    assert (behind, before) == ("M11 100V20H12V100Z", "M11 100V40H12V100Z")
    assert picture.most == "4"


def test_too_much_is_told_and_too_little_where_little_is_bad() -> None:
    lost, free = "Lost on the way", "Free on the disk"

    assert drawn(lost, minute(0, loss_permille=60)).beyond
    assert not drawn(lost, minute(0, loss_permille=40)).beyond
    assert drawn(free, minute(0, free_bytes=200_000_000)).beyond
    assert not drawn(free, minute(0, free_bytes=300_000_000)).beyond


def test_what_is_counted_says_how_many_in_all() -> None:
    picture = drawn("Came back", minute(20, reconnects=2), minute(0, reconnects=3))

    assert (picture.most, picture.told, picture.rows[-1]) == ("3", "5 in all", "3")
    assert picture.rows[0] == "\N{EN DASH}"


def test_a_span_without_a_minute_draws_nothing_and_fails_nowhere() -> None:
    for title in PLANS:
        picture = drawn(title)
        assert (picture.gaps, picture.told, picture.beyond) == (((0, 12),), "", False)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (seconds(0), "0 s"),
        (seconds(2.34), "2.3 s"),
        (seconds(90), "90 s"),
        (seconds(600), "10 min"),
        (seconds(86_400 * 3), "3 days"),
        (milliseconds(999), "999 ms"),
        (milliseconds(8_000), "8 s"),
        (size(0), "0 MB"),
        (size(400_000), "0.4 MB"),
        (size(3_500_000_000), "3.5 GB"),
        (permille(15), "1.5 %"),
    ],
)
def test_figures_are_said_in_few_letters(said: str, words: str) -> None:
    assert said == words
