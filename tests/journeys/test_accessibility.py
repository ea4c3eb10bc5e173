"""No page has a fault that axe can find: WCAG 2.2 A and AA and its best practices.

The live pages are looked at here too, in their states; forms with their mistakes shown.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.harness.browser import DESK, PHONE, Browsers, Problem, accessibility_problems
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS
from tests.journeys.steps import START, Sitting, book
from tests.journeys.world import World

pytestmark = pytest.mark.journey

MARIA = "Maria Santos"
SIDE_PAGES = ("/me/ask", "/me/waiting", "/me/receipts", "/rehearsal")


class Survey:
    """Looks at pages, and keeps what was found at each."""

    def __init__(
        self, world: World, page: Page, sizes: tuple[tuple[int, int], ...] = (PHONE, DESK)
    ) -> None:
        self.world = world
        self.page = page
        self.sizes = sizes
        self.found: dict[str, list[Problem]] = {}

    async def look(self, what: str) -> None:
        """Look at the page as it is."""
        for width, height in self.sizes:
            await self.page.set_viewport_size({"width": width, "height": height})
            if problems := await accessibility_problems(self.page):
                self.found[f"{what} ({width} pixels)"] = problems

    async def visit(self, path: str) -> None:
        """Go to a page and look at it."""
        await self.page.goto(self.world.service.url + path)
        await self.look(path)

    async def press(self, button: str) -> None:
        """Send a form and look at what comes."""
        await self.page.get_by_role("button", name=button).click()
        await self.page.wait_for_load_state()
        await self.look(f"{self.page.url}: {button}")


@pytest.mark.pictureless
async def test_the_pages_of_visitors_and_learners(
    world: World, cast: Cast, browsers: Browsers
) -> None:
    browsers.allow(r"status of (404|422)")  # the mistakes that are made here
    learner = await cast.learner()
    survey = Survey(world, learner.page)

    for path in ("/", "/request", "/staff/sign-in", "/nowhere"):
        await survey.visit(path)
    await survey.page.goto(f"{world.service.url}/request")
    await survey.press("Continue")
    await survey.page.goto(f"{world.service.url}/staff/sign-in")
    await survey.press("Sign in")
    asked = await learner.ask(MARIA)
    await survey.look("the personal link")
    await learner.enter(asked.booking_url)
    for path in ("/me", "/me/book", "/me/zone?back=/me", "/me/sign-out", *SIDE_PAGES):
        await survey.visit(path)
    await learner.book(START)
    await survey.look("booked")
    await survey.visit("/me/check-in")
    world.time.go_to(START - timedelta(minutes=10))
    for path in ("/me", "/me/check-in"):
        await survey.visit(path)
    await survey.press("Check in")
    world.time.go_to(START + timedelta(minutes=20))
    for path in ("/me", "/me/check-in"):
        await survey.visit(path)

    assert survey.found == {}


@pytest.mark.pictureless
async def test_the_learners_pages_while_a_booking_may_be_changed(world: World, cast: Cast) -> None:
    learner = await cast.learner()
    survey = Survey(world, learner.page)
    await book(world, learner, MARIA, START + timedelta(days=3))

    for path in ("/me", "/me/change", "/me/cancel"):
        await survey.visit(path)
    await survey.press("Cancel the session")

    assert survey.found == {}


@pytest.mark.pictureless
async def test_the_pages_of_schedulers_and_administrators(world: World, cast: Cast) -> None:
    learner, scheduler = await cast.learner(), await cast.scheduler()
    survey = Survey(world, scheduler.page)
    await book(world, learner, MARIA)
    booking = world.rows("SELECT id FROM booking ORDER BY start")[0][0]
    session = world.rows("SELECT id FROM session WHERE booking = ?", booking)[0][0]
    invigilator = world.rows("SELECT staff FROM booking ORDER BY start")[0][0]
    await learner.ask("Arjun Nair")
    request = world.rows("SELECT id FROM request WHERE state = 'open'")[0][0]
    await scheduler.sign_in("sam.field@example.org")

    for path in (
        "/staff/calendar",
        "/staff/calendar?day=2026-11-23",
        "/staff/bookings",
        f"/staff/bookings/{booking}",
        "/staff/book",
        f"/staff/book/{request}",
        "/staff/audit",
        "/staff/attendance",
        "/staff/enquiries",
        "/staff/charges",
        "/staff/closures",
        "/staff/rota",
        f"/staff/rota/{invigilator}",
        f"/staff/records/{session}",
        "/staff/sign-out",
    ):
        await survey.visit(path)
    await survey.press("Sign out")
    await scheduler.sign_in("ada.stone@example.org")
    backend = world.rows("SELECT id FROM backend WHERE webhook_url <> ''")[0][0]
    deliveries = "/staff/deliveries"
    for path in ("/staff/admin", "/staff/health", deliveries, f"{deliveries}/{backend}"):
        await survey.visit(path)

    assert survey.found == {}


async def test_the_live_pages_in_each_of_their_states(world: World, sitting: Sitting) -> None:
    learner, console = sitting.learner, sitting.console
    surveys = [Survey(world, learner.page), Survey(world, console.page, (DESK,))]

    async def look(what: str) -> None:
        for survey in surveys:
            await survey.look(what)

    await look("in progress")
    await console.page.keyboard.press("i")
    await surveys[1].look("the form of an incident")
    await console.page.get_by_role("button", name="Go back").click()
    await console.page.keyboard.press("p")
    await expect(console.page.get_by_role("dialog")).to_be_visible()
    await surveys[1].look("a question")
    await console.page.keyboard.press("Escape")
    await expect(console.page.locator("dialog")).to_have_count(0)
    await console.pause("Somebody is at the door.")
    await learner.told("Paused by your invigilator")
    await look("paused")
    await learner.page.locator("#settings summary").click()
    await surveys[0].look("the settings")
    await console.resume()
    await console.end()
    await learner.told("Your session is finished")
    await look("ended")
    await console.attest()
    await expect(console.page.locator("#attest-title")).to_be_visible(timeout=SOON_MS)
    await look("attested")

    assert [survey.found for survey in surveys] == [{}, {}]
