"""A deploy in mid-session: everybody is told, and comes back to the new process without a click."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.harness.browser import Browsers
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS
from tests.journeys.steps import begin
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]
LAST_WORDS = "Written just before the service was told to end."


async def test_a_deploy_ends_no_session(world: World, cast: Cast, browsers: Browsers) -> None:
    browsers.allow("WebSocket|ERR_CONNECTION|Failed to fetch|ERR_EMPTY")  # while nobody is there
    sitting = await begin(world, cast)
    both = (sitting.learner, sitting.console)
    await asyncio.gather(*(person.sees("the other") for person in both))
    await until(lambda: parts(world, "sha256 IS NULL") == 1, SOON_S, "a recording")
    await sitting.learner.write(LAST_WORDS)

    await asyncio.to_thread(world.service.stop)

    assert parts(world, "sha256 IS NULL") == 0  # completed by the process that began it
    await sitting.learner.told("The service starts again", "You need not do anything")
    needs = sitting.console.page.locator(".needs")
    await expect(needs).to_contain_text("The service starts again", timeout=SOON_MS)
    before = tuple(page for page, in [(one.page.url,) for one in both])
    await world.service.start()
    await asyncio.gather(*(person.sees("the other, again") for person in both))
    await sitting.learner.told("Your assessment is open")
    await sitting.console.write("You are back.")
    await sitting.learner.reads("You are back.")
    await sitting.console.reads(LAST_WORDS)
    assert tuple(one.page.url for one in both) == before
    log = Path(world.service.process.log).read_text(encoding="utf-8")
    assert log.index('"draining"') < log.index('"drained"')


def parts(world: World, which: str) -> int:
    return len(world.rows(f"SELECT id FROM evidence WHERE kind = 'recording' AND {which}"))  # noqa: S608 - the test's own words
