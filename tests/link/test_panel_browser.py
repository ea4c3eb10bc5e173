"""Real Chromium: what the learner reads of the link, and when they do not any more."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from tests.harness.browser import chromium
from tests.link.bundle import bundle

pytestmark = pytest.mark.media

PAGE = """<select id="choice"></select><select id="limit-kbit"></select>
<select id="limit-mb"></select><p id="link-words"></p><p id="data-use"></p>"""
SCRIPT = """
import { Panel } from "./link/panel";

const link = {
  rung: "stills", way: "direct", why: "link", isUp: true, host: { devices: { microphone: {} } },
};
const panel = new Panel(link);
panel.climb = { last: { state: "in_progress" }, budget: { mb: null }, figures: null, used: 0 };
let now = 0;
performance.now = () => now;

// Draws at a time in ms; what is read then, or nothing.
window.draw = (at, state) => {
  now = at;
  panel.climb.last.state = state;
  panel.draw();
  const words = document.getElementById("link-words");
  return words.hidden ? "" : words.textContent;
};
"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of nothing but what the panel draws on; storage needs an address."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium())
        page = await browser.new_page()
        answer = {"body": PAGE, "content_type": "text/html"}
        await page.route("**/*", lambda route: route.fulfill(**answer))
        await page.goto("http://localhost/")
        await page.add_script_tag(content=bundle(SCRIPT))
        yield page
        await browser.close()


async def test_a_step_is_spoken_of_once_it_holds_and_not_after_the_end(page: Page) -> None:
    draw = "([at, state]) => window.draw(at, state)"

    assert await page.evaluate(draw, [0, "in_progress"]) == ""
    held = await page.evaluate(draw, [3_000, "in_progress"])
    assert held == "Your link is weak: we send single pictures now. Your invigilator hears you."

    # One drawing is all that comes after the end.
    assert await page.evaluate(draw, [3_001, "ended"]) == ""
