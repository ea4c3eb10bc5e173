"""No sequence of acts, and no interleaving, ever overbooks, misplaces or loses a booking.

`INVIGILATION_LONG_PROPERTIES=1` plays longer, and other games each time.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from invigilation.store import Store
from tests.builders import FixedClock
from tests.invigilation.conftest import empty
from tests.invigilation.play import BEFORE_AUTUMN, BEFORE_SPRING, MINUTE, Play

LONG = bool(os.environ.get("INVIGILATION_LONG_PROPERTIES"))
NUMBER = st.integers(0, 999)
YES = st.booleans()
PROFILE = settings(
    max_examples=200 if LONG else 5,
    stateful_step_count=60 if LONG else 30,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
)


class Calendar(RuleBasedStateMachine):
    """Anything that people and the clock can do, one after the other."""

    def __init__(self, fresh):
        super().__init__()
        self.runner = asyncio.Runner()
        self.fresh = fresh
        self.play = None
        self.seen = None

    def run(self, work):
        return self.runner.run(work)

    @initialize(spring=YES)
    def begin(self, spring):
        async def begin():
            store = Store(await self.fresh())
            clock = FixedClock(BEFORE_SPRING if spring else BEFORE_AUTUMN)
            return await Play(store, clock).open()

        self.play = self.run(begin())

    def teardown(self):
        if self.play is not None:
            self.run(self.play.store.close())
        self.runner.close()

    @rule(who=NUMBER, when=NUMBER, by_staff=YES, named=NUMBER)
    def book(self, who, when, by_staff, named):
        self.run(self.play.book(who, when, by_staff=by_staff, named=named))

    @rule(first=NUMBER, when=NUMBER)
    def book_several(self, first, when):
        for who in range(4):
            self.run(self.play.book(first + who, when - when % 6, by_staff=False, named=0))

    @rule(who=NUMBER, when=NUMBER)
    def reserve(self, who, when):
        self.run(self.play.reserve(who, when))

    @rule(number=NUMBER)
    def pay(self, number):
        self.run(self.play.pay(number))

    @rule(who=NUMBER)
    def give_back(self, who):
        self.run(self.play.give_back(who))

    @rule(number=NUMBER, when=NUMBER, by_staff=YES, named=NUMBER)
    def move(self, number, when, by_staff, named):
        self.run(self.play.move(number, when, by_staff=by_staff, named=named))

    @rule(number=NUMBER, named=NUMBER)
    def reassign(self, number, named):
        self.run(self.play.reassign(number, named))

    @rule(number=NUMBER, by_staff=YES)
    def cancel(self, number, by_staff):
        self.run(self.play.cancel(number, by_staff=by_staff))

    @rule(who=NUMBER, days=NUMBER)
    def wait(self, who, days):
        self.run(self.play.wait(who, days))

    @rule(days=NUMBER, choice=NUMBER)
    def crowd(self, days, choice):
        self.run(self.play.crowd(days, choice))

    @rule(number=NUMBER, accept=YES)
    def answer_offer(self, number, accept):
        self.run(self.play.answer_offer(number, accept=accept))

    @rule(minutes=st.sampled_from([7, 31, 180, 1_440, 5 * 1_440]))
    def time_passes(self, minutes):
        self.run(self.play.go(MINUTE * minutes))

    @rule(number=NUMBER)
    def come(self, number):
        self.run(self.play.come(number))

    @rule(who=NUMBER, days=NUMBER, hours=NUMBER, choice=NUMBER)
    def go_away(self, who, days, hours, choice):
        self.run(self.play.go_away(who, days, hours, choice))

    @rule(number=NUMBER, choice=NUMBER)
    def come_back(self, number, choice):
        self.run(self.play.come_back(number, choice))

    @rule(days=NUMBER, choice=NUMBER)
    def close(self, days, choice):
        self.run(self.play.close(days, choice))

    @rule(number=NUMBER, choice=NUMBER)
    def reopen(self, number, choice):
        self.run(self.play.reopen(number, choice))

    @rule(days=NUMBER, hour=NUMBER, choice=NUMBER)
    def open_hours(self, days, hour, choice):
        self.run(self.play.open_hours(days, hour, choice))

    @rule(number=NUMBER, choice=NUMBER)
    def shut_hours(self, number, choice):
        self.run(self.play.shut_hours(number, choice))

    @rule(who=NUMBER, days=NUMBER, hour=NUMBER, choice=NUMBER)
    def new_week(self, who, days, hour, choice):
        self.run(self.play.new_week(who, days, hour, choice))

    @rule(who=NUMBER, days=NUMBER, hour=NUMBER, choice=NUMBER)
    def extra(self, who, days, hour, choice):
        self.run(self.play.extra(who, days, hour, choice))

    @rule(who=NUMBER, learners=NUMBER, choice=NUMBER)
    def capacity(self, who, learners, choice):
        self.run(self.play.capacity(who, learners, choice))

    @rule(who=NUMBER, which=NUMBER, choice=NUMBER)
    def skills(self, who, which, choice):
        self.run(self.play.skills(who, which, choice))

    @rule(days=NUMBER)
    def holiday(self, days):
        self.run(self.play.holiday(days))

    @precondition(lambda self: hasattr(self.play.desk, "busy"))
    @rule(who=NUMBER, days=NUMBER, hours=NUMBER)
    def busy(self, who, days, hours):
        self.run(self.play.busy(who, days, hours))

    @invariant()
    def holds(self):
        if self.play is not None:
            self.seen = self.run(self.play.check(self.seen))


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.store),
        pytest.param("postgresql", marks=pytest.mark.store),
    ]
)
def fresh(request, tmp_path):
    """Give what makes the address of an empty database; each time the one before is gone."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        path = tmp_path / "play.sqlite3"

        async def copy():
            for old in tmp_path.glob("play.sqlite3*"):
                old.unlink()
            shutil.copy(template, path)
            return f"sqlite+aiosqlite:///{path}"

        return copy
    url = request.getfixturevalue("kept_database")

    async def emptied():
        await empty(url)
        return url

    return emptied


