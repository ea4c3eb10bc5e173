"""People at their browsers: each in a Chromium process of their own, with a film for a camera."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, TypedDict

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    StorageState,
    async_playwright,
)

from tests.harness.service import ROOT

NOBODY_THERE = "WebSocket|ERR_(CONNECTION|SOCKET|EMPTY)|Failed to fetch"
"""What a page complains of while no service is there to answer; see `Browsers.allow`."""
DESK = (1440, 900)
"""The viewport of somebody at a desk, in pixels."""
PHONE = (360, 780)
"""The viewport of somebody with a small phone."""

QUIET = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium's arguments for a browser that nobody sees and that leaves the network alone."""
_ARGUMENTS = (
    *QUIET,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Both ends of every call are on this machine, which may have no other address.
    "--allow-loopback-in-peer-connection",
)

PROBLEMS = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, help, nodes }) => ({
    rule: id,
    help,
    elements: nodes.slice(0, 3).map((node) => node.html.slice(0, 200)),
  }));
}"""
"""What axe finds wrong: all that it finds right is as much again to write down and to send."""

PLAIN_SOUND = """{
  const real = MediaDevices.prototype.getUserMedia;
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  MediaDevices.prototype.getUserMedia = function (wish) {
    if (!wish?.audio) return real.call(this, wish);
    const audio = { ...(wish.audio === true ? {} : wish.audio), ...plain };
    return real.call(this, { ...wish, audio });
  };
}"""
"""Lets a microphone's sound through as it is: cleaning it costs as much as coding it."""


class Problem(TypedDict):
    """What axe found: its rule, its own words and the first elements concerned."""

    rule: str
    help: str
    elements: list[str]


class Browsers:
    """Starts browsers, listens to their complaints, and ends them all.

    An error on a page or in its console fails the test at the end, unless `allow` named it. It has
    a driver of playwright's own, unless it is given one.
    """

    def __init__(self, pictures: Path, driver: Playwright | None = None) -> None:
        self.pictures = pictures
        self.complaints: list[str] = []
        self.arguments: list[str] = []
        """Further arguments of every browser that is started from now on."""
        self.plain_sound = True
        """Whether microphones from now on go without what browsers do against echo and noise."""
        self._allowed: list[re.Pattern[str]] = []
        self._given = driver
        self._playwright = driver
        self._browsers: list[Browser] = []
        self._pages: list[Page] = []
        self._people: dict[Page, dict[str, Any]] = {}

    async def launch(
        self,
        film: Path | None = None,
        microphone: Path | None = None,
        *,
        viewport: tuple[int, int] = DESK,
        zone: str = "Europe/London",
        javascript: bool = True,
        executable: Path | None = None,
        state: StorageState | None = None,
    ) -> Page:
        """Start one person's browser and return its empty page.

        Camera and microphone are granted. Without a film the camera is Chromium's own test
        pattern; without a sound the microphone beeps. `zone` is the person's time zone. The
        `executable` is another way to start the same browser, such as on board a ship; `state` is
        what a browser had in its hands before: cookies, and what pages have stored.
        """
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        arguments = [*_ARGUMENTS, *self.arguments]
        if film:
            arguments.append(f"--use-file-for-fake-video-capture={film}")
        if microphone:
            arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
        browser = await self._playwright.chromium.launch(
            executable_path=executable or chromium(), args=arguments
        )
        self._browsers.append(browser)
        person: dict[str, Any] = {
            "viewport": {"width": viewport[0], "height": viewport[1]},
            "permissions": ["camera", "microphone"],
            "timezone_id": zone,
            "locale": "en-GB",
            "java_script_enabled": javascript,
            # A colour that is half-way to another has no contrast that could be judged.
            "reduced_motion": "reduce",
            "storage_state": state,
        }
        return await self._open(browser, person)

    async def anew(self, page: Page) -> Page:
        """Let a person close their page and come back with empty hands but for their cookies.

        Nothing is cached, no connection is open: a cold start, in the same browser.
        """
        context, person = page.context, self._people[page]
        cookies = await context.storage_state()
        assert context.browser
        await context.close()
        return await self._open(context.browser, {**person, "storage_state": cookies})

    async def _open(self, browser: Browser, person: dict[str, Any]) -> Page:
        context = await browser.new_context(**person)
        if self.plain_sound:
            await context.add_init_script(PLAIN_SOUND)
        page = await context.new_page()
        self._people[page] = person
        number = len(self._pages) + 1
        page.on("pageerror", lambda error: self._complain(number, f"error: {error}"))
        page.on("console", lambda message: self._console(number, message))
        self._pages.append(page)
        return page

    def allow(self, pattern: str) -> None:
        """Let complaints pass that match a regular expression: say why beside the call."""
        self._allowed.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Return the complaints that no `allow` covers."""
        return [
            complaint
            for complaint in self.complaints
            if not any(pattern.search(complaint) for pattern in self._allowed)
        ]

    async def photograph(self, name: str) -> list[Path]:
        """Save a picture of every open page, for somebody who looks into a failure."""
        made = []
        for number, page in enumerate(self._pages, start=1):
            if page.is_closed():
                continue
            path = self.pictures / f"{name}-{number}.png"
            try:
                await page.screenshot(path=path, timeout=5_000)
            except Error as fault:
                self.complaints.append(f"page {number}: no picture: {fault}")
            else:
                made.append(path)
        return made

    async def close(self) -> None:
        """End every browser and the driver of their own, and wait until they are gone."""
        for browser in self._browsers:
            await browser.close()
        if self._playwright is not None and self._playwright is not self._given:
            await self._playwright.stop()

    def _complain(self, number: int, text: str) -> None:
        self.complaints.append(f"page {number}: {text}")

    def _console(self, number: int, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self._complain(number, f"console: {message.text} ({where})")


async def accessibility_problems(page: Page) -> list[Problem]:
    """Run axe over a page as it is now: WCAG 2.2 A and AA and its best practices."""
    if not await page.evaluate("() => 'axe' in window"):
        axe = ROOT / "web/ui/node_modules/axe-core/axe.min.js"
        await page.evaluate(axe.read_text(encoding="utf-8"))
    found: list[Problem] = await page.evaluate(PROBLEMS)
    return found


def chromium() -> str:
    """Return the browser's program."""
    found = os.environ.get("INVIGILATION_CHROMIUM") or shutil.which("chromium-headless-shell")
    assert found, "Chromium is missing: ./dev test installs it"
    return found
