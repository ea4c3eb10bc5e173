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
