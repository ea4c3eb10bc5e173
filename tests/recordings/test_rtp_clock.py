from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.rtp_clock import FALL, RISE, RtpClock

RATE = 48_000


def placed(clock: RtpClock, packets: list[tuple[float, float]], base: int = 0) -> list[float]:
    """Observe (media time, arrival) of packets, settling every 2 s, and place them."""
    times: list[float] = []
    waiting = []
    since = packets[0][1]
    for media, received in packets:
        if received >= since + 2:
            clock.settle()
            times += [clock.place(spot) for spot in waiting]
            waiting, since = [], received
        waiting.append(clock.observe((base + round(media * RATE)) % 2**32, received))
    clock.settle()
    return times + [clock.place(spot) for spot in waiting]


@given(
    base=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(1, 40), min_size=1, max_size=50),
    # More, and it is a source that stood still (`HELD_SECONDS`).
    delays=st.lists(st.floats(0, 0.75), min_size=51, max_size=51),
)
def test_packets_keep_their_distance_but_for_a_tenth(
    base: int, steps: list[int], delays: list[float]
) -> None:
    media = [0.0]
    for step in steps:
        media.append(media[-1] + step * 0.02)
    packets = [(at, 100 + at + delay) for at, delay in zip(media, delays, strict=False)]

    times = placed(RtpClock(RATE), packets, base)

    for before, after in pairwise(zip(media, times, strict=True)):
        step = after[0] - before[0]
        assert (1 - FALL) * step - 1e-6 <= after[1] - before[1] <= (1 + RISE) * step + 1e-6


@given(base=st.integers(0, 2**32 - 1), again=st.integers(0, 2**32 - 1), pause=st.floats(0, 600))
def test_a_new_start_is_placed_near_its_arrival_and_never_back(
    base: int, again: int, pause: float
) -> None:
    clock = RtpClock(RATE)
    before = placed(clock, [(at * 0.02, 10 + at * 0.02) for at in range(100)], base)

    spot = clock.observe(again, 12 + pause)
    clock.settle()
    after = clock.place(spot)

    assert after == pytest.approx(12 + pause, abs=5.1)
    continues = abs((again - base - 99 * 960 + 2**31) % 2**32 - 2**31) < 11 * 60 * RATE
    assert after >= before[-1] or continues


def test_a_late_start_that_is_seen_in_time_is_placed_right_at_once() -> None:
    packets = [(0.0, 11.2), *((at / 10, max(11.2, 10 + at / 10)) for at in range(1, 100))]

    times = placed(RtpClock(RATE), packets)

    assert times == pytest.approx([10 + media for media, _ in packets])


def test_a_late_start_is_pulled_forward_by_a_tenth_of_the_time() -> None:
    packets = [(float(at), 11.0 + at) for at in range(4)]
    packets += [(float(at), 10.0 + at) for at in range(4, 20)]

    times = placed(RtpClock(RATE), packets)

    assert times[0] == 11.0
    assert min(after - before for before, after in pairwise(times)) == pytest.approx(0.9)
    assert times[-1] == pytest.approx(29.0)


def test_a_clock_that_drifts_is_followed_both_ways() -> None:
    for drift in (1e-4, -1e-4):
        packets = [(at * (1 + drift), 10.0 + at) for at in range(3600)]

        times = placed(RtpClock(RATE), packets)

        assert max(abs(time - at) for time, (_, at) in zip(times, packets, strict=True)) < 0.01


def test_a_source_that_stood_still_goes_on_where_it_is_heard_again() -> None:
    packets = [(at / 50, 10 + at / 50) for at in range(100)]
    packets += [(2 + at / 50, 15 + at / 50) for at in range(100)]
    clock = RtpClock(RATE)

    times = placed(clock, packets)

    assert times == pytest.approx([received for _, received in packets])
    assert not clock.jumped


def test_an_outage_with_a_queue_behind_it_leaves_the_line_where_it_was() -> None:
    packets = [(at / 50, 10 + at / 50) for at in range(1000)]
    packets += [(40 + at / 50, 50 + at / 50 + max(0.0, 1.5 - at / 100)) for at in range(1000)]

    times = placed(RtpClock(RATE), packets)

    assert times == pytest.approx([10 + media for media, _ in packets], abs=0.03)


def test_what_was_only_observed_teaches_the_start() -> None:
    clock = RtpClock(RATE)
    clock.observe(0, 11.0)
    clock.observe(RATE, 11.2)

    spot = clock.observe(2 * RATE, 13.5)
    clock.settle()

    assert clock.place(spot) == pytest.approx(12.2)
