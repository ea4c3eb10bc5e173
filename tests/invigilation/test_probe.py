"""What figures of a link promise, and what a forecast makes of several."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invigilation import forecast as forecasts
from invigilation import probe
from invigilation.errors import InvalidInput
from invigilation.forecast import Risk, Sureness, forecast, weight
from invigilation.ladder import LADDER, Rung, Way
from invigilation.probe import MOST, Expected, Figures, Probe, ProbeKind, expect

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAN = Figures(9_000, 9_000, 2, 0, 0, 0, udp=True, turn=None, socket=True)

figures = st.builds(
    Figures,
    up_kbit=st.integers(0, 600),
    down_kbit=st.integers(0, 600),
    rtt_ms=st.integers(0, 6_000),
    jitter_ms=st.integers(0, 1_000),
    lost_up_permille=st.integers(0, 1_000),
    lost_down_permille=st.integers(0, 1_000),
    udp=st.booleans(),
    turn=st.none() | st.booleans(),
    socket=st.booleans(),
)


@pytest.mark.parametrize(
    ("link", "rung"),
    [
        (LAN, Rung.FULL),
        (replace(LAN, up_kbit=420, down_kbit=400, rtt_ms=600, lost_up_permille=10), Rung.FULL),
        (replace(LAN, up_kbit=190, down_kbit=200, rtt_ms=650, lost_up_permille=20), Rung.FULL),
        (replace(LAN, up_kbit=105, down_kbit=110, rtt_ms=700, lost_up_permille=20), Rung.SMALL),
        (replace(LAN, up_kbit=50, down_kbit=52, rtt_ms=800, lost_up_permille=30), Rung.SLOW),
        (replace(LAN, up_kbit=30, down_kbit=30, rtt_ms=800), Rung.STILLS),
        (replace(LAN, up_kbit=20, down_kbit=20), Rung.SOUND),
        (replace(LAN, up_kbit=9_000, down_kbit=9), Rung.TEXT),
        (replace(LAN, jitter_ms=900), Rung.STILLS),
        (replace(LAN, lost_down_permille=400), Rung.TEXT),
    ],
)
def test_what_links_promise(link, rung):
    assert expect(link) == Expected(rung, Way.DIRECT)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"udp": False, "turn": True}, Expected(Rung.FULL, Way.RELAY)),
        ({"udp": False, "turn": False}, Expected(Rung.STILLS, Way.SOCKET)),
        ({"udp": False, "turn": None}, Expected(Rung.STILLS, Way.SOCKET)),
        ({"udp": False, "socket": False}, Expected(Rung.TEXT, Way.NONE)),
    ],
)
def test_how_it_will_travel(change, expected):
    assert expect(replace(LAN, **change)) == expected


@given(figures, st.data())
def test_a_better_link_never_promises_less(one, data):
    better = replace(
        one,
        up_kbit=one.up_kbit + data.draw(st.integers(0, 600)),
        down_kbit=one.down_kbit + data.draw(st.integers(0, 600)),
        **{
            name: data.draw(st.integers(0, getattr(one, name)))
            for name in ("rtt_ms", "jitter_ms", "lost_up_permille", "lost_down_permille")
        },
        udp=one.udp or data.draw(st.booleans()),
        turn=one.turn or data.draw(st.sampled_from([one.turn, True])),
        socket=one.socket or data.draw(st.booleans()),
    )

    assert LADDER.index(expect(better).rung) <= LADDER.index(expect(one).rung)


@given(figures)
def test_words_end_with_a_full_stop(one):
    said = probe.in_words(one, expect(one))

    assert all(line[0].isupper() and line.endswith(".") for line in said)


@pytest.mark.parametrize("name", MOST)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1.5, "9", True, None, 10**9])
def test_figures_that_no_link_has_are_refused(name, value):
    with pytest.raises(InvalidInput) as refused:
        replace(LAN, **{name: value})

    assert refused.value.field == name


@pytest.mark.parametrize(
    ("hours", "near"),
    [
        (24, True),
        (72.4, True),
        (47.6, True),
        (36, False),
        (25, False),
        (-24, False),
        (24 * 15, False),
    ],
)
def test_when_it_is_the_hour_of_a_session(hours, near):
    assert probe.at_hour(START, START - hours * HOUR) is near


def test_the_clock_has_no_end_at_midnight():
    assert probe.hour_apart(START + 14.1 * HOUR, START + 13.9 * HOUR + DAY) == 0.2 * HOUR


def made(at, rung=Rung.SMALL, way=Way.DIRECT):
    return Probe("lp", "rq", None, at, ProbeKind.FULL, LAN, Expected(rung, way))


def test_nothing_measured_is_no_forecast():
    old = made(START - 40 * DAY)

    assert forecast([], START, START - DAY) is None
    assert forecast([old], START, START - DAY) is None


def test_the_hour_of_the_session_counts_more_than_another():
    now = START - 10 * HOUR
    night = [made(now - hours * HOUR, Rung.FULL) for hours in (0, 1)]
    same = [made(START - days * DAY, Rung.STILLS) for days in (1, 2)]

    found = forecast([*night, *same], START, now)

    assert (found.rung, found.risk, found.count, found.near) == (Rung.STILLS, Risk.MEDIUM, 4, 2)


def test_one_bad_test_among_many_good_ones_is_not_the_forecast():
    good = [made(START - days * DAY, Rung.FULL) for days in range(1, 7)]

    found = forecast([*good, made(START - 7 * DAY, Rung.TEXT)], START, START - HOUR)

    assert (found.rung, found.risk, found.sureness) == (Rung.FULL, Risk.LOW, Sureness.SURE)


def test_a_network_without_media_is_a_risk():
    found = forecast([made(START - DAY, Rung.STILLS, Way.SOCKET)], START, START - HOUR)

    assert found.risk is Risk.HIGH
    assert forecasts.in_words(found) == (
        "Expect still pictures and sound, without a media connection. "
        "1 test, 1 at the session's hour: fairly sure."
    )


moments = st.integers(0, 20 * 24 * 60).map(lambda minutes: START - timedelta(minutes=minutes))


@given(moments, moments)
def test_weights_fall_with_age_and_with_the_distance_of_the_hour(at, now):
    here = weight(at, START, now)

    assert 0 < here <= 1
    assert weight(at - DAY, START, now) <= here
    assert weight(START - 30 * DAY, START, START - 30 * DAY) == 1


@given(st.lists(st.tuples(moments, st.sampled_from(LADDER)), min_size=1))
def test_a_forecast_lies_among_what_was_measured_and_better_tests_make_no_worse_one(tests):
    probes = [made(at, rung) for at, rung in tests]
    best = [made(at, LADDER[max(LADDER.index(rung) - 1, 0)]) for at, rung in tests]

    found, better = (forecast(some, START, START) for some in (probes, best))

    assert found.rung in {rung for _, rung in tests}
    assert LADDER.index(better.rung) <= LADDER.index(found.rung)
