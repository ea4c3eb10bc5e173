"""The wall clock leaps: that is seen, logged, and holds nothing up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.leaps import LEAP_S, Leaps, mind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIMIT_S = 20.0


class Clocks:
    """A time of day and a time that has passed, each set by hand."""

    def __init__(self):
        self.day = NOON
        self.seconds = 0.0
        self.leaps = Leaps(lambda: self.day, lambda: self.seconds)
        self.leaps.look()

    def pass_by(self, seconds, leap=0.0):
        self.seconds += seconds
        self.day += timedelta(seconds=seconds + leap)


@pytest.mark.parametrize("leap", [-3_600.0, 3_600.0, -LEAP_S, LEAP_S])
def test_a_leap_is_seen_once_and_with_its_length(leap):
    clocks = Clocks()
    clocks.pass_by(5, leap)

    assert (clocks.leaps.look(), clocks.leaps.look()) == (leap, 0.0)


@pytest.mark.parametrize("seconds", [5.0, 7_200.0])
def test_time_that_passes_is_no_leap_however_long_nobody_looked(seconds):
    clocks = Clocks()
    clocks.pass_by(seconds, leap=1.5)

    assert clocks.leaps.look() == 0.0


@pytest.mark.parametrize(("leap", "calls"), [(-3_600.0, 1), (3_600.0, 0)])
async def test_only_a_leap_backwards_calls_for_work(leap, calls):
    clocks = Clocks()
    clocks.pass_by(1, leap)
    called = []
    looked = asyncio.Event()
    own = clocks.leaps.passed
    looks = []

    def passed():
        looks.append(1)
        if len(looks) >= 3:
            looked.set()
        return own()

    clocks.leaps.passed = passed

    task = asyncio.create_task(mind(clocks.leaps, lambda: called.append(1), every=0))
    async with asyncio.timeout(LIMIT_S):
        await looked.wait()
    task.cancel()
    await asyncio.wait({task})

    assert len(called) == calls
