"""Real Chromium: stills of the right size without anything being sent, and a voice in pieces.

And pictures in full size, none of which is told of twice.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from PIL import Image
from playwright.async_api import Page, async_playwright

from signalling.jpeg import size_of
from signalling.webm_pieces import PieceReader
from tests.harness.browser import QUIET
from tests.link.bundle import bundle

pytestmark = pytest.mark.media

SCRIPT = """
import { FullSize } from "./link/full-size";
import { pause, Stills } from "./link/stills";
import { VoiceIn, VoiceOut } from "./link/sound";

const sent = [];
const host = {
  devices: { camera: null },
  room: {
    async request(event, body) {
      sent.push(body);
      await new Promise((done) => (window.answer = done));
      return { ok: true };
    },
  },
};
const stills = new Stills({ host, queue_ms: 0 });
stills.state({ now: new Date().toISOString() });
const pieces = [];

function wall() {
  const film = document.createElement("canvas");
  const pen = film.getContext("2d");
  window.colour = "red";
  setInterval(() => {
    pen.fillStyle = window.colour;
    pen.fillRect(0, 0, film.width, film.height);
  }, 50);
  return film.captureStream(10).getVideoTracks()[0];
}

Object.assign(window, {
  told: [],
  watch() {
    const room = {
      session: "se_1",
      async request(_, body) {
        told.push(body);
        throw Object.assign(new Error("refused"), { code: "not_allowed" });
      },
    };
    const boot = { kept_key: btoa("k".repeat(32)) };
    const devices = { camera: wall() };
    const takes = (take) => (window.take = take);
    const full = new FullSize({ host: { boot, devices, room }, rung: "full", queue_ms: 0, takes });
    full.state({ now: new Date().toISOString() });
  },
  pause,
  sent,
  pieces,
  stills,
  async camera() {
    const film = document.createElement("canvas");
    film.width = 1280;
    film.height = 720;
    const pen = film.getContext("2d");
    setInterval(() => {
      for (let at = 0; at < 400; at += 1) {
        pen.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`;
        pen.fillRect(Math.random() * 1280, Math.random() * 720, 90, 90);
      }
    }, 50);
    host.devices.camera = film.captureStream(10).getVideoTracks()[0];
  },
  async speak() {
    const context = new AudioContext();
    await context.resume();
    const tone = context.createOscillator();
    const into = context.createMediaStreamDestination();
    tone.connect(into);
    tone.start();
    const voice = new VoiceOut(async (_, body) => pieces.push(body), () => Date.now());
    voice.send(into.stream.getAudioTracks()[0]);
    window.voice = voice;
  },
  cut(...parts) {
    // A recorder that hands out these bytes, and cuts them so.
    window.MediaRecorder = class {
      static isTypeSupported = () => true;
      state = "recording";
      start() {
        for (const one of parts) this.ondataavailable({ data: new Blob([Uint8Array.from(one)]) });
      }
    };
    const voice = new VoiceOut(async (_, body) => pieces.push(body), () => Date.now());
    voice.send(new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0]);
  },
  async play(numbers, plays) {
    const other = new VoiceIn();
    const { element } = other;
    let played = false;
    element.addEventListener("playing", () => (played = true));
    const first = pieces[0].stream;
    for (const n of numbers) {
      other.take(pieces.find((one) => one.stream === first && one.n === n));
      await new Promise((done) => setTimeout(done, 60));
    }
    const waits = () => other.queue.length || other.buffer?.updating || (plays && !played);
    while (waits()) await new Promise((done) => setTimeout(done, 50));
    const { buffered, error } = element;
    const seconds = buffered.length ? buffered.end(buffered.length - 1) - buffered.start(0) : 0;
    const found = { parts: buffered.length, seconds, error: !!error };
    other.stop();
    return found;
  },
  hear(...numbers) {
    window.other ??= new VoiceIn();
    for (const n of numbers) window.other.take(pieces[n]);
  },
  async hearFor(seconds) {
    window.other ??= new VoiceIn();
    const { element } = window.other;
    const heard = () => (element.buffered.length ? element.buffered.end(0) : 0);
    let n = 0;
    // How long a piece is depends on the machine: so many as it takes.
    while (heard() < seconds) {
      while (pieces.length <= n) await new Promise((done) => setTimeout(done, 50));
      const before = heard();
      window.other.take(pieces[n++]);
      for (let looks = 0; looks < 50 && heard() === before; looks += 1) {
        await new Promise((done) => setTimeout(done, 20));
      }
    }
    return n;
  },
  async hearOn(from) {
    let later = null;
    window.other.element.addEventListener("play", () => (later ??= left()));
    // How long a piece is depends on the machine: so many as it takes.
    for (let n = from; n < 30; n += 1) {
      while (pieces.length <= n) await new Promise((done) => setTimeout(done, 50));
      window.other.take(pieces[n]);
      for (let looks = 0; looks < 50; looks += 1) {
        await new Promise((done) => setTimeout(done, 20));
        if (!window.other.element.paused && !window.other.element.seeking) return later;
      }
    }
    throw new Error("it does not go on");
  },
  left() {
    const { buffered, currentTime } = window.other.element;
    return buffered.end(buffered.length - 1) - currentTime;
  },
});
"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page with the two parts, and nothing else."""
    script = bundle(SCRIPT)
    app = web.Application()

    async def index(_: web.Request) -> web.Response:
        text = '<!doctype html><title>-</title><script src="/s.js"></script>'
        return web.Response(text=text, content_type="text/html")

    async def own(_: web.Request) -> web.Response:
        return web.Response(text=script, content_type="text/javascript")

    app.router.add_get("/", index)
    app.router.add_get("/s.js", own)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell",
            args=[*QUIET, "--autoplay-policy=no-user-gesture-required"],
        )
        tab = await browser.new_page()
        await tab.goto(f"http://localhost:{port}/")
        yield tab
        await browser.close()
    await runner.cleanup()


def opened(body: dict[str, Any]) -> tuple[tuple[int, int], int]:
    """Return a still's size in pixels and in bytes."""
    data = base64.b64decode(body["jpeg"])
    assert data.startswith(b"\xff\xd8\xff")
    assert data.endswith(b"\xff\xd9")
    return Image.open(io.BytesIO(data)).size, len(data)


async def test_stills_are_small_and_wait_for_their_answers(page: Page) -> None:
    await page.evaluate("camera()")
    await page.evaluate("stills.step('stills', 'direct')")
    await page.wait_for_function("sent.length === 1")
    await page.evaluate("stills.sharpen()")
    await page.wait_for_timeout(400)
    assert await page.evaluate("sent.length") == 1

    await page.evaluate("answer()")
    await page.wait_for_function("sent.length === 2")
    await page.evaluate("stills.step('slow', 'direct'); answer()")
    await page.wait_for_timeout(400)
    small, large = [opened(body) for body in await page.evaluate("sent")]

    assert small[0] == (320, 180)
    assert 2_000 < small[1] < 9_000
    assert large[0] == (640, 360)
    assert large[1] <= 24 * 1024
    assert size_of(base64.b64decode((await page.evaluate("sent"))[0]["jpeg"])) == small[0]
    told = "[[300, 0], [1000, 0], [9000, 0], [300, 900]].map((one) => pause(...one))"
    assert await page.evaluate(told) == [2000, 3000, 5000, 5000]


async def test_a_voice_in_pieces_plays_over_a_lost_one_and_for_who_comes_late(page: Page) -> None:
    await page.evaluate("speak()")
    await page.wait_for_function("pieces.length >= 6", timeout=15_000)
    await page.evaluate("voice.send(null)")
    pieces = await page.evaluate("pieces")

    async with asyncio.timeout(30):
        whole = await page.evaluate("play([0, 1, 2, 3, 4], true)")
        holed = await page.evaluate("play([0, 1, 3, 4], true)")
        late = await page.evaluate("play([2, 3, 4], false)")

    assert [one["n"] for one in pieces] == [*range(len(pieces))]
    assert (whole["parts"], whole["error"]) == (1, False)
    assert 4 < whole["seconds"] < 6
    assert (holed["parts"], holed["error"]) == (1, False)
    assert late["seconds"] == 0
    reader = PieceReader()
    packets = [len(reader.feed(base64.b64decode(one["audio"])).packets) for one in pieces]
    assert sum(packets) > 60
    # What is lost is missing, and nothing else; how long a piece is depends on the machine.
    left = whole["seconds"] * (1 - packets[2] / sum(packets[:5]))
    assert left - 0.5 < holed["seconds"] < left + 0.5


async def test_a_clusters_mark_is_never_cut_in_two(page: Page) -> None:
    mark = [0x1F, 0x43, 0xB6, 0x75]
    cuts = [[1, *mark[:1]], [*mark[1:], 2, *mark[:3]], [*mark[3:], *mark], [3, *mark[:2]], [4]]
    await page.evaluate(f"cut(...{cuts})")
    await page.wait_for_function("pieces.length === 5")

    sent = [list(base64.b64decode(one["audio"])) for one in await page.evaluate("pieces")]

    assert sent == [[1], [*mark, 2], [*mark, *mark], [3], [*mark[:2], 4]]


async def test_a_voice_that_ran_dry_goes_on_by_itself_and_further_behind(page: Page) -> None:
    await page.evaluate("speak()")
    await page.wait_for_function("pieces.length >= 5", timeout=15_000)
    heard = await page.evaluate("hearFor(1.2)")
    await page.wait_for_function("other.element.currentTime > 1 && other.element.paused")
    first = await page.evaluate("left()")

    await page.evaluate(f"hear({heard})")
    await page.wait_for_timeout(300)
    waits = await page.evaluate("other.element.paused")
    later = await page.evaluate(f"hearOn({heard + 1})")

    assert first < 0.5
    assert waits
    assert 1.7 < later < 2.5
    assert await page.evaluate("other.element.playbackRate") == 1


async def test_a_picture_that_is_as_the_last_one_to_the_bit_is_taken_anew(page: Page) -> None:
    await page.evaluate("watch(); take('pw_1')")
    await page.wait_for_function("told.length === 1")
    await page.evaluate("take('pw_2'); setTimeout(() => (colour = 'green'), 300)")
    await page.wait_for_function("told.length === 2")
    await page.evaluate("take('pw_3')")  # nothing moves any more: it is told of all the same
    await page.wait_for_function("told.length === 3")

    told = await page.evaluate("told")

    assert [one["id"] for one in told] == ["pw_1", "pw_2", "pw_3"]
    assert told[0]["sha256"] != told[1]["sha256"] == told[2]["sha256"]
