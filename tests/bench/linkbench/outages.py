"""The link is lost for a while, in the middle of a session: what comes back, and how soon."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from playwright.async_api import Error, Page

from tests.bench.linkbench.figures import Figures, Outage
from tests.bench.linkbench.meter import figures, shown
from tests.bench.linkbench.session import (
    admit,
    entries,
    identify,
    join_cold,
    meet,
)
from tests.bench.linkbench.stage import Stage
from tests.bench.linkbench.window import set_link
from tests.harness.waiting import until
from tests.journeys.people import Console, LearnerPage

LINK = "d"
BACK_S = 60.0
"""Sound that is not back by then is not back."""
SETTLED_S = 15.0
"""Between one outage and the next, so that the link has proved itself."""
HARBOUR_S = 180.0
"""What was not brought up at sea in time is given so long in harbour."""
LINES = 3
ONCE = """(texts) => texts.map((text) => [...document.querySelectorAll(".chat li")]
  .filter((line) => line.textContent.includes(text)).length)"""


@dataclass(frozen=True, slots=True)
class Loss:
    """An outage to be made: its seconds, and those in which its gap is to be filled at sea."""

    seconds: float
    fill_s: float


async def lose_again_and_again(stage: Stage, losses: list[Loss]) -> list[Outage]:
    """Hold one session in which the link is lost several times; return what came of each."""
    rows = [Outage(loss.seconds) for loss in losses]
    try:
        learner, console = await meet(stage)
        await set_link(stage.way.ship, LINK)
        ignored = Figures(LINK)
        learner = await join_cold(stage, learner, console, ignored)
        await identify(console, ignored)
        await admit(learner, console, ignored)
    except (AssertionError, TimeoutError, Error) as fault:
        for row in rows:
            row.trouble = first_line(fault)
        return rows
    for loss, row in zip(losses, rows, strict=True):
        await asyncio.sleep(SETTLED_S)
        try:
            await lose(stage, learner, console, loss, row)
        except (AssertionError, TimeoutError, Error) as fault:
            row.trouble = first_line(fault)
            await set_link(stage.way.ship, LINK)
    return rows


async def lose(
    stage: Stage, learner: LearnerPage, console: Console, loss: Loss, of: Outage
) -> None:
    """Lose the link once and have it back; fill in what came of it."""
    ship = stage.way.ship
    filled = len(entries(stage, "gap_filled"))
    await ship.outage(True)
    lost_at = time.monotonic()
    texts = await _write(learner.page, f"ship {loss.seconds:g}")
    answers = await _write(console.page, f"shore {loss.seconds:g}")
    await asyncio.sleep(max(0.0, lost_at + loss.seconds - 1 - time.monotonic()))
    of.told = await _told(learner, console)
    await asyncio.sleep(max(0.0, lost_at + loss.seconds - time.monotonic()))
    before = (await figures(console.page))["energy"]
    await ship.outage(False)
    back, back_ms = time.monotonic(), time.time() * 1000
    with contextlib.suppress(TimeoutError):
        await _heard(console.page, before)
        of.sound_s = time.monotonic() - back
    with contextlib.suppress(TimeoutError):
        rows = await until(lambda: shown(console.page, back_ms), BACK_S, "a picture")
        of.picture_s = (rows[0][0] - back_ms) / 1000
    of.state = (await console.page.locator(".stage-state .tag").first.text_content()) or ""
    of.lost_events = await _missing(learner.page, answers) + await _missing(console.page, texts)
    await _fill(stage, loss, of, filled + 1, back)


async def _write(page: Page, words: str) -> list[str]:
    texts = [f"{words} s, line {number}." for number in range(1, LINES + 1)]
    for text in texts:
        await page.locator("#chat-text").fill(text)
        await page.locator("#chat-text").press("Enter")
    return texts


async def _told(learner: LearnerPage, console: Console) -> bool:
    ours = (await learner.page.locator("#status-title").text_content()) or ""
    theirs = await console.page.locator(".trouble").all_text_contents()
    return "Connection lost" in ours and any("No signal" in one for one in theirs)


async def _heard(page: Page, energy: float) -> None:
    last = energy

    async def louder() -> bool:
        nonlocal last
        now = (await figures(page))["energy"]
        grown, last = now - last, now  # a new connection begins to count anew
        return grown > 0.0005

    await until(louder, BACK_S, "sound")


async def _missing(page: Page, texts: list[str]) -> int:
    async def once() -> bool:
        return all(count == 1 for count in await page.evaluate(ONCE, texts))

    with contextlib.suppress(TimeoutError):
        await until(once, BACK_S, "what was written meanwhile")
    return sum(count != 1 for count in await page.evaluate(ONCE, texts))


async def _fill(stage: Stage, loss: Loss, of: Outage, count: int, back: float) -> None:
    """Wait until the record says that this gap, too, was filled: at sea, else in harbour."""

    def filled() -> bool:
        return len(entries(stage, "gap_filled")) >= count

    try:
        await until(filled, loss.fill_s, "the gap to be filled at sea")
        of.gap = "filled"
    except TimeoutError:
        of.gap = "not filled"
        await set_link(stage.way.ship, "lan")
        with contextlib.suppress(TimeoutError):
            await until(filled, HARBOUR_S, "the gap to be filled in harbour")
            of.gap = "filled in harbour"
        await set_link(stage.way.ship, LINK)
    if of.gap.startswith("filled"):
        of.filled_s = time.monotonic() - back


def first_line(fault: BaseException) -> str:
    """Return the beginning of what went wrong."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]
