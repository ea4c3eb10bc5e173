"""What the learner's pages weigh on the wire: every answer a browser gets, with its headers.

At 64 kbit/s a kilobyte takes an eighth of a second: these limits are a promise to ships.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page

from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.steps import START
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

BOOKING_BYTES = 12_000
ROOM_BYTES = 34_000
"""Until the learner is seen and heard."""
LATE_BYTES = 26_000
"""What comes once they are: parts of the room that a thin link can have later."""
LATE = re.compile(r"/static/room_")


class Scales:
    """Counts what a page loads, from `empty` on."""

    def __init__(self, line: CDPSession) -> None:
        self._line = line
        self._addresses: dict[str, str] = {}
        self._came: dict[str, int] = {}
        line.on("Network.requestWillBeSent", self._sent)
        line.on("Network.responseReceived", self._begun)
        line.on("Network.dataReceived", self._more)
        line.on("Network.loadingFinished", self._finished)

    @property
    def weights(self) -> dict[str, int]:
        """The bytes of the answers so far, by address."""
        found: dict[str, int] = {}
        for request, size in self._came.items():
            address = self._addresses.get(request, "?")
            found[address] = found.get(address, 0) + size
        return found

    async def empty(self) -> None:
        """Begin anew, as somebody who has never been here: with an empty cache."""
        await self._line.send("Network.clearBrowserCache")
        self._came.clear()

    def _sent(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _begun(self, event: dict[str, Any]) -> None:
        self._came[event["requestId"]] = int(event["response"]["encodedDataLength"])

    def _more(self, event: dict[str, Any]) -> None:
        # An answer that nobody reads to its end is never told as finished.
        size = int(event["encodedDataLength"] or event["dataLength"])
        self._came[event["requestId"]] = self._came.get(event["requestId"], 0) + size

    def _finished(self, event: dict[str, Any]) -> None:
        self._came[event["requestId"]] = int(event["encodedDataLength"])


async def on_scales(page: Page) -> Scales:
    line = await page.context.new_cdp_session(page)
    scales = Scales(line)
    await line.send("Network.enable")
    return scales


async def test_the_learners_pages_are_light(world: World, cast: Cast) -> None:
    learner = await cast.learner()
    scales = await on_scales(learner.page)
    asked = await learner.ask("Maria Santos")
    await learner.enter(asked.booking_url)

    await scales.empty()
    await learner.page.get_by_role("link", name="Choose a time").click()
    await learner.page.wait_for_load_state("networkidle")
    booking = dict(scales.weights)
    await learner.book(START)
    world.time.go_to(START - timedelta(minutes=5))
    await learner.check_in()
    await learner.page.wait_for_load_state("networkidle")
    await scales.empty()
    await learner.page.reload()
    await learner.join()
    await until(
        lambda: any("/room/local" in it for it in scales.weights), SOON_S, "all to be asked"
    )
    await learner.page.wait_for_load_state("networkidle")
    late = {path: size for path, size in scales.weights.items() if LATE.search(path)}
    room = {path: size for path, size in scales.weights.items() if path not in late}

    assert len(booking) >= 2
    assert len(room) >= 4
    assert 0 < sum(booking.values()) < BOOKING_BYTES, booking
    assert 0 < sum(room.values()) < ROOM_BYTES, room
    assert 0 < sum(late.values()) < LATE_BYTES, late
