"""The training company's system is down while a session ends: the report comes later, once."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from tests.harness.browser import NOBODY_THERE, Browsers
from tests.harness.waiting import until
from tests.journeys.steps import Sitting
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

RETRY = timedelta(minutes=10)
"""Longer than the first pauses between attempts."""


async def test_a_report_reaches_a_backend_that_was_down_and_takes_effect_once(
    world: World, sitting: Sitting, browsers: Browsers
) -> None:
    browsers.allow(NOBODY_THERE)
    await world.told("session.admitted")

    await world.post(f"{world.practice.url}/test/down")
    await sitting.console.end()
    await sitting.learner.told("Your session is finished")
    await sitting.console.attest()
    await until(lambda: refusals(world), SOON_S, "a refused delivery")
    world.service.kill()  # what has to be told survives this, too
    await world.service.start()
    world.time.forward(RETRY)
    await until(lambda: refused_again(world), SOON_S, "deliveries that were refused again")
    assert await world.reports() == []
    await world.post(f"{world.practice.url}/test/up")
    await everything_delivered(world)
    await world.beat()

    assert world.rows("SELECT kind FROM anchor") == [("receipt",)]
    [report] = await world.reports()
    assert (report["outcome"], report["learner"]) == ("completed", "L-1001")
    events = await world.fetch(f"{world.practice.url}/events.json")
    kinds = [event["type"] for event in events]
    assert (kinds.count("report.ready"), kinds.count("session.ended")) == (1, 1)
    accepted = [one for one in await calls(world) if one["status"] == 200]
    assert len({one["webhook"] for one in accepted}) == len(accepted)


async def calls(world: World) -> list[dict[str, Any]]:
    return list(await world.fetch(f"{world.practice.url}/deliveries.json"))


async def refusals(world: World) -> dict[str, int]:
    """Return how often each webhook was refused."""
    counts: dict[str, int] = {}
    for one in await calls(world):
        if one["status"] == 503:
            counts[one["webhook"]] = counts.get(one["webhook"], 0) + 1
    return counts


async def refused_again(world: World) -> bool:
    return max((await refusals(world)).values()) > 1


async def everything_delivered(world: World) -> None:
    """Let time pass until nothing is owed; each attempt may wait longer than the last."""
    for _ in range(10):
        world.time.forward(RETRY)
        with contextlib.suppress(TimeoutError):
            return await until(lambda: all_delivered(world), 3, "everything to be delivered")
    return await until(lambda: all_delivered(world), SOON_S, "everything to be delivered")


def all_delivered(world: World) -> bool:
    return not world.rows(
        "SELECT 1 FROM delivery WHERE channel = 'webhook' AND state <> 'delivered'"
    )
