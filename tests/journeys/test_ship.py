"""A learner on board a ship: half a minute of nothing on a thin link, then a link without UDP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.bench.linkbench.meter import WATCH, shown
from tests.harness.browser import Browsers
from tests.harness.service import Service
from tests.harness.ship import possible
from tests.harness.waiting import until
from tests.journeys.aboard import Passage, come_to_watch, embark, let_in, passage
from tests.journeys.cast import Cast
from tests.journeys.people import PEERS, SOON_MS, values
from tests.journeys.world import SOON_S, World

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(bool(possible()), reason=possible() or "a ship can be made"),
]

NAME = "Maria Santos"
OUTAGE_S = 30.0
BACK_S = 30.0
"""The promise is five seconds; a machine that does much else may take longer."""
NOTICED_MS = 25_000
FILLED_S = 90.0
WAYS = """async () => {
  const ways = [];
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    const stats = await peer.getStats();
    for (const pair of stats.values()) {
      if (pair.type !== "candidate-pair" || !pair.nominated || pair.state !== "succeeded") continue;
      const own = stats.get(pair.localCandidateId);
      ways.push([own.candidateType, own.relayProtocol ?? own.protocol]);
    }
  }
  return ways;
}"""


@pytest.fixture
async def way(service: Service) -> AsyncIterator[Passage]:
    """A ship's link before the service, and a relay ashore."""
    async with passage(service) as made:
        yield made


@pytest.fixture
async def world(way: Passage, world: World) -> World:
    """Everything; the ship is there before, and still there when the browsers have ended."""
    return world


async def test_half_a_minute_without_a_link_then_a_link_without_udp(
    world: World, way: Passage, cast: Cast, browsers: Browsers
) -> None:
    browsers.allow("WebSocket|ERR_|Failed to fetch|timed out")  # while the link is gone
    learner, asked = await embark(world, cast, way)
    console = await cast.invigilator()
    await console.page.add_init_script(WATCH)
    await come_to_watch(world, cast, NAME, console)
    await way.ship.profile("d")
    await learner.join()
    await console.hears("the learner on the thin link")
    await console.sees("the learner on the thin link")
    await let_in(learner, console, asked, NAME)

    await way.ship.outage(True)
    lost = asyncio.create_task(asyncio.sleep(OUTAGE_S))
    await expect(console.page.locator(".trouble")).to_contain_text(
        "No signal from the ship since", timeout=NOTICED_MS
    )
    await expect(learner.page.locator("#status-title")).to_contain_text(
        "Connection lost", timeout=NOTICED_MS
    )
    await lost
    await way.ship.outage(False)
    since = time.time() * 1000
    await console.hears("the learner, again", BACK_S)
    await until(lambda: shown(console.page, since), SOON_S, "a picture or still of the learner")
    await learner.told("Your assessment is open")
    await console.in_state("In progress")
    assert values(world.rows("SELECT count(*) FROM gap WHERE ended IS NULL")) == [0]

    await way.ship.profile("b")
    await until(lambda: "gap_filled" in kinds(world), FILLED_S, "the gap to be filled")
    await way.ship.block_udp()
    page = await browsers.anew(learner.page)
    await page.add_init_script(PEERS)
    await page.goto(f"{world.service.url}/me/room")  # whose room it was is there again at once
    await expect(page.locator("#tag-link")).to_have_text("Connected", timeout=SOON_MS)
    await console.hears("the learner through the relay")
    ways = await until(lambda: page.evaluate(WAYS), SOON_S, "the way that media take")
    assert {tuple(one) for one in ways} <= {("relay", "tcp"), ("relay", "tls")}
    stats = await way.ship.stats()
    assert stats.up.tcp_bytes > 0
    assert "ALLOCATE processed, success" in way.relay.log

    every = kinds(world)
    assert every.index("gap_opened") < every.index("gap_closed") < every.index("gap_filled")


def kinds(world: World) -> list[str]:
    """Return what the record says, entry by entry."""
    return values(world.rows("SELECT kind FROM event ORDER BY session, seq"))
