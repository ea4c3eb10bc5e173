"""Real Chromium: the page keeps segments that each play alone, over an outage and a reload."""

from __future__ import annotations

import base64
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
KEY = base64.b64encode(bytes(range(32))).decode()
WEBM, JPEG, TAG = b"\x1a\x45\xdf\xa3", b"\xff\xd8\xff", b"INVREST1"
SEGMENT_S = 3
PACKETS = 12 * SEGMENT_S
"""Chromium makes one of 60 ms."""
DARK = 20
SOON_S = 30.0
SCRIPT = """
import { atRest } from "./lib/at-rest";
import { Devices } from "./lib/devices";
import { disk } from "./link/disk";
import { Kept } from "./link/kept";
import { Keep } from "./room/capture/keep";

const kept_key = "KEY";
const devices = new Devices(() => undefined);
const host = { room: { session: "se_one" }, devices, boot: { kept_key }, changed() {} };
const link = { host, keeps: false, queue_ms: 0 };
let kept;

/** Asks a database directly. */
async function stored(name, store, what) {
  const base = await new Promise((done) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => done(request.result);
  });
  const answer = await new Promise((done) => {
    const request = what(base.transaction(store, "readwrite").objectStore(store));
    request.onsuccess = () => done(request.result);
  });
  base.close();
  return answer;
}

/** Every value as it lies there: a list of binary pieces, each as numbers. */
async function raw(name, store) {
  const all = await stored(name, store, (one) => one.getAll());
  const pieces = all.flatMap((one) => (one instanceof ArrayBuffer ? [one] : one.blobs));
  const bytes = async (one) => (one instanceof Blob ? one.arrayBuffer() : one);
  return Promise.all(pieces.map(async (one) => [...new Uint8Array(await bytes(one))]));
}

/** Takes the seal off the first chunk; returns its name. */
async function clear() {
  const [key] = await stored("kept", "bytes", (one) => one.getAllKeys());
  const sealed = await stored("kept", "bytes", (one) => one.get(key));
  const plain = await atRest(kept_key).open(sealed, key);
  await stored("kept", "bytes", (one) => one.put(plain, key));
  return key;
}

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
  left: async () => (await (await disk(atRest(kept_key))).all()).length,
  raw,
  stored,
  clear,
  picture: (key) => new Keep(atRest(key ?? kept_key)),
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
    script = bundle(SCRIPT.replace("KEY", KEY))

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


async def raw(page: Page, name: str, store: str) -> list[bytes]:
    """Return all that lies in a database of the browser, byte by byte."""
    return [bytes(one) for one in await page.evaluate("([n, s]) => raw(n, s)", [name, store])]


async def test_what_lies_on_the_device_shows_no_recording(page: Page, ashore: Shore) -> None:
    await linked(ashore, 1)
    await page.evaluate("lost()")

    async def several() -> bool:
        return await page.evaluate("left()") >= 3

    await until(several, SOON_S, "chunks on the device")
    there = await raw(page, "kept", "bytes")

    assert len(there) >= 2
    assert all(one.startswith(TAG) and len(one) > 1_000 for one in there)
    assert not any(WEBM in one or b"matroska" in one or b"webm" in one for one in there)


async def test_a_recording_that_an_older_page_kept_in_the_clear_is_brought(
    page: Page, ashore: Shore
) -> None:
    await linked(ashore, 1)
    await page.evaluate("lost()")

    async def some() -> bool:
        return await page.evaluate("left()") >= 2

    await until(some, SOON_S, "a chunk on the device")
    # As the build before this one left it: the same bytes without their seal.
    key = await page.evaluate("clear()")
    name, n = key.split(":")[0], int(key.split(":")[1])
    assert any(one.startswith(WEBM) for one in await raw(page, "kept", "bytes"))
    await page.reload()
    ashore.asks = {name: [n]}
    await page.evaluate("enter()")
    await until(lambda: ashore.whole(name, n), SOON_S, "the chunk")

    assert bytes(ashore.here[name, n]).startswith(WEBM)


async def test_a_picture_that_waits_lies_encrypted_and_opens_with_its_key_alone(
    page: Page,
) -> None:
    put = """async () => {
      const blob = new Blob([Uint8Array.from([255, 216, 255, ...Array(500).fill(7)])]);
      const one = { session: "se_one", side: "front", parts: [], blobs: [blob], at: Date.now() };
      await picture().put(one);
    }"""
    seen = """async (key) => {
      const [one] = await picture(key).of("se_one");
      return one ? [...new Uint8Array(await one.blobs[0].arrayBuffer())] : null;
    }"""
    await page.evaluate(put)

    (there,) = await raw(page, "capture", "waiting")
    assert there.startswith(TAG)
    assert JPEG not in there
    assert bytes(await page.evaluate(seen)) == JPEG + bytes([7]) * 500
    other = base64.b64encode(bytes(32)).decode()
    assert await page.evaluate(seen, other) is None
    assert await raw(page, "capture", "waiting") == [], "what nobody can open is left there"


async def test_a_picture_that_an_older_page_kept_in_the_clear_is_brought(page: Page) -> None:
    found = await page.evaluate("""async () => {
      await picture().of("se_one");
      const blobs = [new Blob(["a picture"])];
      const one = { session: "se_one", side: "front", parts: [], blobs, at: Date.now() };
      await stored("capture", "waiting", (all) => all.put(one, "se_one:front"));
      const [again] = await picture().of("se_one");
      return again.blobs[0].text();
    }""")

    assert found == "a picture"
