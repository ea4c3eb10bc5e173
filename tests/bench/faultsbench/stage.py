"""A service with what it stands on, and two people in a session; all of it may be broken."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from playwright.async_api import Error

from tests.bench.faultsbench.wire import Wire
from tests.bench.linkbench.meter import WATCH, figures, shown
from tests.bench.linkbench.stage import Theatre
from tests.harness.browser import Browsers
from tests.harness.disk import small_disk
from tests.harness.gate import Gate, gate
from tests.harness.servers import PostgresServer, RedisServer, mail_server
from tests.harness.service import Practice, Service
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import Console, LearnerPage, LivePage
from tests.journeys.steps import Sitting, begin
from tests.journeys.world import Time, World, run

BACK_S = 45.0
"""Who is not back by then is not back."""
WRITE_EVERY_S = 1.0
"""A room takes 30 lines of somebody at once, and from then on one in two seconds."""
EVERY_S = 0.1
LOUDER = 0.0005
"""Of the energy of sound: more than silence."""


class OnPostgres(World):
    """A world whose service keeps its database in PostgreSQL; the seed is sown anew there."""

    server: PostgresServer
    database: str

    async def open(self, seeded: Path) -> None:
        """Sow the demonstration, and start both programs."""
        del seeded
        hook = f"http://127.0.0.1:{self.practice.port}/webhooks"
        result = await asyncio.to_thread(
            run, self.service, "web.cli", "seed", "--webhook-url", hook
        )
        assert result.returncode == 0, result.stdout + result.stderr
        demo = json.loads((self.service.var / "demo.json").read_text())
        self.know(demo)
        self.practice.set(
            PRACTICE_CLIENT_SECRET=demo["client_secret"],
            PRACTICE_WEBHOOK_SECRET=demo["webhook_secret"],
        )
        await asyncio.gather(self.service.start(), self.practice.start())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the database, past every gate."""
        numbers = itertools.count(1)
        numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", query)
        found: list[tuple[Any, ...]] = []

        async def ask() -> None:
            line = await asyncpg.connect(
                host="127.0.0.1", port=self.server.port, user="postgres", database=self.database
            )
            try:
                found.extend(tuple(row) for row in await line.fetch(numbered, *values))
            finally:
                await line.close()

        # In a loop of its own: whoever asks has one already, which waits.
        thread = threading.Thread(target=lambda: asyncio.run(ask()))
        thread.start()
        thread.join()
        return found


@dataclass(slots=True)
class Pair:
    """The two people of a session, and what goes over their lines."""

    sitting: Sitting
    wires: tuple[Wire, Wire]
    written: list[str] = field(default_factory=list)

    @property
    def learner(self) -> LearnerPage:
        """The learner's page."""
        return self.sitting.learner

    @property
    def console(self) -> Console:
        """The invigilator's page."""
        return self.sitting.console

    @property
    def pages(self) -> tuple[LivePage, LivePage]:
        """Both pages."""
        return (self.learner, self.console)

    @property
    def acked(self) -> set[str]:
        """The lines that the server has confirmed to either."""
        return set(self.wires[0].acked) | set(self.wires[1].acked)

    @property
    def drops(self) -> int:
        """How many live connections of both have ended so far."""
        return sum(len(wire.closed) for wire in self.wires)

    async def write(self, text: str) -> None:
        """Let both write a line, without waiting for an answer."""
        for who, page in zip(("learner", "invigilator"), self.pages, strict=True):
            line = f"{text}, {who}."
            self.written.append(line)
            await page.page.locator("#chat-text").fill(line)
            await page.page.locator("#chat-text").press("Enter")

    async def confirmed(self, seconds: float = BACK_S) -> None:
        """Wait until the server has confirmed every line."""
        await until(lambda: self.acked >= set(self.written), seconds, "every line confirmed")

    @contextlib.asynccontextmanager
    async def writing(self, what: str, every_s: float = WRITE_EVERY_S) -> AsyncIterator[list[str]]:
        """Let both write on and on; gives the lines that were written meanwhile."""
        first, stop = len(self.written), asyncio.Event()
        lines: list[str] = []

        async def write() -> None:
            for number in itertools.count(1):
                if stop.is_set():
                    return
                await self.write(f"{what}, line {number}")
                lines[:] = self.written[first:]
                await asyncio.sleep(every_s)

        task = asyncio.create_task(write())
        try:
            yield lines
        finally:
            stop.set()
            await task

    async def back(self, since_ms: float, began: float) -> float:
        """Wait until both see and hear each other; return how long after `began` (monotonic).

        Seen is a picture that was shown after `since_ms` (of the epoch), heard is sound that is
        being decoded at this moment.
        """
        await asyncio.gather(*(_back(page, since_ms) for page in self.pages))
        return time.monotonic() - began


