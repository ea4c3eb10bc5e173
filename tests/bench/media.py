"""What forwarding costs: two real browsers see and hear each other through this process.

The processor time is this process's alone; the browsers have their own.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

import uvloop
from aiohttp import web
from playwright.async_api import async_playwright

from signalling.forwarding import Kind
from signalling.peer import MediaSettings, Peer
from tests.bench import Measure
from tests.signalling.test_media_browser import ARGS, PAGE

CAP_BPS = 500_000
SETTLE_S, RUN_S, RUNS = 6, 5, 3


class Sink:
    """A recorder that does nothing, to price the tap alone."""

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001
        pass

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        pass


def run() -> list[Measure]:
    """Measure one session at 640x480, both ways, without and with a tap."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        plain, tapped, rate = runner.run(session())
    return [
        Measure("forwarding, one session", plain, "% of core", RUNS),
        Measure("forwarding and a tap", tapped, "% of core", RUNS),
        Measure("packets forwarded", rate, "per second", RUNS),
    ]


async def session() -> tuple[float, float, float]:
    peers: list[Peer] = []

    async def page(_: web.Request) -> web.Response:
        wide = PAGE.replace("width: 320", "width: 640, height: 480, frameRate: 15")
        return web.Response(text=wide, content_type="text/html")

    async def offer(request: web.Request) -> web.Response:
        settings = MediaSettings(host_addresses=("127.0.0.1",), video_cap_bps=CAP_BPS)
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
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for _ in range(2):
            tab = await browser.new_page()
            await tab.goto(f"http://{host}:{port}/")
            await tab.evaluate("join()")
        await asyncio.sleep(SETTLE_S)
        plain = [await cost(peers) for _ in range(RUNS)]
        peers[0].tap(Sink())
        tapped = [await cost(peers) for _ in range(RUNS)]
        await browser.close()
    for peer in peers:
        await peer.close()
    await runner.cleanup()
    return (
        median(share for share, _ in plain),
        median(share for share, _ in tapped),
        median(rate for _, rate in plain),
    )


async def cost(peers: list[Peer]) -> tuple[float, float]:
    """Percent of a core, and packets a second, over RUN_S seconds."""
    packets, used, began = count(peers), time.process_time(), time.monotonic()
    await asyncio.sleep(RUN_S)
    gone = time.monotonic() - began
    return 100 * (time.process_time() - used) / gone, (count(peers) - packets) / gone


def count(peers: list[Peer]) -> int:
    return sum(peer._media.outgoing[kind]._packets for peer in peers for kind in Kind)
