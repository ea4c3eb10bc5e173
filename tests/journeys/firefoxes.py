"""People who use Firefox: the same pages, the same words."""

from __future__ import annotations

import json
from typing import Any

from tests.harness.firefox import Firefox
from tests.journeys.people import OWN, PEERS, SOON_MS, LivePage
from tests.journeys.world import World

SOON_S = SOON_MS / 1000


class FirefoxLearner(LivePage):
    """A learner with Firefox, whose camera shows one colour after the other, and who hums."""

    remote = "#remote"

    def __init__(self, browser: Firefox, world: World) -> None:
        # What a live page asks of its page, both browsers' pages answer: `evaluate`.
        page: Any = browser
        super().__init__(page, world)
        self.browser = browser

    async def come(self, link: str) -> None:
        """Open the personal link, check in, look at one's own picture, and go into the room."""
        browser = self.browser
        await browser.before_every_page(PEERS)
        await browser.goto(link)
        await browser.press("Continue as")
        await browser.at("/me$")
        await browser.press("Check in")
        await browser.at("/me/check-in$")
        for name in ("identity", "recording"):
            await browser.click(f'label[for="{name}"], input[name="{name}"]')
        await browser.press("Check in", "button")
        await browser.at("/me/room$")
        await browser.until(OWN, "#check-video", what="the learner's own picture")
        await browser.press("I am ready")
        await browser.reads("#tag-link", "Connected")

    async def told(self, title: str) -> None:
        """Wait until the status says this."""
        await self.browser.reads("#status-title", title)

    async def write(self, text: str) -> None:
        """Send a line to the invigilator, and wait until the server has it."""
        await self.browser.write("#chat-text", text)
        sent = """(text) => [...document.querySelectorAll(".chat li")].some(
          (line) => line.textContent.includes(text) && !line.textContent.includes("Sending"))"""
        await self.browser.until(sent, text, what=f"the line {json.dumps(text)} to be sent")

    async def reads(self, text: str) -> None:
        """Wait until a line stands there."""
        await self.browser.reads(".chat li", text)


async def sign_in(browser: Firefox, world: World, email: str) -> None:
    """Sign a member of the staff in, with the password of the demonstration and a code."""
    await browser.goto(f"{world.service.url}/staff/sign-in")
    await browser.write('input[name="email"]', email, key="\ue004")
    await browser.write('input[name="password"]', world.password)
    await browser.at("/staff/sign-in/code")
    await browser.write('input[name="code"]', await world.code(email))
    await browser.at("/staff/(?!sign-in)")
