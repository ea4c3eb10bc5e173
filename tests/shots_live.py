"""Pictures of the console at work: with one, four and twelve learners, and with trouble."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

from playwright.async_api import expect

from tests.album import Album
from tests.journeys.cast import Cast
from tests.journeys.crowd import NAMES, book_crowd, looks_of
from tests.journeys.people import SOON_MS, Console
from tests.journeys.puppets import Look, Puppet, puppets
from tests.journeys.steps import START
from tests.journeys.world import World

WATCHER = "ana.reyes@example.org"
CHEAP = Look(size=(320, 240), fps=3, pictures=7)
"""Twelve of these are encoded beside everything else. The server looks every ten seconds, and must
not find the same picture again, or it says that the camera stands still."""
STEPS = (1, 4, 12)
SITTING = NAMES[:4]
"""These sit their assessments; who came last still waits for the identity check."""
HAND, BLACK, LOST, WRITES = NAMES[4], NAMES[6], NAMES[9], NAMES[2]


async def crowd_pages(album: Album, cast: Cast) -> None:
    """Twelve learners come, some now and some later, and not all goes well."""
    world = cast.world
    links = await book_crowd(world, NAMES, START, WATCHER)
    world.time.go_to(START - timedelta(minutes=5))
    console = await cast.invigilator()
    await console.sign_in(WATCHER)
    await console.connected()
    async with AsyncExitStack() as rooms:
        here: dict[str, Puppet] = {}
        for count in STEPS:
            fresh = {name: links[name] for name in NAMES[len(here) : count]}
            here |= await rooms.enter_async_context(puppets(fresh, looks_of(NAMES), CHEAP))
            await _begin(world, console, [name for name in fresh if name in SITTING])
            await expect(console.page.locator(".tile")).to_have_count(
                count if count > 1 else 0, timeout=SOON_MS
            )
            await album.both(console.page, f"console-{count}", whole=False)
        await _trouble(console, here)
        await album.both(console.page, "console-trouble", whole=False)
        if await console.page.get_by_role("button", name="All tiles").count():
            await console.page.get_by_role("button", name="All tiles").click()
            await album.both(console.page, "console-all", whole=False)
    await console.page.context.close()


async def _begin(world: World, console: Console, names: list[str]) -> None:
    """Let learners begin, a minute after each other, so that no two clocks say the same."""
    for name in names:
        await console.open(name)
        await console.sees(name)
        await console.take("ID")
        await console.take("face")
        await console.confirm()
        await console.admit()
        world.time.forward(timedelta(minutes=1))


async def _trouble(console: Console, here: dict[str, Puppet]) -> None:
    await console.open(NAMES[0])
    camera = here[BLACK].camera
    assert camera is not None
    camera.seen = False
    await here[LOST].here.close(leaving=False)
    await here[WRITES].here.chat("May I use a calculator?")
    await here[HAND].raise_hand()
    await console.needed_by(HAND, "Hand raised")
    for name, words in ((LOST, "No signal"), (WRITES, "new message"), (BLACK, "Picture black")):
        await expect(console.tile(name)).to_contain_text(words, timeout=SOON_MS)
