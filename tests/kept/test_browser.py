"""Real Chromium: the page keeps segments that each play alone, over an outage and a reload."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import av
import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from invigilation import fill
from tests.harness.browser import Browsers
from tests.harness.films import FilmStore, Scene
from tests.harness.waiting import until
from tests.kept.shore import Shore, shore
from tests.kept.test_chain import given
from tests.link.bundle import bundle

pytestmark = pytest.mark.media

SESSION = "se_one"
SEGMENT_S = 3
PACKETS = 12 * SEGMENT_S
"""Chromium makes one of 60 ms."""
DARK = 20
SOON_S = 30.0
SCRIPT = """
import { Devices } from "./lib/devices";
import { disk } from "./link/disk";
import { Kept } from "./link/kept";

const devices = new Devices(() => undefined);
const link = { host: { room: { session: "se_one" }, devices, changed() {} }, keeps: false,
  queue_ms: 0 };
let kept;
Object.assign(window, {
  async enter() {
    await devices.openBoth();
    kept = new Kept(link);
    kept.state({ now: new Date().toISOString() });
  },
  lost: () => kept.lost(),
  back: () => kept.joined(),
  keeps: () => link.keeps,
  close: (kind) => devices.close(kind),
  open: (kind) => devices.open(kind),
  left: async () => (await (await disk()).all()).length,
  end() {
    kept.hangUp();
    devices.close("camera");
    devices.close("microphone");
  },
});
"""
PAGE = """<!doctype html><html lang="en"><meta name="csrf-token" content="token">
<title>Kept</title><div id="status"></div><script src="/page.js"></script></html>"""


@dataclass(frozen=True, slots=True)
class Held:
    """What one file holds."""

    seconds: float
    pictures: int
    size: tuple[int, int]
    packets: int
    light: float
    """Of the last picture, 0 to 255."""


def held(data: bytes) -> Held:
    """Play a file from its beginning."""
    with av.open(io.BytesIO(data)) as file:
        pictures = list(file.decode(video=0))
    with av.open(io.BytesIO(data)) as file:
        sounds = list(file.decode(audio=0)) if file.streams.audio else []
    ends = [float(one.pts * one.time_base) for one in pictures[-1:] + sounds[-1:]]
    last = pictures[-1]
    light = float(last.to_ndarray(format="gray").mean())
    return Held(max(ends), len(pictures), (last.width, last.height), len(sounds), light)


@pytest.fixture
async def ashore() -> AsyncIterator[Shore]:
    script = bundle(SCRIPT)

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def code(_request: web.Request) -> web.Response:
        return web.Response(text=script, content_type="text/javascript")

    async with shore(web.get("/", page), web.get("/page.js", code)) as one:
        one.segment_s = SEGMENT_S
        yield one


@pytest.fixture
async def page(ashore: Shore, browsers: Browsers, films: FilmStore) -> Page:
    learner = await browsers.launch(films.film(Scene.FACE), films.sound())
    await learner.goto(ashore.url)
    await learner.evaluate("enter()")
    return learner


def only(ashore: Shore) -> str:
    """Return the newest recording."""
    return list(ashore.links)[-1]


async def linked(ashore: Shore, count: int, recordings: int = 1) -> str:
    """Wait for so many links of the newest recording; return its name."""

    def so() -> bool:
        return len(ashore.links) == recordings and len(ashore.links[only(ashore)]) >= count

    await until(so, SOON_S, f"{count} link(s)")
    return only(ashore)


async def test_what_was_kept_comes_back_over_an_outage_and_a_reload(
    page: Page, ashore: Shore
) -> None:
    first = await linked(ashore, 1)
    await page.evaluate("lost()")
    await expect(page.locator(".kept")).to_contain_text("this device records")
    known = len(ashore.links[first])
    await page.wait_for_function("keeps()")
    before = await page.evaluate("left()")

    async def two_whole() -> bool:  # one of three may have just begun
        return await page.evaluate("left()") >= before + 3

    await until(two_whole, SOON_S, "what is recorded in the outage")
    assert len(ashore.links[first]) == known

    left = datetime.now(UTC)
    await page.reload()
    ashore.asks = {first: [known, known + 1]}
    await page.evaluate("enter()")
    await until(lambda: ashore.whole(first, known + 1), SOON_S, "the chunks")
    second = await linked(ashore, 1, recordings=2)
    assert second != first

    links = [given(link) for link in ashore.links[first]]
    head = fill.genesis(SESSION, first)
    fill.follow(links, head, None, datetime.now(UTC))
    assert links[-1].ended > left - timedelta(seconds=SEGMENT_S / 2), "the last moments are lost"
    for n in (known, known + 1):
        data = bytes(ashore.here[first, n])
        assert hashlib.sha256(data).hexdigest() == links[n].sha256
        seen = held(data)
        assert seen.size == (320, 240)
        assert seen.pictures >= 2 * SEGMENT_S
        assert seen.packets >= PACKETS
        assert abs(seen.seconds - (links[n].ended - links[n].began).total_seconds()) < 1
        assert seen.light > DARK, "the picture is black"
    assert all(one.ended > two.began for one, two in pairwise(links))
    assert {one.media_type for one in links} == {"video/webm"}


async def test_a_device_that_is_gone_leaves_the_other(page: Page, ashore: Shore) -> None:
    await page.evaluate("close('camera')")
    name = await linked(ashore, 2)
    await page.evaluate("open('camera')")
    await page.evaluate("close('microphone')")
    await linked(ashore, 4)
    ashore.asks = {name: list(range(9))}
    await page.evaluate("end()")
    await expect(page.locator(".kept")).to_contain_text("All is sent", timeout=SOON_S * 1000)

    dark, *_, silent = (held(bytes(ashore.here[name, n])) for n in range(1, 4))
    assert dark.light < DARK, "whose picture is this?"
    assert dark.packets >= PACKETS
    assert silent.light > DARK
    assert silent.packets == 0
    assert ashore.whole(name, len(ashore.links[name]) - 1)
    assert await page.evaluate("left()") == 0
