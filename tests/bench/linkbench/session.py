"""A whole session of two people in real browsers, one of them on board: what it was like."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from playwright.async_api import Error, Page

from tests.bench.linkbench.figures import Figures
from tests.bench.linkbench.meter import (
    WATCH,
    figures,
    pictures_between,
    shown,
    sound_between,
)
from tests.bench.linkbench.stage import Stage
from tests.harness.profiles import traces
from tests.harness.sounding import Echo
from tests.harness.waiting import until
from tests.journeys.aboard import come_to_watch, embark, take
from tests.journeys.people import PEERS, Console, LearnerPage

NAME = "Maria Santos"
IDLE_COUNT, IDLE_EVERY_MS = 12, 250
SOUNDING_BYTES = 60
SOUNDING_EVERY_MS = 1_000
JOIN_S = 90.0
"""Longer than this is not joined at all."""
HALF_AN_HOUR = timedelta(minutes=30)
LAST = "What the bench noted."


async def set_link(stage: Stage, link: str) -> None:
    """Let the ship's link be a profile, or go through a trace."""
    found = traces()
    if link in found:
        await stage.way.ship.replay(found[link])
    else:
        await stage.way.ship.profile(link)


@contextlib.asynccontextmanager
async def echo(stage: Stage) -> AsyncIterator[int]:
    """Answer datagrams ashore; return the port."""
    line, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Echo, local_addr=(stage.way.ship.service_address, 0)
    )
    try:
        yield int(line.get_extra_info("sockname")[1])
    finally:
        line.close()


async def attend(stage: Stage, link: str, window_s: float) -> Figures:
    """Hold one session on a link; what fails is told in the figures, not raised."""
    of = Figures(link)
    try:
        async with echo(stage) as port:
            learner, console = await meet(stage)
            await set_link(stage, link)
            await stage.way.ship.empty()
            back = await stage.way.ship.sound(port, IDLE_COUNT, SOUNDING_BYTES, IDLE_EVERY_MS)
            of.idle_ms = _median(back)
            learner = await join_cold(stage, learner, console, of)
            await identify(console, of)
            await admit(learner, console, of)
            await watch(stage, console, port, window_s, of)
            await finish(stage, console, of)
    except (AssertionError, TimeoutError, Error) as fault:
        of.trouble = str(fault).strip().splitlines()[0][:200]
    stats = await stage.way.ship.stats()
    of.megabytes = stats.bytes / 1e6
    of.rung = rung(stage) or of.rung
    return of


async def meet(stage: Stage) -> tuple[LearnerPage, Console]:
    """Bring both, with the best link: booked, checked in, the invigilator at the console."""
    learner, _ = await embark(stage.world, stage.cast, stage.way)
    console = await stage.cast.invigilator()
    await console.page.add_init_script(WATCH)
    await come_to_watch(stage.world, stage.cast, NAME, console)
    return learner, console


async def join_cold(
    stage: Stage, learner: LearnerPage, console: Console, of: Figures
) -> LearnerPage:
    """Let the learner open their room with nothing cached, and time it."""
    page = await stage.browsers.anew(learner.page)
    await page.add_init_script(PEERS)
    come = LearnerPage(page, stage.world, learner.zone)
    before = await figures(console.page)
    began = time.monotonic()
    began_ms = time.time() * 1000

    def since() -> float:
        return time.monotonic() - began

    async def join() -> None:
        await page.goto(f"{stage.world.service.url}/me/room", wait_until="commit")
        await come.join()
        of.joined_s = since()
        of.done.append("joined")

    async def heard(where: Page, energy: float) -> float:
        async def louder() -> bool:
            with contextlib.suppress(Error):  # while the page is being opened
                return (await figures(where))["energy"] > energy + 0.001
            return False

        await until(louder, JOIN_S, "sound")
        return since()

    async def seen() -> None:
        rows = await until(lambda: shown(console.page, began_ms), JOIN_S, "a first picture")
        of.seen_s = (rows[0][0] - began_ms) / 1000

    tasks = (join(), heard(page, 0.0), heard(console.page, before["energy"]), seen())
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    ends = [one for one in outcomes[1:3] if isinstance(one, float)]
    if len(ends) == 2:
        of.heard_s = max(ends)
    for one in outcomes:
        if isinstance(one, BaseException):
            raise one
    return come


