"""Real Chromium on both sides: what one sends, the other shows and plays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from signalling.peer import MediaSettings, Peer
from tests.harness.browser import QUIET

pytestmark = pytest.mark.media

PAGE = """<!doctype html><title>room</title><video autoplay muted playsinline></video><script>
async function join() {
  const pc = window.pc = new RTCPeerConnection();
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320}});
  pc.ontrack = (event) => { document.querySelector('video').srcObject = event.streams[0]; };
  for (const kind of ['audio', 'video']) {
    const track = stream.getTracks().find((found) => found.kind === kind);
    pc.addTransceiver(track, {direction: 'sendrecv', streams: [stream]});
  }
  await pc.setLocalDescription();
  const answer = await fetch('/offer', {method: 'POST', body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
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
SHOWS = "(() => { const v = document.querySelector('video'); return v.videoWidth > 0 && v.currentTime > %s })()"  # noqa: E501
HEARS = "received('audio').then((s) => s.totalAudioEnergy > 0 && s.packetsReceived > 50)"


@pytest.fixture
async def room() -> AsyncIterator[tuple[str, list[Peer]]]:
    """A tiny room for two: whoever offers first and second see each other."""
    peers: list[Peer] = []

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def offer(request: web.Request) -> web.Response:
        settings = MediaSettings(host_addresses=("127.0.0.1",))
        peer, answer = await Peer.answer(await request.text(), settings)
        for other in peers:
            peer.forward_to(other)
            other.forward_to(peer)
        peers.append(peer)
        return web.Response(text=answer)

    app = web.Application()
    app.add_routes([web.get("/", page), web.post("/offer", offer)])
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
    for page in pages:
        await page.goto(url)
        await page.evaluate("join()")

    for page in pages:
        await page.wait_for_function(SHOWS % 0)
        shown = await page.evaluate("document.querySelector('video').currentTime")
        await page.wait_for_function(SHOWS % (shown + 1))
        await page.wait_for_function(HEARS)

    assert [peer.connected.is_set() for peer in peers] == [True, True]
