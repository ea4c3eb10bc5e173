"""The same two people with the usual parts as they come: aiortc, aioice, the browser's defaults.

Same ship, same link, same TLS, same films and the same figures as in `session`; there is no
booking, no document, no record. It is watched until it ends by itself or the window is over, so
that its figures tell what it was like while it lasted, and its outcome how long that was.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Error, Page

from tests.bench.linkbench.figures import STOCK, Figures
from tests.bench.linkbench.meter import WATCH
from tests.bench.linkbench.window import (
    Reading,
    conclude,
    echo,
    idle_ms,
    met,
    read,
    set_link,
    sound,
)
from tests.bench.live.process import Process, python, started
from tests.harness.browser import Browsers
from tests.harness.films import FilmStore, Scene
from tests.harness.process import free_port
from tests.harness.ship import Ship, ship
from tests.harness.shore import shore
from tests.harness.waiting import until
from tests.journeys.aboard import trusting
from tests.journeys.cast import ANA, MARIA

JOIN_S = 45.0
"""Longer than this is not joined at all."""
PIECE_S = 5.0
"""How often it is looked whether the connection is still there."""
GONE = ("failed", "closed")
"""States of W3C webrtc-pc that a page does not come back from by itself."""
STATES = "() => window.states"


@dataclass(frozen=True, slots=True)
class Booth:
    """Where the two meet: the ship, the server, the learner on board, the one who waits."""

    vessel: Ship
    server: Process
    url: str
    learner: Page
    invigilator: Page


@contextlib.asynccontextmanager
async def booth(folder: Path, films: FilmStore) -> AsyncIterator[Booth]:
    """Start it all, with the best link; the invigilator is there, the learner's page is empty."""
    async with contextlib.AsyncExitStack() as stack:
        vessel = await stack.enter_async_context(ship())
        here = vessel.service_address
        command = python("tests.bench.linkbench.stockserver", here)
        server = await stack.enter_async_context(started(*command))
        behind = int((await server.heard())["port"])
        front = await stack.enter_async_context(shore(here, free_port(), behind))
        browsers = Browsers(folder)
        stack.push_async_callback(browsers.close)
        trusting(browsers, front)
        scene = films.film(Scene.BOTH, MARIA)
        voice = films.sound(MARIA.seed)
        learner = await browsers.launch(scene, voice, executable=vessel.chromium)
        watcher = await browsers.launch(films.film(Scene.FACE, ANA), films.sound(ANA.seed))
        await watcher.add_init_script(WATCH)
        await watcher.goto(f"{front.url}/invigilator")
        await _connected(watcher)
        yield Booth(vessel, server, front.url, learner, watcher)


async def attend_stock(folder: Path, films: FilmStore, link: str, window_s: float) -> Figures:
    """Let the two meet on a link; what fails is told in the figures, not raised."""
    of = Figures(link, STOCK)
    try:
        async with booth(folder, films) as place, echo(place.vessel) as port:
            await set_link(place.vessel, link)
            of.idle_ms = await idle_ms(place.vessel, port)
            await _meet(place, port, window_s, of)
            of.megabytes = (await place.vessel.stats()).bytes / 1e6
    except (AssertionError, TimeoutError, Error) as fault:
        of.trouble = _first_line(fault)
    return of


async def _meet(place: Booth, port: int, window_s: float, of: Figures) -> None:
    """Let the learner come in; watch from then on, whatever else is still to come."""

    async def join() -> None:
        await place.learner.goto(f"{place.url}/learner", wait_until="commit")
        await _connected(place.learner)

    coming = asyncio.create_task(met(place.learner, place.invigilator, join, JOIN_S, of))
    try:
        await until(lambda: "joined" in of.done or coming.done(), JOIN_S + PIECE_S, "an answer")
        if of.done:
            await _watch(place, port, window_s, of)
        if coming.done():
            await coming
        elif of.done:
            of.trouble = "sound or picture never came"
    finally:
        coming.cancel()
        await asyncio.wait([coming])


async def _connected(page: Page) -> None:
    await page.wait_for_function(
        "() => window.states?.some(([, state]) => state === 'connected')", timeout=JOIN_S * 1000
    )


async def _watch(place: Booth, port: int, window_s: float, of: Figures) -> None:
    """Look and listen for a while, or until it ends."""
    joined_ms = await _first_connected(place.learner)
    readings = [await read(place.vessel, place.invigilator)]
    back: list[float | None] = []
    began = time.monotonic()
    ended = None
    while ended is None and time.monotonic() < began + window_s:
        back += await sound(place.vessel, port, PIECE_S)
        readings.append(await read(place.vessel, place.invigilator))
        ended = await _end(place)
    last = _last_before(readings, ended)
    await conclude(place.invigilator, readings[0], last, back, of)
    of.lost = ended is not None
    of.lasted_s = ((ended or time.time() * 1000) - joined_ms) / 1000


async def _end(place: Booth) -> float | None:
    """Return when the learner's connection ended, as either side knows it; None while it lives."""
    theirs = (await place.server.ask())["learner"]
    ours = await place.learner.evaluate(STATES)
    return min((at for at, state in [*theirs, *ours] if state in GONE), default=None)


async def _first_connected(page: Page) -> float:
    return next(float(at) for at, state in await page.evaluate(STATES) if state == "connected")


def _last_before(readings: list[Reading], ended_ms: float | None) -> Reading:
    """Return the last reading of a living connection; at least the second, if it died early."""
    living = [one for one in readings[1:] if ended_ms is None or one.at_ms <= ended_ms]
    return living[-1] if living else readings[1]


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]
