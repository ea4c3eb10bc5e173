"""Faults on the learner's side: a browser that is gone, a second window; and a clock that jumps."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from datetime import timedelta

from playwright.async_api import Page, expect

from tests.bench.faultsbench.figures import Row
from tests.bench.faultsbench.process import amiss
from tests.bench.faultsbench.stage import Pair, Stage
from tests.bench.faultsbench.wire import Wire
from tests.bench.linkbench.meter import WATCH
from tests.journeys.people import PEERS, SOON_MS, LearnerPage
from tests.journeys.steps import Sitting

STAND_S = 4.0
HOUR = timedelta(hours=1)


async def vanish(stage: Stage, row: Row) -> None:
    """Kill the learner's browser; they come back with another one, with their cookies."""
    pair = stage.two
    state = await pair.learner.page.context.storage_state()
    began = time.monotonic()
    await _kill(pair.learner.page)
    alarm = pair.console.page.locator(".trouble").filter(has_text="No signal")
    lost = pair.console.page.locator(".trouble").filter(has_text="lost the connection")
    await expect(alarm.or_(lost).first).to_be_visible(timeout=SOON_MS)
    row.add("the invigilator is told after", time.monotonic() - began, "s", 10.0)
    come = await stage.cast.learner()
    await come.page.context.add_cookies(state["cookies"])  # type: ignore[arg-type]
    wire = Wire(come.page)
    await come.page.add_init_script(WATCH)
    again, again_ms = time.monotonic(), time.time() * 1000
    await come.page.goto(f"{stage.world.service.url}/me/room")
    await _back_in(stage, pair, come, wire)
    row.add(
        "from opening the page again until both see and hear",
        await stage.two.back(again_ms, again),
        "s",
        10.0,
    )
    row.done = "the learner's browser is killed; they open the room's page in another"
    await stage.two.write("After the browser had gone")
    await stage.two.confirmed()
    row.add("lines that came twice or never", amiss(stage, stage.two), "", 0)


async def two_tabs(stage: Stage, row: Row) -> None:
    """Let the learner open the room in a second tab."""
    pair = stage.two
    first = pair.learner.page
    second = await first.context.new_page()
    for script in (PEERS, WATCH):
        await second.add_init_script(script)
    wire = Wire(second)
    began, began_ms = time.monotonic(), time.time() * 1000
    await second.goto(f"{stage.world.service.url}/me/room")
    other = first.locator("#status-title")
    await expect(other).to_have_text("Your session is open in another window", timeout=SOON_MS)
    row.add("the first tab says so after", time.monotonic() - began, "s", 5.0)
    come = LearnerPage(second, stage.world, pair.learner.zone)
    await _back_in(stage, pair, come, wire)
    row.add(
        "both see and hear by the second after", await stage.two.back(began_ms, began), "s", 10.0
    )
    seats = stage.two.wires[1].state["learner"]["present"]
    row.add("live seats of the learner", float(seats), "", 1)
    row.add(
        "live connections left in the first tab",
        len(pair.wires[0].opened) - len(pair.wires[0].closed),
        "",
        0,
    )
    row.done = "the room is opened in a second tab of the same browser"
    await first.close()


async def clock(stage: Stage, row: Row) -> None:
    """Let the wall clock jump an hour ahead, and back again."""
    pair = stage.two
    drops, before = pair.drops, len(stage.events())
    async with pair.writing("While the clock jumps") as lines:
        for step in (HOUR, -HOUR):
            await asyncio.sleep(STAND_S)
            stage.world.time.forward(step)
        await asyncio.sleep(STAND_S)
    await pair.confirmed()
    await pair.back(time.time() * 1000, time.monotonic())
    numbers = [seq for seq, _ in stage.events()]
    row.done = "the wall clock goes an hour ahead, then an hour back, while both write"
    row.add("live connections that ended", pair.drops - drops, "", 0)
    row.add(
        "entries out of order",
        sum(b != a + 1 for a, b in itertools.pairwise(numbers)),
        "",
        0,
    )
    row.add("lines that came twice or never", amiss(stage, pair), "", 0)
    row.add_worst("a line is confirmed after", pair.wires[0].waits(lines), "s", 2.0)
    row.add("entries written meanwhile", len(numbers) - before)


async def _back_in(stage: Stage, pair: Pair, come: LearnerPage, wire: Wire) -> None:
    """Take the learner's new page in the place of the old one."""
    sitting = Sitting(come, pair.console, pair.sitting.asked, pair.sitting.name)
    old = pair.wires[0]
    wire.acked.update(old.acked)
    wire.asked.update(old.asked)
    stage.pair = Pair(sitting, (wire, pair.wires[1]), pair.written)
    await expect(come.page.locator("#tag-link")).to_have_text("Connected", timeout=SOON_MS)


async def _kill(page: Page) -> None:
    """End the browser of a page as a crash does."""
    browser = page.context.browser
    assert browser
    line = await browser.new_browser_cdp_session()
    found = (await line.send("SystemInfo.getProcessInfo"))["processInfo"]
    [ident] = [int(one["id"]) for one in found if one["type"] == "browser"]
    os.kill(ident, signal.SIGKILL)