async def identify(console: Console, of: Figures) -> None:
    """Take both pictures; one that did not come is asked for again, as a person would."""
    began = time.monotonic()
    width, height = await take(console, "ID")
    of.document, of.document_s = f"{width}x{height}", time.monotonic() - began
    await take(console, "face")
    await console.confirm()
    of.done.append("ID")


async def admit(learner: LearnerPage, console: Console, of: Figures) -> None:
    """Open the assessment."""
    await console.admit()
    await learner.told("Your assessment is open")
    of.done.append("admitted")


async def watch(stage: Stage, console: Console, port: int, window_s: float, of: Figures) -> None:
    """Look and listen for a while, as the invigilator does, and sound the link meanwhile."""
    ship = stage.way.ship
    before, counts = await figures(console.page), await ship.stats()
    began, began_ms = time.monotonic(), time.time() * 1000
    number = int(window_s * 1000 / SOUNDING_EVERY_MS)
    back = await ship.sound(port, number, SOUNDING_BYTES, SOUNDING_EVERY_MS)
    after, now, end_ms = await figures(console.page), await ship.stats(), time.time() * 1000
    took = time.monotonic() - began
    seen = pictures_between(await shown(console.page, began_ms), began_ms, end_ms)
    of.concealed = sound_between(before, after).concealed
    of.picture_median_s, of.picture_longest_s = seen.median_s, seen.longest_s
    of.picture = f"{seen.size[0]}x{seen.size[1]}" + (" still" if seen.kind == "still" else "")
    of.a_second = seen.a_second
    of.rtt_ms, of.rtt_p95_ms = _median(back), _high(back)
    packets = now.up.packets - counts.up.packets
    of.queue_ms = 1000 * (now.up.queue_s - counts.up.queue_s) / packets if packets else None
    of.up_kbit = (now.up.bytes - counts.up.bytes) * 8 / 1000 / took
    of.down_kbit = (now.down.bytes - counts.down.bytes) * 8 / 1000 / took
    of.rung = rung(stage) or of.rung


async def finish(stage: Stage, console: Console, of: Figures) -> None:
    """Go through the rest of a session: half an hour, an incident, the end, the signature."""
    await stage.world.live_through(stage.world.time.now() + HALF_AN_HOUR)
    await console.in_state("In progress")
    of.done.append("half an hour")
    await console.note_incident("environment.noise", LAST)
    of.done.append("incident")
    await console.end()
    await console.attest()
    of.done.append("attested")


def entries(stage: Stage, kind: str) -> list[dict[str, Any]]:
    """Return what the record says in entries of one kind, in their order."""
    query = "SELECT body FROM event WHERE kind = ? ORDER BY seq"
    return [json.loads(body) for (body,) in stage.world.rows(query, kind)]


def rung(stage: Stage) -> str:
    """Return the step of the ladder that the record knows last; empty when it knows none."""
    found = [said for one in entries(stage, "ladder") if (said := _find(one, "rung"))]
    return str(found[-1]) if found else ""


def _find(body: dict[str, Any], name: str) -> Any:
    """Find a value in an entry, whether it is at its top or in its data."""
    if name in body:
        return body[name]
    inside = [value for value in body.values() if isinstance(value, dict)]
    return next((found for one in inside if (found := _find(one, name)) is not None), None)


def _median(back: list[float | None]) -> float | None:
    came = [one for one in back if one is not None]
    return statistics.median(came) if came else None


def _high(back: list[float | None]) -> float | None:
    came = sorted(one for one in back if one is not None)
    return came[int(0.95 * (len(came) - 1))] if came else None
