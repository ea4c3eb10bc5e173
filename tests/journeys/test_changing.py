"""What comes between booking and the day: other times, full days, and questions to the scheduler.

On a phone. One learner keeps Kathmandu's time; the other has no scripts, and a ship's clock.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from playwright.async_api import Page, expect

from tests.harness.browser import PHONE, Browsers, accessibility_problems
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, LearnerPage
from tests.journeys.plain import book_plainly, sign_in, visitor
from tests.journeys.steps import START
from tests.journeys.world import DATABASE, SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

KATHMANDU = "Asia/Kathmandu"
ARJUN, ARJUN_MAIL = "Arjun Nair", "arjun.nair@example.org"
ANSWER = "Yes: I have moved it to Friday."
MARIA_MAIL = "maria.santos@example.org"
WEDNESDAY = START + timedelta(days=2)
FRIDAY = START.replace(hour=9, minute=0) + timedelta(days=4)
"""A short day: one seat takes three sessions."""
LINK = re.compile(r"http://\S+/r/\S+")


def one_seat(world: World) -> None:
    """Leave one seat in the whole office, so that a day is soon full."""
    with contextlib.closing(sqlite3.connect(world.service.var / DATABASE)) as line, line:
        line.execute("UPDATE seat SET retired = 1 WHERE id <> (SELECT min(id) FROM seat)")
        line.execute("UPDATE counter SET value = value + 1 WHERE name = 'rota'")


async def says(page: Page, words: str) -> None:
    """Wait until the page says this."""
    await expect(page.locator("main")).to_contain_text(words, timeout=SOON_MS)


async def fits(page: Page) -> None:
    """Nothing hangs over the edge of the phone, and axe finds nothing."""
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert await accessibility_problems(page) == []


# --- other times, and the scheduler ---------------------------------------------------------------


async def test_a_learner_moves_cancels_and_asks_when_it_is_too_late(
    world: World, cast: Cast, browsers: Browsers
) -> None:
    one_seat(world)
    page = await browsers.launch(viewport=PHONE, zone=KATHMANDU)
    learner = LearnerPage(page, world, KATHMANDU)
    # A time that is refused is told with the status of a conflict, which the console repeats.
    browsers.allow("409")

    link = await books(learner)
    await moves(learner)
    await is_refused_a_taken_time(world, learner)
    await cancels(learner)
    await asks_too_late(world, learner, link)
    await is_answered(world, cast, learner)


async def books(learner: LearnerPage) -> str:
    asked = await learner.ask(ARJUN)
    await learner.enter(asked.booking_url)
    await learner.page.get_by_role("link", name="Choose a time").click()
    await learner.has_zone()
    await fits(learner.page)
    await learner.book(WEDNESDAY)
    await expect(learner.page.locator(".times .own")).to_contain_text("15:15")
    return asked.booking_url


async def choose(learner: LearnerPage, start: datetime) -> None:
    """Open the page of other times, and choose one; nothing is sent yet."""
    await learner.page.goto(f"{learner.world.service.url}/me/change?day={start:%Y-%m-%d}")
    await learner.slot(start).check(force=True)


async def moves(learner: LearnerPage) -> None:
    await learner.page.goto(f"{learner.world.service.url}/me")
    await learner.page.get_by_role("link", name="Change the time").click()
    await fits(learner.page)
    # Half an hour later: its own present time does not stand in the way.
    await choose(learner, WEDNESDAY + timedelta(minutes=30))
    await learner.page.get_by_role("button", name="Move to this time").click()
    await says(learner.page, "Your session has a new time.")
    await expect(learner.page.locator(".times .own")).to_contain_text("15:45")


async def is_refused_a_taken_time(world: World, learner: LearnerPage) -> None:
    await choose(learner, FRIDAY)
    await book_plainly(world, "L-1003", FRIDAY)
    await learner.page.get_by_role("button", name="Move to this time").click()
    await says(learner.page, "Somebody else has just taken this time.")
    await says(learner.page, "Your booking stays as it was.")
    await learner.page.goto(f"{world.service.url}/me")
    await expect(learner.page.locator(".times .own")).to_contain_text("15:45")


async def cancels(learner: LearnerPage) -> None:
    await learner.page.get_by_role("link", name="Cancel the session").click()
    await learner.page.get_by_role("button", name="Cancel the session").click()
    await says(learner.page, "Your session is cancelled.")


async def asks_too_late(world: World, learner: LearnerPage, link: str) -> None:
    page = learner.page
    await learner.book(WEDNESDAY)
    world.time.go_to(WEDNESDAY - timedelta(hours=23))
    await learner.enter(link)
    await says(page, "you could until Tuesday 24 November 2026, 15:15 your time (09:30 London")
    await page.get_by_role("link", name="Ask for a change").click()
    await fits(page)
    await page.get_by_label("Your message").fill("We sail at noon.\nMay I come on Friday?")
    await page.get_by_role("button", name="Send").click()
    await says(page, "The scheduler has your message.")
    await says(page, "Not answered yet")


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def is_answered(world: World, cast: Cast, learner: LearnerPage) -> None:
    scheduler = await cast.scheduler()
    await scheduler.sign_in("sam.field@example.org")
    await scheduler.page.goto(f"{world.service.url}/staff/enquiries")
    assert await accessibility_problems(scheduler.page) == []
    card = scheduler.page.locator(".card", has_text=ARJUN)
    await expect(card).to_contain_text("We sail at noon.")
    await card.get_by_role("link", name="Answer").click()
    await scheduler.page.get_by_label("Your answer").fill(ANSWER)
    await scheduler.page.get_by_role("button", name="Send the answer").click()
    await expect(scheduler.page.get_by_text("Your answer is kept")).to_be_visible(timeout=SOON_MS)

    await until(
        lambda: any(ANSWER in text(mail) for mail in world.mailbox.to(ARJUN_MAIL)),
        SOON_S,
        "the mail with the answer",
    )
    await learner.page.goto(f"{world.service.url}/me")
    await says(learner.page, ANSWER)
    await fits(learner.page)
    await learner.page.goto(f"{world.service.url}/me/receipts")
    await says(learner.page, "Session cancelled by you")
    await fits(learner.page)


# --- a full day -----------------------------------------------------------------------------------


async def test_who_waits_for_a_full_day_is_offered_the_time_that_somebody_gives_back(
    world: World, browsers: Browsers
) -> None:
    one_seat(world)
    page = await browsers.launch(viewport=PHONE, javascript=False)
    learner = LearnerPage(page, world)
    for number, reference in enumerate(("L-1003", "L-1004")):
        await book_plainly(world, reference, FRIDAY + timedelta(hours=2 * number))

    async with visitor(world.service.url) as other:
        _, csrf = await sign_in(other, world, "L-1002")
        last = f"{FRIDAY + timedelta(hours=4):%Y-%m-%dT%H:%MZ}"
        form = {"csrf": csrf, "start": last}
        async with other.post(f"{world.service.url}/me/book", data=form) as answer:
            assert "done=booked" in str(answer.url), await answer.text()
        await waits(learner)
        async with other.post(f"{world.service.url}/me/cancel", data={"csrf": csrf}) as answer:
            assert "done=cancelled" in str(answer.url), await answer.text()
    await accepts(world, learner)


async def waits(learner: LearnerPage) -> None:
    page, world = learner.page, learner.world
    asked = await learner.ask("Maria Santos")
    await learner.enter(asked.booking_url)
    await page.goto(f"{world.service.url}/me/zone?back=/me/book")
    await page.get_by_label("My ship's clock").select_option("UTC+05:30")
    await page.get_by_role("button", name="Use my ship's clock").click()
    await says(page, "All times are on your ship's clock: UTC + 05:30")
    await page.get_by_role("link", name="27 , all times are taken").click()
    await says(page, "All times of this day are taken.")
    await page.get_by_role("button", name="Tell me when a time becomes free").click()
    await says(page, "You are the first in line.")


async def accepts(world: World, learner: LearnerPage) -> None:
    page = learner.page
    mail = await world.mailbox.wait_for(MARIA_MAIL, count=1, seconds=SOON_S)
    body = mail.get_body(("plain",))
    assert body is not None
    assert "A time has become free" in str(mail["Subject"])
    found = LINK.search(body.get_content())
    assert found, body.get_content()
    await page.goto(found[0])
    await page.get_by_role("button", name="Continue as").click()
    await page.wait_for_url("**/me/waiting")
    await says(page, "It is held for you until")
    await expect(page.locator(".times .own")).to_contain_text("18:30")
    await page.get_by_role("button", name="Take this time").click()
    await says(page, "Your session is booked")
    await world.mailbox.wait_for(MARIA_MAIL, count=2, seconds=SOON_S)
    states = world.rows("SELECT state FROM waiting")
    assert states == [("accepted",)]
