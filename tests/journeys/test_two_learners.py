"""One invigilator watches two learners: each in a room of their own, out of the other's hearing."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest
from playwright.async_api import expect

from tests.harness.people import Person
from tests.journeys.cast import ERIK, MARIA, Cast
from tests.journeys.people import SOON_MS, Console, LearnerPage
from tests.journeys.plain import book_plainly
from tests.journeys.steps import START
from tests.journeys.world import World

pytestmark = pytest.mark.journey

NAMES = {
    "L-1001": "Maria Santos",
    "L-1002": "Arjun Nair",
    "L-1003": "Olena Koval",
    "L-1005": "Erik Lindqvist",
}
"""Of four learners, two at least have the same of the three invigilators."""


async def test_an_invigilator_goes_from_one_learner_to_the_other(world: World, cast: Cast) -> None:
    links = {name: await book_plainly(world, ref, START) for ref, name in NAMES.items()}
    first, second = two_of_one(world)
    world.time.go_to(START - timedelta(minutes=5))
    one = await comes(cast, MARIA, links[first])
    other = await comes(cast, ERIK, links[second])
    console = await cast.invigilator()
    await console.sign_in(world.invigilator_of(first))
    await console.connected()
    waiting = console.page.locator("section", has_text="Waiting for you").locator(".lobby-row")
    await expect(waiting).to_have_count(2, timeout=SOON_MS)

    await console.open(first)
    await is_with(console, one, MARIA, first)
    await other.told("Waiting for your invigilator")
    await console.open(second)
    await is_with(console, other, ERIK, second)
    await one.told("Waiting for your invigilator")
    await console.open(first)
    await is_with(console, one, MARIA, first, again=True)

    for learner, mine, others in ((one, first, second), (other, second, first)):
        await learner.reads(f"Only for {mine}.")
        await expect(learner.page.get_by_text(f"Only for {others}.")).to_have_count(0)


def two_of_one(world: World) -> tuple[str, str]:
    """Return two learners who have the same invigilator."""
    watched = {name: world.invigilator_of(name) for name in NAMES.values()}
    return next((a, b) for a, b in combinations(watched, 2) if watched[a] == watched[b])


async def comes(cast: Cast, who: Person, link: str) -> LearnerPage:
    learner = await cast.learner(who)
    await learner.enter(link)
    await learner.check_in()
    await learner.join()
    return learner


async def is_with(
    console: Console, learner: LearnerPage, who: Person, name: str, *, again: bool = False
) -> None:
    await console.sees(name)
    await console.sees_person(who)
    await console.hears(name)
    await learner.told("Hold your ID to the camera")
    if not again:
        await console.write(f"Only for {name}.")
    await learner.reads(f"Only for {name}.")
