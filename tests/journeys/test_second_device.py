"""Several devices and tabs: the newest one counts, and signing out in one ends it in all."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.harness.browser import DESK, Browsers
from tests.harness.films import Scene
from tests.journeys.cast import MARIA, Cast
from tests.journeys.people import SOON_MS
from tests.journeys.steps import Sitting
from tests.journeys.world import World

pytestmark = pytest.mark.journey


async def go_on_here(page: Page) -> None:
    """Say that the session goes on on this device."""
    await expect(page.get_by_role("heading", name="Go on here instead?")).to_be_visible()
    await page.get_by_role("button", name="Go on here").click()


async def test_a_second_device_takes_over_and_the_first_one_says_so(
    world: World, cast: Cast, sitting: Sitting, browsers: Browsers
) -> None:
    browsers.allow("403")  # who has signed out asks once more
    console, phone = sitting.console, sitting.learner
    await console.sees("the learner")

    laptop = await cast.learner(MARIA, viewport=DESK, scene=Scene.FACE)
    await laptop.enter(sitting.asked.booking_url)
    await laptop.page.get_by_role("link", name="Go to your session").click()
    await go_on_here(laptop.page)

    await laptop.told("Your assessment is open")
    await phone.told("Your session is open in another window")
    await expect(console.page.get_by_text("goes on on another device").first).to_be_visible(
        timeout=SOON_MS
    )
    await console.sees("the learner on the laptop")
    await console.hears("the learner on the laptop")
    await laptop.sees("the invigilator")
    await laptop.write("I am on my laptop now.")
    await console.reads("I am on my laptop now.")
    link = laptop.page.get_by_role("link", name="Open the assessment")
    await expect(link).to_have_attribute("href", sitting.asked.assessment_url, timeout=SOON_MS)
    await phone.page.reload()  # whoever wants to go on there may
    await go_on_here(phone.page)
    await phone.told("Your assessment is open")
    await laptop.told("Your session is open in another window")
    await console.sees("the learner on the phone again")

    other_page = await phone.page.context.new_page()
    await other_page.goto(f"{world.service.url}/me/sign-out")
    await other_page.get_by_role("button", name="Sign out").click()
    await phone.told("You cannot enter the room now", "Open your personal link again.")
    gone = console.page.get_by_text(re.compile("has lost the connection|No signal from the ship"))
    await expect(gone.first).to_be_visible(timeout=SOON_MS)

    other_tab = await console.page.context.new_page()
    await other_tab.goto(f"{world.service.url}/staff/sign-out")
    await other_tab.get_by_role("button", name="Sign out").click()
    await expect(console.page.get_by_text("You are no longer signed in")).to_be_visible(
        timeout=SOON_MS
    )
    await expect(console.page.locator("video, audio")).to_have_count(0)
