"""The clock: it runs at once, never twice at the same time, and ends with what it began."""

from __future__ import annotations

import asyncio
import functools
from datetime import timedelta

import pytest

from scheduler import runner
from scheduler.jobs import Job
from scheduler.leaps import mind
from scheduler.runner import running

OFTEN = timedelta(milliseconds=10)
RARELY = timedelta(hours=1)
LONG = timedelta(seconds=30)
LIMIT_S = 20.0


class Watch:
    """Hears of every run, and lets a test wait for them."""

    def __init__(self):
        self.runs = []
        self._changed = asyncio.Event()

    def __call__(self, name, seconds, good):
        self.runs.append((name, good))
        assert seconds >= 0
        self._changed.set()

    async def until(self, count):
        async with asyncio.timeout(LIMIT_S):
            while len(self.runs) < count:
                self._changed.clear()
                await self._changed.wait()


async def nothing():
    pass


async def failing():
    raise ValueError("a sweep that fails")


async def test_every_job_runs_at_once():
    watch = Watch()

    async with running(
        [Job("one", RARELY, LONG, nothing), Job("two", RARELY, LONG, nothing)], watch
    ):
        await watch.until(2)

    assert sorted(watch.runs) == [("one", True), ("two", True)]


async def test_a_job_runs_again_after_its_period():
    watch = Watch()

    async with running([Job("often", OFTEN, LONG, nothing)], watch):
        await watch.until(4)

    assert set(watch.runs) == {("often", True)}


async def test_no_job_runs_twice_at_the_same_time():
    running_now, most = 0, 0
    other, watch = Watch(), Watch()

    async def slow():
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        seen = len(other.runs)
        await other.until(seen + 5)  # while another job has its turn five times
        running_now -= 1

    def hear(name, seconds, good):
        (watch if name == "slow" else other)(name, seconds, good)

    async with running([Job("slow", OFTEN, LONG, slow), Job("quick", OFTEN, LONG, nothing)], hear):
        await watch.until(3)

    assert most == 1


async def test_a_sweep_that_fails_does_not_end_the_clock():
    watch = Watch()
    bad = Job("bad", OFTEN, LONG, failing)

    async with running([bad, Job("good", OFTEN, LONG, nothing)], watch):
        await watch.until(8)

    assert watch.runs.count(("bad", False)) >= 2
    assert watch.runs.count(("good", True)) >= 2
    assert ("bad", True) not in watch.runs


async def test_a_sweep_that_takes_too_long_is_ended_and_tried_again():
    watch, ended = Watch(), []

    async def stuck():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async with running([Job("stuck", OFTEN, timedelta(milliseconds=20), stuck)], watch):
        await watch.until(2)

    assert set(watch.runs) == {("stuck", False)}
    assert len(ended) >= 2


async def test_leaving_ends_what_is_under_way_and_waits_for_it(caplog):
    began, tidied = asyncio.Event(), []

    async def stuck():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            tidied.append(True)

    watch = Watch()

    async with running([Job("stuck", RARELY, LONG, stuck)], watch):
        await asyncio.wait_for(began.wait(), LIMIT_S)

    assert tidied == [True]
    assert caplog.records == []  # to be told to go is no failure
    assert watch.runs == [("stuck", False)]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_leaving_at_once_leaves_nothing_behind():
    runs = []

    async def sweep():
        runs.append(True)

    async with running([Job("one", RARELY, LONG, sweep)], lambda *_: None):
        pass

    before = len(runs)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(runs) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_inside_passes_and_the_clock_still_ends():
    began, tidied = asyncio.Event(), []

    async def stuck():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append(True)

    async def service():
        async with running([Job("stuck", RARELY, LONG, stuck)], lambda *_: None):
            await asyncio.wait_for(began.wait(), LIMIT_S)
            raise LookupError

    with pytest.raises(LookupError):
        await service()

    assert tidied == [True]


async def test_a_clock_that_is_set_back_holds_no_job_up(monkeypatch):
    class SetBack:
        def __init__(self):
            self.leaps = [-3_600.0]

        def look(self):
            return self.leaps.pop() if self.leaps and watch.runs else 0.0

    watch = Watch()
    monkeypatch.setattr(runner, "Leaps", SetBack)
    monkeypatch.setattr(runner, "mind", functools.partial(mind, every=0.01))

    async with running([Job("rare", RARELY, LONG, nothing)], watch):
        await watch.until(2)

    assert watch.runs == [("rare", True)] * 2