async def _back(page: LivePage, since_ms: float) -> None:
    last = float("inf")

    async def heard() -> bool:
        nonlocal last
        with contextlib.suppress(Error):  # a page that is being loaded
            energy = (await figures(page.page))["energy"]
            grown, last = energy - last, energy
            return grown > LOUDER
        return False

    async def seen() -> bool:
        with contextlib.suppress(Error):
            return bool(await shown(page.page, since_ms))
        return False

    await until(lambda: _now_and_then(seen), BACK_S, "a picture")
    await until(lambda: _now_and_then(heard), BACK_S, "sound")


async def _now_and_then(condition: Any) -> bool:
    """Ask, and do not ask again for a while: looking costs what is being measured."""
    if await condition():
        return True
    await asyncio.sleep(EVERY_S)
    return False


@dataclass(slots=True)
class Stage:
    """Where faults take place; what a stage has not is None."""

    world: World
    cast: Cast
    browsers: Browsers
    folder: Path
    mail: Gate
    database: Gate | None = None
    postgres: PostgresServer | None = None
    redis: RedisServer | None = None
    pair: Pair | None = None

    @property
    def two(self) -> Pair:
        """The two people, once they are there."""
        assert self.pair is not None
        return self.pair

    async def meet(self) -> Pair:
        """Bring both into the room, as far as the open assessment."""
        learner, console = await self.cast.learner(), await self.cast.invigilator()
        wires = Wire(learner.page), Wire(console.page)
        for page in (learner, console):
            await page.page.add_init_script(WATCH)
        sitting = await begin(self.world, _Called(learner, console))  # type: ignore[arg-type]
        self.pair = Pair(sitting, wires)
        await self.pair.back(time.time() * 1000, time.monotonic())
        return self.pair

    def events(self) -> list[tuple[Any, ...]]:
        """Return the record of the session that was begun first, as it is in the database."""
        return self.world.rows(
            "SELECT event.seq, event.body FROM event JOIN session ON event.session = session.id "
            "WHERE session.started IS NOT NULL ORDER BY event.seq"
        )

    def lines(self) -> list[str]:
        """Return every line of chat that is in the database."""
        return [text for (text,) in self.world.rows("SELECT text FROM chat ORDER BY seq")]


@dataclass(frozen=True, slots=True)
class _Called:
    """A cast of those who are here already."""

    one: LearnerPage
    other: Console

    async def learner(self) -> LearnerPage:
        return self.one

    async def invigilator(self) -> Console:
        return self.other


class House(Theatre):
    """What all stages share: a seeded folder and the films."""

    @contextlib.asynccontextmanager
    async def land(self, *, disk_mb: int = 0, **settings: str) -> AsyncIterator[Stage]:
        """Make a stage ashore with SQLite, its folder on a disk of so many megabytes if told."""
        folder = self.folder()
        async with contextlib.AsyncExitStack() as stack:
            world, mail = await self._world(stack, folder, World, settings)
            if disk_mb:
                stack.enter_context(small_disk(world.service.var, disk_mb))
            yield await self._open(stack, Stage(*world_of(world, folder, self), folder, mail))

    @contextlib.asynccontextmanager
    async def on_postgres(
        self, postgres: PostgresServer, redis: RedisServer, **settings: str
    ) -> AsyncIterator[Stage]:
        """Make a stage with PostgreSQL behind a gate, and Redis."""
        folder = self.folder()
        async with contextlib.AsyncExitStack() as stack:
            database = await stack.enter_async_context(gate(postgres.port))
            name = postgres.create()
            url = postgres.url(name).replace(str(postgres.port), str(database.port))
            own = {"INVIGILATION_DATABASE_URL": url, "INVIGILATION_REDIS_URL": redis.url}
            world, mail = await self._world(stack, folder, OnPostgres, own | settings)
            assert isinstance(world, OnPostgres)
            world.server, world.database = postgres, name
            made = Stage(*world_of(world, folder, self), folder, mail, database, postgres, redis)
            yield await self._open(stack, made)

    async def _world(
        self,
        stack: contextlib.AsyncExitStack,
        folder: Path,
        kind: type[World],
        settings: dict[str, str],
    ) -> tuple[World, Gate]:
        mailbox = stack.enter_context(mail_server())
        mail = await stack.enter_async_context(gate(mailbox.port))
        clock = Time(folder / "shift")
        service = Service(folder)
        service.set_for_journeys(mailbox, clock.file)
        service.set(INVIGILATION_SMTP_PORT=str(mail.port), **settings)
        practice = Practice(folder, service)
        practice.set(PRACTICE_CLOCK_SHIFT_FILE=str(clock.file))
        for program in (service, practice):
            stack.callback(program.kill)
        return kind(service, practice, mailbox, clock), mail

    async def _open(self, stack: contextlib.AsyncExitStack, made: Stage) -> Stage:
        await made.world.open(self._seeded)
        stack.push_async_callback(made.browsers.close)
        return made


def world_of(world: World, folder: Path, house: House) -> tuple[World, Cast, Browsers]:
    """Return a world, and who comes into it."""
    browsers = Browsers(folder)
    return world, Cast(world, browsers, house.films), browsers
