"""Identity: a passport in seconds, an expired card by two people, a licence that is not theirs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.harness.browser import DESK, accessibility_problems
from tests.journeys.cast import Cast
from tests.journeys.documents import EXPIRED, SANTOS, SOMEBODY_ELSE, Camera
from tests.journeys.identity import (
    Panel,
    begin_capture,
    go_on_capture,
    has_sent,
    is_advised,
    sends_what_was_taken,
)
from tests.journeys.link import thin_link
from tests.journeys.people import SOON_MS, Console, LearnerPage
from tests.journeys.steps import START, book
from tests.journeys.test_handover import colleague_of
from tests.journeys.world import World
from tests.specimens.held import Pose
from tests.specimens.zone import Form

pytestmark = pytest.mark.journey

MARIA = "Maria Santos"
HER_OWN = "It is her own card, and it ran out while she was at sea."
NOT_HERS = "The licence is not in your name, and its photo does not show you."
REFUSAL = "We could not confirm that it is you."
ANSWER = "I took my cousin's licence by mistake. My own is on its way to the ship."


async def meet(
    world: World, cast: Cast, camera: Camera, viewport: tuple[int, int] | None = None
) -> tuple[LearnerPage, Console]:
    """Bring Maria and her invigilator into the room."""
    learner = await cast.learner(film=camera.path, **({"viewport": viewport} if viewport else {}))
    await book(world, learner, MARIA)
    world.time.go_to(START - timedelta(minutes=5))
    await learner.check_in()
    await learner.join()
    console = await cast.invigilator()
    await console.sign_in(world.invigilator_of(MARIA))
    await console.connected()
    await console.open(MARIA)
    return learner, console


async def test_a_passport_tilted_glaring_then_good_is_confirmed_by_one_key(
    world: World, cast: Cast
) -> None:
    camera = Camera(cast.films)
    learner, console = await meet(world, cast, camera)
    panel = Panel(console)

    camera.hold(Form.TD3, SANTOS, Pose.TILTED)
    await begin_capture(learner, "Passport")
    await is_advised(learner, "Hold it straight")
    assert await accessibility_problems(learner.page) == []
    camera.hold(Form.TD3, SANTOS, Pose.GLARING)
    await is_advised(learner, "Tilt it to lose the glare")
    camera.hold(Form.TD3, SANTOS)
    await sends_what_was_taken(learner, camera.put_down)
    await has_sent(learner)
    await panel.compares("name", "Same", "SANTOS")
    await panel.compares("born", "Same", "17 Mar 1994")
    await panel.compares("number", "Same", SANTOS.number)
    await panel.compares("expires", "Valid", "20 May 2031")
    await panel.shows("Portrait in the document")
    await panel.shows("Face in the live picture")
    assert await accessibility_problems(console.page) == []
    await is_challenged(panel, learner)

    await panel.press("y")

    await console.in_state("Identified")
    await learner.told("Your identity is confirmed")
    await console.admit()
    await is_looked_at_again(panel)


async def is_challenged(panel: Panel, learner: LearnerPage) -> None:
    """The server draws something unforeseen; the learner reads it, the invigilator judges."""
    await panel.press("l")
    await expect(panel.page.locator(".challenge-words")).to_be_visible(timeout=SOON_MS)
    await expect(learner.page.locator("#asks .ask")).to_be_visible(timeout=SOON_MS)
    await panel.press("y")
    await expect(learner.page.locator("#asks .ask")).to_have_count(0, timeout=SOON_MS)


async def is_looked_at_again(panel: Panel) -> None:
    """A face of now beside the face of then, by two keys."""
    await panel.press("f")
    question = panel.page.get_by_role("heading", name="Still the same person?")
    await expect(question).to_be_visible(timeout=SOON_MS)
    await panel.press("y")
    judged = panel.page.get_by_role("list", name="Faces taken again")
    await expect(judged).to_contain_text("The same person", timeout=SOON_MS)


async def test_an_expired_card_over_a_thin_link_takes_both_its_sides_and_two_people(
    world: World, cast: Cast
) -> None:
    camera = Camera(cast.films)
    learner, console = await meet(world, cast, camera)
    panel = Panel(console)
    email, name = colleague_of(world, MARIA)

    camera.hold(Form.TD1, EXPIRED)
    await sends_through_a_reload(learner, console, camera)
    camera.hold(Form.TD1, EXPIRED, back=True)
    await go_on_capture(learner)
    await sends_what_was_taken(learner, camera.put_down)
    await has_sent(learner)
    await panel.compares("expires", "Expired")
    await panel.shows("Back picture")
    await panel.shows("Face in the live picture")
    await panel.press("y")
    await panel.give_reason(HER_OWN)
    await expect(console.page.get_by_text("A colleague is asked to look")).to_be_visible(
        timeout=SOON_MS
    )
    await a_colleague_confirms(cast, email)

    await console.in_state("Identified")
    await expect(console.page.locator(".notice--good")).to_contain_text("by a colleague")
    decided = world.rows(
        "SELECT staff.name FROM identity_check JOIN staff ON identity_check.decided_by = staff.id"
    )
    assert decided == [(name,)]


async def sends_through_a_reload(learner: LearnerPage, console: Console, camera: Camera) -> None:
    """The front goes in small pieces over a thin link; a reload in the middle loses none of it.

    The whole way would take half a minute: in the end the link is better.
    """
    going = console.page.locator("#capture-progress")
    said = learner.page.locator(".capture-said")
    async with thin_link(learner.page):
        await begin_capture(learner, "Identity card")
        await sends_what_was_taken(learner, camera.put_down)
        label = console.page.locator('label[for="capture-progress"]')
        await expect(label).to_contain_text(re.compile(r"[1-9]\d?\s%"), timeout=SOON_MS)
        await learner.page.reload()
        await expect(said).to_contain_text("Your picture is being sent", timeout=SOON_MS)
    await expect(said).not_to_contain_text("being sent", timeout=SOON_MS)
    await expect(going).to_be_hidden(timeout=SOON_MS)


async def a_colleague_confirms(cast: Cast, email: str) -> None:
    """They read of it in their own lobby, look, and decide."""
    colleague = await cast.invigilator()
    await colleague.sign_in(email)
    await colleague.connected()
    async with colleague.page.context.expect_page() as opened:
        await colleague.page.get_by_role("link", name="Look at it").click(timeout=SOON_MS)
    page = await opened.value
    await expect(page.get_by_text(HER_OWN)).to_be_visible(timeout=SOON_MS)
    await expect(page.get_by_role("row", name="Expires")).to_contain_text("3 February 2025")
    assert await accessibility_problems(page) == []
    await page.get_by_label("Confirmed: it is this person").check()
    await page.get_by_role("textbox", name="Your reason").fill("I agree: face and name are right.")
    await page.get_by_role("button", name="Decide").click()
    await expect(page.get_by_role("status")).to_contain_text("Confirmed", timeout=SOON_MS)


async def test_who_shows_a_strangers_documents_is_refused_reads_why_and_answers(
    world: World, cast: Cast
) -> None:
    camera = Camera(cast.films)
    learner, console = await meet(world, cast, camera, DESK)
    panel = Panel(console)

    camera.hold(Form.TD3, SOMEBODY_ELSE)
    await begin_capture(learner, "Passport")
    await sends_what_was_taken(learner)
    await panel.compares("name", "Differs", "HAUGEN")
    await console.page.get_by_role("button", name="Ask the learner's page for it again").click()
    camera.hold(Form.LICENCE, SOMEBODY_ELSE)
    await begin_capture(learner, "Driving licence")
    await sends_what_was_taken(learner, lambda: camera.hold(Form.LICENCE, SOMEBODY_ELSE, back=True))
    await sends_what_was_taken(learner, camera.put_down)
    await panel.shows("Back picture")
    await panel.types(SOMEBODY_ELSE)
    await panel.compares("name", "Differs", "Haugen")
    await console.refuse(NOT_HERS, REFUSAL)

    await learner.told("Your session cannot go ahead", REFUSAL)
    await reads_and_answers(world, learner)


async def reads_and_answers(world: World, learner: LearnerPage) -> None:
    """The personal page says what was decided and why, and takes an answer."""
    page = learner.page
    await page.goto(f"{world.service.url}/me")
    await expect(page.locator("main")).to_contain_text(REFUSAL)
    await page.goto(f"{world.service.url}/me/dispute")
    assert await accessibility_problems(page) == []
    await page.get_by_role("textbox").fill(ANSWER)
    await page.get_by_role("button", name="Send").click()
    assert world.rows("SELECT kind, text FROM enquiry WHERE text = ?", ANSWER) == [
        ("dispute", ANSWER)
    ]
