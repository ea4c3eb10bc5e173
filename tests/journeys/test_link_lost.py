"""The learner's link is lost and comes back: the session waits, and nobody has to do anything."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.harness.browser import Browsers
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.link import lost_link
from tests.journeys.people import values
from tests.journeys.steps import begin
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

NOTICED_MS = 45_000
"""Until both sides know: a ping every 5 seconds, and 10 more for its answer."""
BACK_S = 30.0
WORDS = "Written while the link was gone."


async def test_a_lost_link_ends_nothing_and_heals_by_itself(
    world: World, cast: Cast, browsers: Browsers
) -> None:
    browsers.allow("WebSocket|ERR_|Failed to fetch|timed out")  # while the link is gone
    sitting = await begin(world, cast)
    learner, console = sitting.learner, sitting.console
    await console.sees("the learner")
    trouble = console.page.locator(".trouble")

    async with lost_link(learner.page):
        await expect(trouble).to_contain_text("has lost the connection", timeout=NOTICED_MS)
        await expect(learner.page.locator("#status-title")).to_contain_text(
            "Connection lost", timeout=NOTICED_MS
        )
        await learner.page.locator("#chat-text").fill(WORDS)
        await learner.page.locator("#chat-text").press("Enter")
        await learner.reads(WORDS)
        await expect(learner.page.locator(".chat li", has_text=WORDS)).to_contain_text("Sending")
        await until(lambda: "left" in kinds(world), SOON_S, "the record to say so")
        await console.in_state("In progress")

    await learner.told("Your assessment is open")
    await console.reads(WORDS)
    await learner.reads(WORDS)
    await console.sees("the learner, again", BACK_S)
    await console.hears("the learner, again", BACK_S)
    await learner.sees("the invigilator, again", BACK_S)
    await expect(trouble).to_be_hidden()
    await console.in_state("In progress")
    after = kinds(world)
    assert after.count("left") == 1
    assert after.index("left") < after.index("joined") < after.index("chat")


def kinds(world: World) -> list[str]:
    """Return what happened in the session from the admission on."""
    rows = world.rows(
        "SELECT event.kind FROM event JOIN session ON event.session = session.id "
        "WHERE session.state = 'in_progress' ORDER BY event.seq"
    )
    every: list[str] = values(rows)
    return every[every.index("admit") :]
