"""A whole session of two people in real browsers, one of them on board: what it was like."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import timedelta
from typing import Any

from playwright.async_api import Error

from tests.bench.linkbench.figures import Figures
from tests.bench.linkbench.meter import WATCH
from tests.bench.linkbench.stage import Stage
from tests.bench.linkbench.window import conclude, echo, idle_ms, met, read, set_link, sound
from tests.journeys.aboard import come_to_watch, embark, take
from tests.journeys.people import PEERS, Console, LearnerPage

NAME = "Maria Santos"
JOIN_S = 90.0
"""Longer than this is not joined at all."""
WHOLE_S = 180.0
"""How long to wait for the document's picture in full size."""
HALF_AN_HOUR = timedelta(minutes=30)
LAST = "What the bench noted."


async def attend(stage: Stage, link: str, window_s: float) -> Figures:
    """Hold one session on a link; what fails is told in the figures, not raised."""
    of = Figures(link)
    try:
        async with echo(stage.way.ship) as port:
            learner, console = await meet(stage)
            await set_link(stage.way.ship, link)
            of.idle_ms = await idle_ms(stage.way.ship, port)
            learner = await join_cold(stage, learner, console, of)
            await identify(console, of)
            await admit(learner, console, of)
            await watch(stage, console, port, window_s, of)
            await finish(stage, console, of)
    except (AssertionError, TimeoutError, Error) as fault:
        of.trouble = (str(fault).strip() or type(fault).__name__).splitlines()[0][:200]
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

    async def join() -> None:
        await page.goto(f"{stage.world.service.url}/me/room", wait_until="commit")
        await come.join()

    await met(page, console.page, join, JOIN_S, of)
    return come


async def identify(console: Console, of: Figures) -> None:
    """Take both pictures; one that did not come is asked for again, as a person would."""
    began = time.monotonic()
    width, height = await take(console, "ID")
    of.document, of.document_s = f"{width}x{height}", time.monotonic() - began
    with contextlib.suppress(TimeoutError):
        await console.picture("ID", whole=True, seconds=WHOLE_S)
        of.whole_s = time.monotonic() - began
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
    vessel = stage.way.ship
    before = await read(vessel, console.page)
    back = await sound(vessel, port, window_s)
    await conclude(console.page, before, await read(vessel, console.page), back, of)
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
