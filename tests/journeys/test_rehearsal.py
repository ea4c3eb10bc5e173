"""A learner tests the link: by a button, and by themselves at the hour of the session."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.harness.service import Service
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS
from tests.journeys.steps import START, book
from tests.journeys.test_weight import on_scales
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

SECONDS = 10
"""A test so short measures little, but takes each of its steps."""
SMALL_BYTES = 20_000
"""All answers of a small test, with its page, of somebody who was never there before."""


@pytest.fixture
def service(service: Service) -> Service:
    """The service, with short tests of the link."""
    service.set(
        INVIGILATION_REHEARSAL_SECONDS=str(SECONDS),
        INVIGILATION_MEDIA_ADDRESSES='["127.0.0.1"]',
    )
    return service


async def test_the_link_is_tested_and_the_scheduler_sees_what_to_expect(
    world: World, cast: Cast
) -> None:
    learner, scheduler = await cast.learner(), await cast.scheduler()
    page = learner.page
    world.time.go_to(START - timedelta(days=2, minutes=5))
    await book(world, learner, "Maria Santos")
    await page.get_by_role("link", name="Test your link").click()

    await page.get_by_role("button", name="Test the link").click()

    title = page.locator("#result-title")
    await expect(title).to_have_text("Full picture and sound", timeout=4 * SOON_MS)
    await expect(title).to_be_focused()
    kept = await page.evaluate("localStorage.getItem('link:expected')")
    assert json.loads(kept)["rung"] == "full"
    [(kind, udp, turn, socket, up)] = world.rows(
        "SELECT kind, udp, turn, socket, up_kbit FROM link_probe"
    )
    assert (kind, udp, turn, socket) == ("full", 1, None, 1)
    assert up > 1000

    await page.get_by_label("My page may test the link by itself").check()
    await page.get_by_role("button", name="Save").click()
    scales = await on_scales(page)
    await scales.empty()
    await page.get_by_role("link", name="Back to your session").click()

    async def tested() -> bool:
        return len(world.rows("SELECT id FROM link_probe WHERE kind = 'small'")) == 1

    await until(tested, SOON_S, "the page to test the link by itself")
    weighed = scales.weights
    assert any("/rehearsal/bytes" in path for path in weighed)
    assert sum(weighed.values()) < SMALL_BYTES, weighed
    await scheduler.sign_in("sam.field@example.org")
    await scheduler.page.goto(f"{world.service.url}/staff/bookings")
    await expect(scheduler.page.get_by_text("Link good").first).to_be_visible()
