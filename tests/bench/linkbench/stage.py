"""A service, its backend, a ship and people, as in a journey but without pytest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.harness.browser import Browsers
from tests.harness.films import FilmStore
from tests.harness.servers import mail_server
from tests.harness.service import Practice, Service
from tests.journeys.aboard import Passage, passage
from tests.journeys.cast import Cast
from tests.journeys.world import Time, World, run


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one session takes place."""

    world: World
    cast: Cast
    browsers: Browsers
    way: Passage


class Theatre:
    """What all stages share: a seeded folder and the films, made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stages = 0
        self.films = FilmStore(folder)
        service = Service(folder / "seeded")
        service.set(INVIGILATION_CLOCK_SHIFT_FILE=str(Time(folder / "shift").file))
        result = run(service, "web.cli", "seed")
        assert result.returncode == 0, result.stdout + result.stderr
        self._seeded = service.var

    def folder(self) -> Path:
        """Make a folder for whatever comes on next."""
        self._stages += 1
        folder = self._folder / f"stage{self._stages}"
        folder.mkdir()
        return folder

    @contextlib.asynccontextmanager
    async def stage(self) -> AsyncIterator[Stage]:
        """Make a stage of its own: service, backend, mail, ship, browsers; all end with it."""
        folder = self.folder()
        async with contextlib.AsyncExitStack() as stack:
            mailbox = stack.enter_context(mail_server())
            time = Time(folder / "shift")
            service = Service(folder)
            service.set_for_journeys(mailbox, time.file, minutes_fly=True)
            practice = Practice(folder, service)
            practice.set(PRACTICE_CLOCK_SHIFT_FILE=str(time.file))
            way = await stack.enter_async_context(passage(service))
            for program in (service, practice):
                stack.callback(program.kill)
            world = World(service, practice, mailbox, time)
            await world.open(self._seeded)
            browsers = Browsers(folder)
            stack.push_async_callback(browsers.close)
            try:
                yield Stage(world, Cast(world, browsers, self.films), browsers, way)
            except Exception:
                await browsers.photograph("failed")
                raise

    async def prepare(self) -> None:
        """Make what takes long before anything is measured."""
        await asyncio.to_thread(self._films)

    def _films(self) -> None:
        from tests.harness.films import Scene  # noqa: PLC0415
        from tests.journeys.cast import ANA, MARIA  # noqa: PLC0415

        self.films.film(Scene.BOTH, MARIA)
        self.films.film(Scene.FACE, ANA)
        for who in (MARIA, ANA):
            self.films.sound(who.seed)
