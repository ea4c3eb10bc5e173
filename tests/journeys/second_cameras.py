"""A phone as second camera: it reads the code on the learner's page, as a phone does."""

from __future__ import annotations

import cv2
import numpy as np
from playwright.async_api import Page, expect

from tests.harness.waiting import until
from tests.journeys.people import SOON_MS, LearnerPage
from tests.journeys.world import SOON_S

SCALE = 4
"""The code is photographed this much larger than it stands on the page."""


async def scan(learner: LearnerPage) -> str:
    """Ask for a code on the learner's page, and return the address that a scanner reads in it."""
    page = learner.page
    await page.get_by_role("button", name="Add a phone as second camera").click()
    code = page.locator("#code-picture svg")
    await expect(code).to_be_visible(timeout=SOON_MS)
    await code.scroll_into_view_if_needed()

    async def seen() -> str:
        # What stands above it may still move: whoever scans tries again.
        shot = cv2.imdecode(np.frombuffer(await code.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
        large = cv2.resize(shot, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        return str(cv2.QRCodeDetector().detectAndDecode(large)[0])

    return str(await until(seen, SOON_S, "a code that a scanner reads"))


async def use_phone(page: Page, address: str) -> None:
    """Open the scanned address on a phone, and make it the second camera."""
    await page.goto(address)
    await page.get_by_role("button", name="Use this phone").click()
    await page.wait_for_url("**/second")
    await says(page, "Second camera connected")


async def says(page: Page, title: str) -> None:
    """Wait until the phone's page says this."""
    await expect(page.locator("#status-title")).to_have_text(title, timeout=SOON_MS)
