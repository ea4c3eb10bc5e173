"""Real Chromium on both sides: what one sends, the other shows and plays."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from invigilation.presence import Sound
from signalling.peer import MediaSettings, Peer
from signalling.quality import FIRST_RTT_S
from signalling.tracks import INVIGILATOR, LEARNER, Track
from tests.harness.browser import QUIET
from tests.harness.waiting import until
from tests.signalling.test_media_loopback import show_each_other

pytestmark = pytest.mark.media

PAGE = """<!doctype html><title>room</title>
<video id="main" autoplay muted playsinline></video>
<video id="screen" autoplay muted playsinline></video>
<script>
const lines = [];
async function join(shape) {
  const pc = window.pc = new RTCPeerConnection();
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320}});
  pc.ontrack = (event) => {
    const place = lines.indexOf(event.transceiver);
    const shown = document.getElementById(['main', 'main', 'screen'][place]);
    if (shown) shown.srcObject = event.streams[0];
  };
  for (const kind of ['audio', 'video']) {
    const track = stream.getTracks().find((found) => found.kind === kind);
    lines.push(pc.addTransceiver(track, {direction: 'sendrecv', streams: [stream]}));
  }
  const rest = shape === 'learner' ? ['sendonly'] : ['recvonly', 'recvonly'];
  for (const direction of rest) lines.push(pc.addTransceiver('video', {direction}));
  await pc.setLocalDescription();
  const answer = await fetch('/offer/' + shape, {method: 'POST', body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
}
async function share() {
  const canvas = document.createElement('canvas');
  canvas.width = 400; canvas.height = 300;
  const ink = canvas.getContext('2d');
  setInterval(() => { ink.fillStyle = '#' + Math.random().toString(16).slice(2, 8);
                      ink.fillRect(0, 0, 400, 300); }, 50);
  await lines[2].sender.replaceTrack(canvas.captureStream(15).getVideoTracks()[0]);
}
async function received(kind) {
  const stats = [...(await pc.getStats()).values()];
  return stats.find((s) => s.type === 'inbound-rtp' && s.kind === kind) || {};
}
</script>"""
ARGS = [
    *QUIET,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
SHOWS = "(() => { const v = document.getElementById('%s'); return v.videoWidth && v.currentTime > %s })()"  # noqa: E501
HEARS = "received('audio').then((s) => s.totalAudioEnergy > 0 && s.packetsReceived > 50)"


@pytest.fixture
async def room() -> AsyncIterator[tuple[str, list[Peer]]]:
    """A tiny room for two: the learner comes first."""
    peers: list[Peer] = []

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def offer(request: web.Request) -> web.Response:
        settings = MediaSettings(host_addresses=("127.0.0.1",))
        shape = LEARNER if request.match_info["shape"] == "learner" else INVIGILATOR
        peer, answer = await Peer.answer(await request.text(), shape, settings)
        for other in peers:
            show_each_other(other, peer)
        peers.append(peer)
        return web.Response(text=answer)

    app = web.Application()
    app.add_routes([web.get("/", page), web.post("/offer/{shape}", offer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/", peers
    for peer in peers:
        await peer.close()
    await runner.cleanup()


@pytest.fixture
async def pages() -> AsyncIterator[list[Page]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        yield [await browser.new_page() for _ in range(2)]
        await browser.close()


async def test_two_browsers_see_and_hear_each_other(
    room: tuple[str, list[Peer]], pages: list[Page]
) -> None:
    url, peers = room
    for page, shape in zip(pages, ("learner", "invigilator"), strict=True):
        await page.goto(url)
        await page.evaluate(f"join('{shape}')")

    for page in pages:
        await page.wait_for_function(SHOWS % ("main", 0))
        shown = await page.evaluate("document.getElementById('main').currentTime")
        await page.wait_for_function(SHOWS % ("main", shown + 1))
        await page.wait_for_function(HEARS)
    before = peers[0].packet_at(Track.SCREEN)
    await pages[0].evaluate("share()")
    await pages[1].wait_for_function(SHOWS % ("screen", 1))
    width = await pages[1].evaluate("document.getElementById('screen').videoWidth")

    assert [peer.connected.is_set() for peer in peers] == [True, True]
    assert (before, width) == (None, 400)
    assert peers[0].sound(time.monotonic()) in (Sound.HEARD, Sound.QUIET)


async def test_a_browser_that_is_sent_nothing_tells_how_long_a_round_takes(
    room: tuple[str, list[Peer]], pages: list[Page]
) -> None:
    url, peers = room
    await pages[0].goto(url)
    await pages[0].evaluate("join('learner')")
    await until(lambda: peers, 10, "the peer")

    await until(lambda: peers[0].link(time.monotonic()).rtt_s != FIRST_RTT_S, 20, "an answer")

    assert peers[0].link(time.monotonic()).rtt_s < FIRST_RTT_S
    assert await pages[0].evaluate("received('audio')") == {}
