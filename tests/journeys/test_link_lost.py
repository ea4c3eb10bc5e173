"""The learner's link is lost and comes back: the session waits, and nobody has to do anything."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.harness.browser import Browsers
from tests.harness.service import Service
from tests.harness.waiting import until
from tests.journeys.link import lost_link
from tests.journeys.people import SOON_MS, values
from tests.journeys.steps import Sitting
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

NOTICED_MS = 45_000
"""Until both sides know: a ping every 5 seconds, and 10 more for its answer."""
GONE = re.compile("No signal from the ship since|has lost the connection")
BACK_S = 30.0
CHAINS = "SELECT seq FROM event WHERE kind = 'local_chain'"
FILLED_S = 60.0
"""Its pieces leave most of the link to sound and picture."""
WORDS = "Written while the link was gone."


@pytest.fixture
def service(service: Service) -> Service:
    """The service, whose learners keep short segments on their devices."""
    service.set(INVIGILATION_LOCAL_SEGMENT_S="4")
    return service


async def test_a_lost_link_ends_nothing_and_heals_by_itself(
    world: World, sitting: Sitting, browsers: Browsers
) -> None:
    browsers.allow("WebSocket|ERR_|Failed to fetch|timed out")  # while the link is gone
    learner, console = sitting.learner, sitting.console
    await console.sees("the learner")
    kept = learner.page.locator(".kept")
    await until(lambda: world.rows(CHAINS), SOON_S, "the chain of what they keep")
    trouble = console.page.locator(".trouble")

    async with lost_link(learner.page):
        await expect(trouble).to_contain_text(GONE, timeout=NOTICED_MS)
        await expect(learner.page.locator("#status-title")).to_contain_text(
            "Connection lost", timeout=NOTICED_MS
        )
        await expect(learner.page.locator("#status-words")).to_contain_text("Stay in view")
        await expect(kept).to_contain_text("Go on with your assessment: this device records")
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
    # A link that was called weak meanwhile is called good after ten fine seconds, and not before.
    await expect(trouble).to_be_hidden(timeout=SOON_MS)
    await console.in_state("In progress")
    after = kinds(world)
    assert after.count("left") == 1
    assert after.index("left") < after.index("joined") < after.index("chat")

    await console.page.get_by_role("button", name=re.compile("^Technical")).click()
    await expect(learner.page.get_by_text("were given back to you")).to_be_visible(timeout=SOON_MS)
    assert kinds(world).count("gap_ruled") == kinds(world).count("gap_closed") == 1
    assert given_back(world) == lost(world) > 0

    await until(lambda: "gap_filled" in kinds(world), FILLED_S, "what the device had kept")
    assert filled(world) == lost(world)
    after = kinds(world)
    assert after.index("gap_opened") < after.index("gap_filled")
    assert "local_chain" in after[after.index("gap_opened") : after.index("gap_filled")]


def lost(world: World) -> int:
    """Return the assessment time, in microseconds, that went by in the one gap."""
    [(span,)] = world.rows("SELECT lost FROM gap")
    return int(span)


def filled(world: World) -> int:
    """Return how much of the gap, in microseconds, the device's recording shows."""
    [(covers, state)] = world.rows("SELECT covers, state FROM gap_fill")
    assert state == "complete"
    return int(covers)


def given_back(world: World) -> int:
    [(span,)] = world.rows("SELECT given_back FROM session WHERE state = 'in_progress'")
    return int(span)


def kinds(world: World) -> list[str]:
    """Return what happened in the session from the admission on."""
    rows = world.rows(
        "SELECT event.kind FROM event JOIN session ON event.session = session.id "
        "WHERE session.state = 'in_progress' ORDER BY event.seq"
    )
    every: list[str] = values(rows)
    return every[every.index("admit") :]
