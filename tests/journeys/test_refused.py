"""A learner whose identity cannot be confirmed: no assessment, a reason, and a report."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.harness.browser import accessibility_problems
from tests.journeys.cast import Cast
from tests.journeys.steps import START, book
from tests.journeys.world import World

pytestmark = pytest.mark.journey

MARIA = "Maria Santos"
DOUBT = "The photo in the document shows somebody else."
REASON = "Your document does not show you. Please write to your training company."


async def test_who_is_refused_reads_why_and_never_sees_the_assessment(
    world: World, cast: Cast
) -> None:
    learner, console = await cast.learner(), await cast.invigilator()
    asked = await book(world, learner, MARIA)
    world.time.go_to(START - timedelta(minutes=5))
    await learner.check_in()
    await learner.join()
    await console.sign_in(world.invigilator_of(MARIA))
    await console.connected()
    await console.open(MARIA)
    await console.take("ID")
    await console.take("face")

    await console.refuse(DOUBT, REASON)

    await learner.told("Your session cannot go ahead", REASON)
    await expect(learner.page.get_by_role("link", name="Open the assessment")).to_be_hidden()
    await expect(learner.page.locator("#tag-camera")).to_have_text("Camera off")
    assert await accessibility_problems(learner.page) == []
    await console.attest()
    report = await world.report()
    assert report["outcome"] == "refused"
    await world.told("session.refused")
    await learner.page.goto(asked.assessment_url)
    await expect(learner.page.get_by_role("status")).to_contain_text("Closed")
    await learner.page.goto(f"{world.service.url}/me")
    await expect(learner.page.locator(".notice")).to_contain_text(REASON)
    assert DOUBT not in await learner.page.content()
