"""What learners measured is kept with their request, in the record, and for its time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invigilation.desk.erasure import Periods
from invigilation.errors import NotAllowed, NotFound
from invigilation.forecast import Risk
from invigilation.ladder import Rung, Way
from invigilation.probe import DAILY, FRESH, Expected, Figures, ProbeKind
from invigilation.request import RequestState
from tests import builders
from tests.builders import START

FULL, SMALL = ProbeKind.FULL, ProbeKind.SMALL
THIN = Figures(100, 110, 700, 30, 20, 20, udp=True, turn=None, socket=True)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


async def booked(world, before=2 * DAY):
    sitting = await builders.book(world.desk)
    world.clock.go_to(sitting.start - before)
    return sitting


async def test_a_test_is_kept_and_stands_in_the_record_with_its_figures(world):
    sitting = await booked(world)

    one = await world.desk.probes.keep(sitting.request, FULL, THIN)

    assert one.expected == Expected(Rung.SMALL, Way.DIRECT)
    assert await world.desk.probes.of(sitting.request) == [one]
    [entry] = [it for it in await world.entries(sitting.session) if it.kind == "probe"]
    assert entry.actor == "learner"
    assert entry.data["up_kbit"] == 100
    assert (entry.data["rung"], entry.data["turn"]) == ("small", None)


async def test_a_test_before_anything_is_booked_is_kept_with_the_request(world):
    asked = await builders.ask(world.desk)

    one = await world.desk.probes.keep(asked, FULL, THIN)

    assert one.session is None
    assert await world.desk.probes.of(asked) == [one]


async def test_a_test_during_the_session_leaves_its_record_alone(world):
    sitting = await world.checked_in()

    await world.desk.probes.keep(sitting.request, FULL, THIN)

    assert "probe" not in await world.kinds(sitting.session)


@pytest.mark.parametrize(
    "migrated_url", [pytest.param("postgresql", marks=pytest.mark.store)], indirect=True
)
async def test_a_test_while_the_booking_is_cancelled_and_neither_waits_for_ever(world):
    sitting = await booked(world)
    async with world.store.write() as tx:
        await tx.sessions.hold(sitting.session)
        keeping = asyncio.create_task(world.desk.probes.keep(sitting.request, FULL, THIN))
        async with asyncio.timeout(5):
            while not await world.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)

        async with asyncio.timeout(5):
            await tx.requests.set_state(sitting.request, RequestState.OPEN)

    assert (await keeping).session == sitting.session


async def test_there_is_no_test_of_a_request_that_there_is_not(world):
    with pytest.raises(NotFound):
        await world.desk.probes.keep("rq_nobody", FULL, THIN)


async def test_thirty_tests_a_day_and_no_more(world):
    sitting = await booked(world)
    for _ in range(DAILY):
        await world.desk.probes.keep(sitting.request, FULL, THIN)

    with pytest.raises(NotAllowed):
        await world.desk.probes.keep(sitting.request, FULL, THIN)

    world.clock.go_to(world.clock.now() + DAY + MINUTE)
    await world.desk.probes.keep(sitting.request, FULL, THIN)


async def test_a_small_test_needs_consent_the_hour_and_twenty_minutes(world):
    sitting, desk = await booked(world), world.desk.probes
    with pytest.raises(NotAllowed, match="consent"):
        await desk.keep(sitting.request, SMALL, THIN)
    await desk.agree(sitting.request, yes=True)
    await desk.keep(sitting.request, SMALL, THIN)
    with pytest.raises(NotAllowed, match="soon"):
        await desk.keep(sitting.request, SMALL, THIN)

    world.clock.go_to(world.clock.now() + 21 * MINUTE)
    await desk.keep(sitting.request, SMALL, THIN)
    world.clock.go_to(world.clock.now() + 21 * MINUTE)

    with pytest.raises(NotAllowed, match="hour"):
        await desk.keep(sitting.request, SMALL, THIN)


async def test_the_page_is_told_when_to_test(world):
    sitting, desk = await booked(world, 2 * DAY + timedelta(hours=3)), world.desk.probes

    assert (await desk.wanted(sitting.request)).wait is None
    await desk.agree(sitting.request, yes=True)
    assert (await desk.wanted(sitting.request)).wait == timedelta(hours=2.5)
    world.clock.go_to(sitting.start - 2 * DAY)
    assert (await desk.wanted(sitting.request)).wait == timedelta(0)
    await desk.keep(sitting.request, SMALL, THIN)
    assert (await desk.wanted(sitting.request)).wait == timedelta(minutes=20)


async def test_consent_taken_back_deletes_what_the_small_tests_found(world):
    sitting, desk = await booked(world), world.desk.probes
    await desk.agree(sitting.request, yes=True)
    await desk.agree(sitting.request, yes=True)
    pressed = await desk.keep(sitting.request, FULL, THIN)
    await desk.keep(sitting.request, SMALL, THIN)

    await desk.agree(sitting.request, yes=False)

    assert await desk.of(sitting.request) == [pressed]
    assert (await desk.wanted(sitting.request)).agreed is False
    noted = await world.rows(
        "SELECT actor, action FROM audit WHERE subject = :it ORDER BY id", it=sitting.request
    )
    assert noted == [("learner", "link_consent.given"), ("learner", "link_consent.withdrawn")]
    await desk.agree(sitting.request, yes=True)
    assert (await desk.wanted(sitting.request)).agreed is True


async def test_the_scheduler_sees_what_to_expect_of_sessions_to_come(world):
    sitting = await booked(world)
    await world.desk.probes.keep(sitting.request, FULL, THIN)
    asked = (sitting.booking, sitting.request, sitting.start)

    found = await world.desk.probes.forecasts([asked, ("bk_other", "rq_other", sitting.start)])

    assert found[sitting.booking].risk is Risk.LOW
    assert list(found) == [sitting.booking]
    world.clock.go_to(START)
    assert await world.desk.probes.forecasts([asked]) == {}


async def test_measurements_go_after_their_time(world):
    sitting = await booked(world)
    await world.desk.probes.keep(sitting.request, FULL, THIN)
    world.clock.go_to(world.clock.now() + FRESH + MINUTE)

    await world.desk.erasure.sweep(Periods())

    assert await world.count("link_probe") == 0


async def test_a_learner_who_is_forgotten_leaves_no_measurement(world):
    asked = await builders.ask(world.desk)
    await world.desk.probes.keep(asked, FULL, THIN)
    await world.desk.probes.agree(asked, yes=True)
    sitting = await world.desk.bookings.book(asked, START, "UTC")

    async with world.store.write() as tx:
        await tx.texts.forget(sitting.session)

    assert await world.count("link_probe") == await world.count("link_consent") == 0