def test_no_sequence_of_acts_overbooks_misplaces_or_loses_a_booking(fresh):
    run_state_machine_as_test(lambda: Calendar(fresh), settings=PROFILE)


ACTS = (
    *[lambda play, rng: play.book(rng(), rng(), by_staff=rng() % 2 == 0, named=rng())] * 4,
    *[lambda play, rng: play.move(rng(), rng(), by_staff=rng() % 2 == 0, named=rng())] * 2,
    *[lambda play, rng: play.cancel(rng(), by_staff=rng() % 2 == 0)] * 2,
    lambda play, rng: play.reserve(rng(), rng()),
    lambda play, rng: play.pay(rng()),
    lambda play, rng: play.give_back(rng()),
    lambda play, rng: play.reassign(rng(), rng()),
    lambda play, rng: play.wait(rng(), rng()),
    lambda play, rng: play.crowd(rng(), rng()),
    lambda play, rng: play.answer_offer(rng(), accept=rng() % 2 == 0),
    lambda play, _: play.sweep(),
    lambda play, rng: play.go(MINUTE * (rng() % 40)),
    lambda play, rng: play.go_away(rng(), rng(), rng(), rng()),
    lambda play, rng: play.come_back(rng(), rng()),
    lambda play, rng: play.close(rng(), rng()),
    lambda play, rng: play.reopen(rng(), rng()),
    lambda play, rng: play.open_hours(rng(), rng(), rng()),
    lambda play, rng: play.shut_hours(rng(), rng()),
    lambda play, rng: play.new_week(rng(), rng(), rng(), rng()),
    lambda play, rng: play.capacity(rng(), rng(), rng()),
    lambda play, rng: play.skills(rng(), rng(), rng()),
)


@pytest.mark.parametrize("seed", range(12 if LONG else 2))
async def test_no_interleaving_overbooks_misplaces_or_loses_a_booking(fresh, seed):
    store = Store(await fresh())
    play = await Play(store, FixedClock(BEFORE_SPRING), alone=False).open()
    before = await play.check()

    async def somebody(number):
        rng = random.Random(seed * 100 + number)
        for _ in range(14):
            await rng.choice(ACTS)(play, lambda: rng.randrange(1_000))

    for _ in range(2):
        await asyncio.gather(*(somebody(number) for number in range(6)))
        before = await play.check(before)

    assert play.done > 40
    play.clock.go(timedelta(days=1).total_seconds())
    await play.sweep()
    await play.check(before)
    await store.close()
