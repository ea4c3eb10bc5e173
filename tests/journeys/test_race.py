"""Two learners want the last seat of one start at the same moment: one has it."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.harness.browser import Browsers, accessibility_problems
from tests.journeys.cast import ERIK, MARIA, Cast
from tests.journeys.people import SOON_MS, LearnerPage
from tests.journeys.plain import book_plainly
from tests.journeys.steps import START
from tests.journeys.world import World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

SEATS = 6
"""Three invigilators, each of whom watches two learners at once."""


async def test_of_two_who_want_the_last_seat_one_has_it_and_the_other_chooses_again(
    world: World, cast: Cast, browsers: Browsers
) -> None:
    browsers.allow(r"status of 409 \(Conflict\)")  # the answer to whoever came second
    for _ in range(SEATS - 1):
        await book_plainly(world, "L-1002", START)
    maria, erik = await cast.learner(MARIA), await cast.learner(ERIK)
    for person, name in ((maria, "Maria Santos"), (erik, "Erik Lindqvist")):
        asked = await person.ask(name)
        await person.enter(asked.booking_url)
        await person.look_at(START)

    await asyncio.gather(submit(maria), submit(erik))

    won = [person for person in (maria, erik) if "done=booked" in person.page.url]
    lost = next(person for person in (maria, erik) if person not in won)
    assert len(won) == 1
    await reads_why(lost)
    later = START.replace(hour=13)
    await lost.slot(later).check(force=True)
    await submit(lost)
    assert "done=booked" in lost.page.url
    starts = world.rows(
        "SELECT learner.name FROM booking JOIN request ON booking.request = request.id "
        "JOIN learner ON request.learner = learner.id WHERE learner.name IN (?, ?)",
        "Maria Santos",
        "Erik Lindqvist",
    )
    assert sorted(starts) == [("Erik Lindqvist",), ("Maria Santos",)]


async def submit(person: LearnerPage) -> None:
    async with person.page.expect_response(re.compile(r"/me/book\?day=")) as answered:
        await person.page.get_by_role("button", name="Book this time").click()
    await answered.value
    await person.page.wait_for_load_state()


async def reads_why(lost: LearnerPage) -> None:
    """A plain sentence, and the list as it is now: the same day, without that start."""
    message = lost.page.locator("#start-error")
    await expect(message).to_contain_text(re.compile("taken", re.IGNORECASE), timeout=SOON_MS)
    await expect(lost.slot(START)).to_have_count(0)
    assert await lost.page.locator('input[name="start"]').count() > 3
    assert await accessibility_problems(lost.page) == []
