from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.rtp_clock import RtpClock

RATE = 48_000


@given(
    base=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(-20, 200), min_size=1, max_size=50),
    delays=st.lists(st.floats(0, 2), min_size=51, max_size=51),
    unwrapped=st.booleans(),
)
def test_packets_keep_their_distance_whatever_the_network_does(
    *, base: int, steps: list[int], delays: list[float], unwrapped: bool
) -> None:
    clock = RtpClock(RATE, catch_up=False)
    media = [0]
    for step in steps:
        media.append(media[-1] + step * 960)

    placed = []
    for at, delay in zip(media, delays, strict=False):
        timestamp = base + at if unwrapped else (base + at) % 2**32
        placed.append(clock.place(timestamp, 100 + at / RATE + delay))

    assert placed[0] == 100 + delays[0]
    assert [at - placed[0] for at in placed] == pytest.approx([at / RATE for at in media], abs=1e-6)


@given(base=st.integers(0, 2**32 - 1), again=st.integers(0, 2**32 - 1), pause=st.floats(0, 600))
def test_a_new_start_is_placed_near_its_arrival_and_never_back(
    base: int, again: int, pause: float
) -> None:
    clock = RtpClock(RATE, catch_up=True)
    before = [clock.place(base + at * 960, 10 + at * 0.02) for at in range(100)]

    after = clock.place(again, 12 + pause)

    assert after == pytest.approx(12 + pause, abs=5.1)
    continues = abs((again - base - 99 * 960 + 2**31) % 2**32 - 2**31) < 11 * 60 * RATE
    assert after >= before[-1] or continues


def test_a_late_start_is_pulled_forward_by_a_tenth_of_the_time() -> None:
    clock = RtpClock(RATE, catch_up=True)
    placed = [clock.place(0, 11.0)]
    placed += [clock.place(at * RATE, 10.0 + at) for at in range(1, 15)]

    steps = [after - before for before, after in pairwise(placed)]

    assert steps[:9] == pytest.approx([0.9] * 9)
    assert placed[-1] == pytest.approx(24.0)


def test_what_was_only_heard_teaches_the_start() -> None:
    clock = RtpClock(RATE, catch_up=True)
    clock.listen(0, 11.0)
    clock.listen(RATE, 11.2)

    placed = clock.place(2 * RATE, 13.5)

    assert placed == pytest.approx(12.2)
