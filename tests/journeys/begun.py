"""A session that has begun: the way there is gone once, and journeys go on from copies of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playwright.async_api import StorageState

from tests.harness.browser import Browsers
from tests.harness.discretion import personal, told
from tests.harness.films import FilmStore
from tests.harness.servers import mail_server
from tests.harness.service import Practice, Program, Service
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.steps import Sitting, identified
from tests.journeys.world import DATABASE, SOON_S, Asked, Time, World

LEARNER = "Maria Santos"
RESERVE = "reserve"
"""Room on a disk that each service takes for itself."""
PARTS = "SELECT id, sha256 FROM evidence WHERE kind LIKE '%recording'"
OWED = "SELECT 1 FROM delivery WHERE channel = 'webhook' AND state <> 'delivered'"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stood when everybody had left."""

    at: datetime
    asked: Asked
    learner: StorageState
    console: StorageState
    used: dict[str, int]
    """The last code of each person's app."""
    recordings: frozenset[str]


class Begun:
    """A session whose learner has been identified, and is admitted next.

    It is played in when the first journey asks for it, by people at their pages. Addresses are
    written down on the way: each journey's service and backend listen where those of then did.
    """

    def __init__(
        self, folder: Path, seeded: Path, films: FilmStore, ports: tuple[int, int]
    ) -> None:
        self.ports = ports
        """Of the service and of the practice backend."""
        self._folder = folder
        self._seeded = seeded
        self._films = films
        self._standing: Standing | None = None

    async def open(self, world: World) -> None:
        """Open a world that has not been opened on a copy, at the time when everybody left."""
        if self._standing is None:
            self._standing = await self._play()
        shutil.copytree(self._folder / "practice", world.practice.data)
        world.time.go_to(self._standing.at)
        world.used.update(self._standing.used)
        await world.open(self._folder / "var")

    async def go_on(self, world: World, cast: Cast) -> Sitting:
        """Bring both people back into the room, and open the assessment."""
        assert self._standing is not None, "not opened"
        learner = await cast.learner(state=self._standing.learner)
        await learner.page.goto(f"{world.service.url}/me/room")
        await learner.connected()
        console = await cast.invigilator(state=self._standing.console)
        await console.page.goto(f"{world.service.url}/staff/console")
        await console.connected()
        await console.open(LEARNER)
        await console.camera_on()
        await console.admit()
        await learner.told("Your assessment is open")
        before = self._standing.recordings
        return Sitting(learner, console, self._standing.asked, LEARNER, before)

    async def _play(self) -> Standing:
        """Let two people go the whole way up to the decision about the identity, then leave."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        time = Time(self._folder / "shift")
        service = Service(self._folder)
        service.at(self.ports[0])
        practice = Practice(self._folder, service)
        practice.at(self.ports[1])
        practice.set(PRACTICE_CLOCK_SHIFT_FILE=str(time.file))
        with mail_server() as mailbox:
            service.set_for_journeys(mailbox, time.file)
            # What a page keeps is told by the journeys' pages alone: this one leaves before.
            service.set(INVIGILATION_LOCAL_SEGMENT_S="50")
            world = World(service, practice, mailbox, time)
            async with _ended(practice), _ended(service), _people(self._folder) as browsers:
                await world.open(self._seeded)
                cast = Cast(world, browsers, self._films)
                sitting = await identified(world, cast, LEARNER)
                learner = await sitting.learner.page.context.storage_state()
                console = await sitting.console.page.context.storage_state()
                # What is cut off on its way would be told again by every copy.
                await until(lambda: not world.rows(OWED), SOON_S, "all webhooks to be delivered")
        parts = dict(world.rows(PARTS))
        assert all(parts.values())
        known = personal(service.var / DATABASE)
        assert list(told(service.process.log.read_text(), known)) == []
        (service.var / RESERVE).unlink(missing_ok=True)
        return Standing(time.now(), sitting.asked, learner, console, world.used, frozenset(parts))


@contextlib.asynccontextmanager
async def _ended(program: Program) -> AsyncIterator[None]:
    try:
        yield
        program.stop()
    finally:
        program.kill()


@contextlib.asynccontextmanager
async def _people(folder: Path) -> AsyncIterator[Browsers]:
    browsers = Browsers(folder)
    try:
        yield browsers
    finally:
        await browsers.close()
    assert browsers.unexpected() == []
