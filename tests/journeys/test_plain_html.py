"""Booking works as plain HTML: with an old browser, or with scripts switched off to save bytes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.harness.browser import PHONE, Browsers
from tests.journeys.people import SOON_MS, LearnerPage
from tests.journeys.steps import START
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

MAIL = "maria.santos@example.org"
LATER = START + timedelta(days=2, hours=1)


async def test_a_learner_without_scripts_books_moves_and_cancels(
    world: World, browsers: Browsers
) -> None:
    page = await browsers.launch(viewport=PHONE, javascript=False)
    learner = LearnerPage(page, world)
    asked = await learner.ask("Maria Santos")
    await learner.enter(asked.booking_url)
    await page.get_by_role("link", name="Choose a time").click()
    await learner.choose_zone("Asia/Manila")
    await learner.book(START + timedelta(days=2))
    await expect(page.locator(".times .own")).to_contain_text("17:30")

    await page.get_by_role("link", name="Change the time").click()
    await page.goto(f"{world.service.url}/me/change?day={LATER:%Y-%m-%d}")
    await learner.slot(LATER).check(force=True)
    await page.get_by_role("button", name="Move to this time").click()
    await expect(page.locator(".times .own")).to_contain_text("18:30", timeout=SOON_MS)
    await page.get_by_role("link", name="Cancel the session").click()
    await page.get_by_role("button", name="Cancel the session").click()
    await expect(page.get_by_text("Your session is cancelled.")).to_be_visible(timeout=SOON_MS)

    await expect(page.get_by_role("link", name="Choose a time")).to_be_visible()
    await world.mailbox.wait_for(MAIL, count=3, seconds=SOON_S)
    methods = [
        part.get_param("method")
        for mail in world.mailbox.to(MAIL)
        for part in mail.walk()
        if part.get_content_type() == "text/calendar"
    ]
    assert methods == ["REQUEST", "REQUEST", "CANCEL"]
    await world.told("booking.moved")
    await world.told("booking.cancelled")
