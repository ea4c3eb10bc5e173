"""What an invigilator asks for in the middle: a look around the room, and the screen."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.harness.browser import accessibility_problems
from tests.harness.waiting import until
from tests.journeys.people import SOON_MS
from tests.journeys.steps import Sitting
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

SCREEN_WIDTH = """() => document.querySelector("#screen, .others video")?.videoWidth ?? 0"""
RESULTS = "SELECT kind, result FROM inspection"
RECORDED = "SELECT 1 FROM evidence WHERE kind = 'screen_recording'"
SHARED = "SELECT kind FROM event WHERE kind LIKE 'screen%' ORDER BY seq"


async def asks_for(console: Page, what: str) -> None:
    """Ask for one of the things that the console offers."""
    await console.get_by_role("button", name="Ask for").click()
    await console.get_by_role("dialog").get_by_role("button", name=what).click()
    await expect(console.get_by_role("dialog")).to_have_count(0)


async def test_the_learner_shows_the_room_and_the_screen_when_asked(
    world: World, sitting: Sitting
) -> None:
    learner, console = sitting.learner.page, sitting.console.page
    asked = learner.locator("#asks h2").first

    await asks_for(console, "Show the room")
    await expect(asked).to_have_text("Your invigilator asks: show the room slowly", timeout=SOON_MS)
    await expect(learner).to_have_title(re.compile("^● Your invigilator asks"))
    assert await accessibility_problems(learner) == []
    await learner.get_by_role("button", name="I have done it").click()
    await expect(asked).to_have_text("Thank you", timeout=SOON_MS)
    await console.get_by_role("button", name="Satisfied", exact=False).first.click()
    await expect(learner.locator("#asks h2")).to_have_count(0, timeout=SOON_MS)

    await asks_for(console, "Share the screen")
    await learner.get_by_role("button", name="Share my screen").click(timeout=SOON_MS)
    await expect(asked).to_have_text("You are sharing your screen", timeout=SOON_MS)
    await until(lambda: console.evaluate(SCREEN_WIDTH), SOON_S, "the learner's screen")
    await until(lambda: world.rows(RECORDED), SOON_S, "the screen's recording")
    await asks_for(console, "Stop sharing the screen")
    await expect(learner.locator("#asks h2")).to_have_count(0, timeout=SOON_MS)

    assert world.rows(RESULTS) == [("room_scan", "satisfied")]
    ended = [("screen_asked",), ("screen_shared",), ("screen_ended",)]
    await until(lambda: world.rows(SHARED) == ended, SOON_S, "the record of the screen")
