"""Who comes: each in a browser of their own, with their own face, document and voice."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, StorageState

from tests.harness.browser import DESK, PHONE, Browsers
from tests.harness.films import FilmStore, Scene
from tests.harness.people import Person
from tests.journeys.people import PEERS, Console, LearnerPage, SchedulerPage
from tests.journeys.world import World

MARIA = Person(surname="SANTOS", given_names="MARIA", seed=2)
ERIK = Person(surname="LINDQVIST", given_names="ERIK", seed=4, sex="M")
ANA = Person(surname="REYES", given_names="ANA", seed=5)
TOM = Person(surname="BAKER", given_names="TOM", seed=7, sex="M")


class Cast:
    """Brings people to their browsers."""

    def __init__(self, world: World, browsers: Browsers, films: FilmStore) -> None:
        self.world = world
        self.browsers = browsers
        self.films = films

    async def learner(
        self,
        who: Person = MARIA,
        *,
        zone: str = "Asia/Manila",
        viewport: tuple[int, int] = PHONE,
        scene: Scene = Scene.BOTH,
        film: Path | None = None,
        executable: Path | None = None,
        state: StorageState | None = None,
    ) -> LearnerPage:
        """Bring a learner; their camera shows a scene, or a film of its own.

        The executable is that of a browser elsewhere, such as on board a ship; `state` is what
        their browser had in its hands.
        """
        page = await self.browsers.launch(
            film or self.films.film(scene, who),
            self.films.sound(who.seed),
            viewport=viewport,
            zone=zone,
            executable=executable,
            state=state,
        )
        await page.add_init_script(PEERS)
        return LearnerPage(page, self.world, zone)

    async def phone(self, who: Person = MARIA) -> Page:
        """Bring a second phone, whose camera shows somebody's room."""
        return await self.browsers.launch(self.films.film(Scene.NOBODY, who), viewport=PHONE)

    async def invigilator(self, who: Person = ANA, state: StorageState | None = None) -> Console:
        """Bring an invigilator."""
        page = await self.browsers.launch(
            self.films.film(Scene.FACE, who),
            self.films.sound(who.seed),
            viewport=DESK,
            state=state,
        )
        await page.add_init_script(PEERS)
        return Console(page, self.world)

    async def scheduler(self) -> SchedulerPage:
        """Bring a scheduler."""
        return SchedulerPage(await self.browsers.launch(viewport=DESK), self.world)
