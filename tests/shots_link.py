"""Pictures of a bad link: its test, a session that is interrupted, and how the gap is judged."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import expect

from tests.album import Album
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.link import lost_link
from tests.journeys.people import SOON_MS
from tests.journeys.steps import START, begin, book
from tests.journeys.world import SOON_S

FILLED_S = 60.0
NOTICED_MS = 45_000
FAR = START + timedelta(days=2)
WORDS = "My page says that the link is gone."


async def link_pages(album: Album, cast: Cast) -> None:
    """A learner tests the link; another's is lost in mid-session and comes back."""
    await rehearsal_pages(album, cast)
    await outage_pages(album, cast)


async def rehearsal_pages(album: Album, cast: Cast) -> None:
    """The test of the link, its answer, and the risk beside the booking."""
    learner, scheduler, world = await cast.learner(), await cast.scheduler(), cast.world
    page = learner.page
    await book(world, learner, "Erik Lindqvist", FAR)
    await page.get_by_role("link", name="Test your link").click()
    await expect(page.get_by_role("button", name="Test the link")).to_be_visible()
    await album.both(page, "rehearsal")
    await page.get_by_role("button", name="Test the link").click()
    await expect(page.locator("#result-title")).to_be_focused(timeout=6 * SOON_MS)
    await album.both(page, "rehearsal-result")
    await scheduler.sign_in("sam.field@example.org")
    await scheduler.page.goto(f"{world.service.url}/staff/bookings")
    await expect(scheduler.page.get_by_text(re.compile("^Link")).first).to_be_visible()
    await album.both(scheduler.page, "bookings-link")


async def outage_pages(album: Album, cast: Cast) -> None:
    """Both sides while there is no link and after; the record with the gap that was filled."""
    world = cast.world
    sitting = await begin(world, cast)
    learner, console = sitting.learner, sitting.console
    await console.sees("the learner")
    chains = "SELECT seq FROM event WHERE kind = 'local_chain'"
    await until(lambda: world.rows(chains), SOON_S, "the chain of what they keep")
    async with lost_link(learner.page):
        await expect(console.page.locator(".trouble")).to_contain_text(
            "No signal from the ship since", timeout=NOTICED_MS
        )
        await expect(learner.page.locator("#status-title")).to_contain_text(
            "Connection lost", timeout=NOTICED_MS
        )
        await learner.page.locator("#chat-text").fill(WORDS)
        await learner.page.locator("#chat-text").press("Enter")
        await learner.reads(WORDS)
        await album.both(learner.page, "room-interrupted")
        await album.both(console.page, "console-interrupted", whole=False)
    await learner.told("Your assessment is open")
    await console.sees("the learner, again")
    await album.both(console.page, "console-gap", whole=False)
    await console.page.get_by_role("button", name="Keys").click()
    await album.both(console.page, "console-keys", whole=False)
    await console.page.keyboard.press("Escape")
    filled = "SELECT seq FROM event WHERE kind = 'gap_filled'"
    await until(lambda: world.rows(filled), FILLED_S, "what the device had kept")
    await album.both(learner.page, "room-back")
    await console.page.get_by_role("button", name=re.compile("^Technical")).click()
    await expect(learner.page.get_by_text("were given back to you")).to_be_visible(timeout=SOON_MS)
    await console.end()
    await console.attest()
    await console.open_record()
    await console.page.locator(".fill").scroll_into_view_if_needed()
    await album.here(console.page, "record-gap", ".fill")
