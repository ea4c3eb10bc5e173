"""A link at sea: a browser's network stands still, as if a wave stood before the antenna."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Page


@contextlib.asynccontextmanager
async def lost_link(page: Page) -> AsyncIterator[None]:
    """Stop everything that goes between a browser and the world, while the block lasts.

    Chromium's network has a process of its own: stopped, it neither sends nor answers, and says
    nothing to anybody, as a link that is gone. Messages, forms, sound and picture all go by it.
    """
    pids = await _network(page)
    assert pids, "the browser's network has no process of its own"
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _network(page: Page) -> list[int]:
    browser = page.context.browser
    assert browser is not None
    line = await browser.new_browser_cdp_session()
    known = await line.send("SystemInfo.getProcessInfo")
    await line.detach()
    ours = {int(one["id"]) for one in known["processInfo"]}
    return [pid for pid in ours if b"network.mojom.NetworkService" in _command(pid)]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@contextlib.asynccontextmanager
async def thin_link(page: Page, *, kbit: int = 128, delay_ms: int = 700) -> AsyncIterator[None]:
    """Let what the page asks of its server go over a thin link, while the block lasts.

    Chromium's own throttle: it holds for HTTP, not for the live stream, which goes beside it.
    """
    line = await page.context.new_cdp_session(page)
    rate = kbit * 1000 / 8
    try:
        await line.send("Network.enable")
        await line.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": delay_ms,
                "uploadThroughput": rate,
                "downloadThroughput": rate,
            },
        )
        yield
    finally:
        await line.detach()
