"""What somebody at a browser waits for: the first picture after joining."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from statistics import median

from playwright.async_api import async_playwright

from tests.bench.live.load import SHAPES
from tests.bench.live.process import python, started
from tests.harness.browser import QUIET

REST_S = 2.0
"""Between two joins: a publisher is asked for no second key frame right after the first."""
ARGUMENTS = (
    *QUIET,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
)

JOIN = "([who, lines]) => join(0, who, lines)"


async def first_frame(joins: int) -> tuple[float, float]:
    """Join a session again and again: median milliseconds until the answer is there, and a frame.

    The invigilator is there and sends; the learner's camera is open already. The time ends when
    the browser hands over the first decoded frame to be shown.
    """
    waits = []
    async with (
        started(*python("tests.bench.live.server", "ours")) as server,
        async_playwright() as playwright,
    ):
        url = (await server.heard())["url"]
        chromium = os.environ.get("INVIGILATION_CHROMIUM") or shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        invigilator, learner = [await browser.new_page() for _ in range(2)]
        for page in (invigilator, learner):
            await page.goto(url)
            await page.evaluate("devices()")
        # who is alone has nothing to see: not waited for
        alone = f"(arguments) => {{ ({JOIN})(arguments); }}"
        await invigilator.evaluate(alone, ["invigilator", SHAPES["ours"]["invigilator"]])
        await invigilator.wait_for_function("pc.connectionState === 'connected'")
        for _ in range(joins + 1):
            waits.append(await learner.evaluate(JOIN, ["learner", SHAPES["ours"]["learner"]]))
            await learner.evaluate("leave()")
            await asyncio.sleep(REST_S)
        await browser.close()
    waits = waits[1:]  # the first one warms everything up
    return median(w["answered"] for w in waits), median(w["frame"] for w in waits)


async def memory(film: Path, sessions: int) -> tuple[float, float]:
    """Connect and end sessions: megabytes of the server after a tenth of them, and after all."""
    async with started(*python("tests.bench.live.server", "ours")) as server:
        url = (await server.heard())["url"]
        held = []
        for count in (sessions // 10, sessions - sessions // 10):
            arguments = ("churn", url, str(count), str(film))
            async with started(*python("tests.bench.live.load", *arguments)) as load:
                await load.heard()
            held.append(server.memory())
    return held[0], held[1]
