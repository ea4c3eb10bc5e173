"""A session that an edX platform asks for, from its own page to its verified attempt."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from tests.harness.waiting import until
from tests.journeys.campus import Campus
from tests.journeys.cast import Cast
from tests.journeys.people import Console, LearnerPage
from tests.journeys.steps import START
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

MARIA = "Maria Santos"
MAIL = "maria.santos@example.org"
THEIRS = (
    "SELECT session.id FROM session JOIN booking ON session.booking = booking.id "
    "JOIN request ON booking.request = request.id WHERE request.backend = 'campus'"
)

SENT = (
    "SELECT type, state FROM delivery WHERE channel = 'edx' "
    "AND type IN ('report.ready', 'attempt.review') ORDER BY type"
)
ONCE = [("attempt.review", "delivered"), ("report.ready", "delivered")]


@pytest.fixture
async def campus(world: World, tmp_path: Path) -> AsyncIterator[Campus]:
    """The platform, running and added to the office."""
    one = Campus(tmp_path, world)
    one.join()
    await one.start()
    yield one
    one.stop()


async def test_an_edx_platform_gets_one_review_of_a_session_that_it_asked_for(
    world: World, cast: Cast, campus: Campus
) -> None:
    learner, console = await cast.learner(), await cast.invigilator()
    assert (await campus.do("exam"))["exam"]
    assert (await campus.do("attempt", name=MARIA, email=MAIL))["status"] == "created"

    await learner.enter(await personal_link(learner, campus, "Choose a time"))
    await learner.book(START)
    await personal_link(learner, campus, "09:30 UTC (09:30 in London)")
    world.time.go_to(START - timedelta(minutes=5))
    await meets(world, learner, console)
    assert (await campus.do("standing"))["status"] == "created"
    await console.admit()
    await sits(learner, campus)
    await console.note_incident("environment.noise", "An alarm test on board.")
    await console.end()
    await console.attest()

    end = await until(lambda: reviewed(campus), SOON_S, "the review with its comments")
    assert (end["status"], end["reviews"]) == ("verified", ["Clean"])
    noise, sealed = end["comments"]
    assert noise["comment"] == "Incident: environment, noise (low severity)."
    assert noise["start"] >= 0
    ((session,),) = world.rows(THEIRS)
    assert str(session) in sealed["comment"]
    await until(lambda: world.rows(SENT) == ONCE, SOON_S, "one report and one review, delivered")
    await an_instructor_looks(learner, campus)
    await is_forgotten(world, campus)


async def personal_link(learner: LearnerPage, campus: Campus, words: str) -> str:
    """Read on the platform's page what is to be done, and find the way to do it."""
    await learner.page.goto(campus.page)
    await expect(learner.page.locator("main ol")).to_contain_text(words)
    found = re.search(r'window\.open\("([^"]+)"', await learner.page.content())
    assert found
    return found[1]


async def meets(world: World, learner: LearnerPage, console: Console) -> None:
    await learner.check_in()
    await learner.join()
    await console.sign_in(world.invigilator_of(MARIA))
    await console.connected()
    await console.open(MARIA)
    await console.camera_on()
    await console.take("ID")
    await console.take("face")
    await console.confirm()


async def sits(learner: LearnerPage, campus: Campus) -> None:
    """The platform opens the exam once its learner is admitted, and takes it in."""
    await learner.told("Your assessment is open")
    link = learner.page.get_by_role("link", name="Open the assessment")
    assert await link.get_attribute("href") == campus.page
    await until(lambda: is_in(campus, "ready_to_start"), SOON_S, "the way into the exam")
    await campus.do("start")
    assert (await campus.do("submit"))["status"] == "submitted"


async def is_in(campus: Campus, status: str) -> bool:
    return bool((await campus.do("standing"))["status"] == status)


async def reviewed(campus: Campus) -> dict[str, Any] | None:
    """Return how the attempt stands as soon as both comments have been written."""
    found = await campus.do("standing")
    return found if len(found["comments"]) == 2 else None


async def an_instructor_looks(learner: LearnerPage, campus: Campus) -> None:
    """By a link of the platform's, which is good once."""
    url = (await campus.do("instructor"))["url"]
    page = learner.page
    await page.goto(url)
    row = page.get_by_role("row", name=MARIA)
    await expect(row).to_contain_text("Sat to the end")
    async with aiohttp.ClientSession() as client, client.get(url) as again:
        assert again.status == 403


async def is_forgotten(world: World, campus: Campus) -> None:
    """All that is left to ask, by the platform's own client."""
    assert (await campus.do("config"))["rules"] == {}
    assert (await campus.do("stored"))["exam_name"] == "Final exam"
    (known,) = (await campus.do("onboarding"))["results"]
    assert known["status"] == "approved-in-course"

    async def retired() -> bool:
        return (await campus.do("retire"))["done"] is True

    await until(retired, SOON_S, "a learner who is forgotten")
    names = world.rows("SELECT name FROM learner WHERE backend = 'campus'")
    assert names == [("Deleted user",)]
