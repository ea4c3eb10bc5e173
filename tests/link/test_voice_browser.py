"""Real Chromium: how thin a voice is sent changes at once, and without a round trip."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from signalling.peer import MediaSettings, Peer
from signalling.tracks import LEARNER
from tests.harness.browser import QUIET
from tests.harness.waiting import until
from tests.link.bundle import bundle

pytestmark = pytest.mark.media

SCRIPT = """
import { MediaLink } from "./lib/media-link";
import { encoding, STEPS, startBitrate } from "./link/rungs";
import { Meter } from "./link/meter";

const link = new MediaLink({
  role: () => "learner",
  async request(event, body) {
    if (event !== "offer") return { ok: true };
    const answer = await fetch("/offer", { method: "POST", body: body.sdp });
    return { ok: true, sdp: await answer.text() };
  },
  iceServers: async () => [],
  inTurn: (work) => work(),
  unanswered: () => undefined,
  media: (media) => (document.title = media),
  remote: () => undefined,
});
const meter = new Meter();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const take = async () => meter.take(await link.stats(), performance.now());

Object.assign(window, {
  async join(step) {
    const devices = { audio: true, video: { width: 640, height: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia(devices);
    const [audio] = stream.getAudioTracks();
    const [camera] = stream.getVideoTracks();
    link.setVoice(STEPS[step].voice);
    link.setEncoding("camera", encoding(STEPS[step].camera, 640));
    link.setStart(startBitrate(step));
    await link.setTracks({ audio, camera });
    await link.revive();
  },
  step(step) {
    link.setVoice(STEPS[step].voice);
    link.setEncoding("camera", encoding(STEPS[step].camera, 640));
  },
  async frames() {
    return (await link.stats()).find(({ framesSent }) => framesSent)?.framesSent ?? 0;
  },
  async measure(ms) {
    const sent = async () => {
      const all = (await link.stats()).filter(({ type }) => type === "outbound-rtp");
      // The camera's, not the screen's.
      const of = (kind) => all.find((one) => one.kind === kind && one.mid < "2") ?? {};
      const [audio, video] = [of("audio"), of("video")];
      const counts = [audio.packetsSent, audio.bytesSent, video.framesSent, video.bytesSent];
      return { at: Math.max(...all.map(({ timestamp }) => timestamp)), counts };
    };
    const before = await sent();
    await take();
    await sleep(ms);
    const after = await sent();
    const figures = await take();
    // A busy machine sleeps longer.
    const seconds = (after.at - before.at) / 1000;
    const each = after.counts.map((value, n) => ((value ?? 0) - (before.counts[n] ?? 0)) / seconds);
    const [packets, bytes, frames, picture] = each;
    const made = { packets, kbit: bytes / 125, frames, picture: picture / 125 };
    return { ...made, ...figures, wire: figures.sent_kbit };
  },
});
"""
FULL, SMALL, SOUND, TEXT = 0, 3, 6, 7


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that answers a learner's offer, and hears."""
    peers: list[Peer] = []
    script = bundle(SCRIPT)

    async def page(_: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><script src=s.js></script>", content_type="text/html"
        )

    async def code(_: web.Request) -> web.Response:
        return web.Response(text=script, content_type="text/javascript")

    async def offer(request: web.Request) -> web.Response:
        settings = MediaSettings(host_addresses=("127.0.0.1",))
        peer, answer = await Peer.answer(await request.text(), LEARNER, settings)
        peers.append(peer)
        return web.Response(text=answer)

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/s.js", code), web.post("/offer", offer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/"
    for peer in peers:
        await peer.close()
    await runner.cleanup()
    assert len(peers) == 1, "another connection was made"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    arguments = [
        *QUIET,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--allow-loopback-in-peer-connection",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=arguments
        )
        yield await browser.new_page()
        await browser.close()


async def test_each_step_sends_what_it_says_over_the_same_connection(url: str, page: Page) -> None:
    await page.goto(url)
    await page.evaluate(f"join({SMALL})")
    await page.wait_for_function("document.title === 'connected'")

    async def seen() -> bool:
        return await page.evaluate("frames()") > 5

    await until(seen, 30, "pictures that are sent")
    made = {}
    for step in (SMALL, FULL, SOUND, TEXT):
        await page.evaluate(f"step({step})")
        # What was on its way goes out first.
        await page.wait_for_timeout(1500)
        made[step] = await page.evaluate("measure(2000)")

    # 40 and 60 milliseconds a packet.
    assert 23 < made[FULL]["packets"] < 27
    assert 15 < made[SMALL]["packets"] < 19
    assert 15 < made[SOUND]["packets"] < 19
    assert made[TEXT]["packets"] == 0
    assert made[FULL]["kbit"] > made[SMALL]["kbit"] > 4
    assert made[SMALL]["frames"] > 0
    assert made[SOUND]["frames"] == made[TEXT]["frames"] == 0
    assert made[FULL]["wire"] > made[SMALL]["wire"] > made[SOUND]["wire"] > made[TEXT]["wire"]
    assert made[SMALL]["wire"] <= 90
    assert made[SOUND]["wire"] <= 21
    assert {one["way"] for one in made.values()} == {"direct"}
