"""Pictures of the office: its calendar, rota, questions and money; and who waits or asks."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import expect

from tests.album import Album
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, LearnerPage, SchedulerPage
from tests.journeys.plain import book_plainly, sign_in, visitor
from tests.journeys.steps import START
from tests.journeys.test_changing import one_seat
from tests.journeys.test_onboard import fill_in
from tests.journeys.test_payment import charges
from tests.journeys.world import World

MARIA, ERIK = "Maria Santos", "Erik Lindqvist"
IMO = "9074729"
NEXT_FRIDAY = START.replace(hour=9, minute=0) + timedelta(days=11)
"""A short day without bookings: one seat takes three sessions."""


async def fill_the_week(world: World) -> None:
    """Book sessions over the week, so that the calendar looks like one at work."""
    monday = START.replace(hour=9, minute=0)
    for reference, days, hours in (
        ("L-1003", 0, 6.0),
        ("L-1004", 0, 5.0),
        ("L-1002", 1, 3.0),
        ("L-1004", 1, 4.5),
        ("L-1003", 2, 0.5),
        ("L-1002", 2, 1.0),
        ("L-1004", 2, 4.0),
        ("L-1003", 3, 0.0),
        ("L-1002", 3, 2.5),
        ("L-1004", 4, 1.5),
        ("L-1003", 4, 3.0),
    ):
        await book_plainly(world, reference, monday + timedelta(days=days, hours=hours))


async def office_pages(album: Album, cast: Cast) -> None:
    """A learner asks, pays and waits; a scheduler answers, and goes through the office."""
    world = cast.world
    await fill_the_week(world)
    learner, scheduler = await cast.learner(), await cast.scheduler()
    asked = await learner.ask(MARIA)
    await learner.enter(asked.booking_url)
    await officer_pages(album, learner)
    await learner.page.goto(f"{world.service.url}/me/ask")
    await album.both(learner.page, "ask")
    await learner.page.get_by_label("The time of my session").check()
    await learner.page.get_by_label("Your message").fill("Our ship is in port on Friday only.")
    await learner.page.get_by_role("button", name="Send").click()
    await learner.page.wait_for_url("**/me?done=asked")
    await charges(scheduler, MARIA)
    await money_pages(album, learner, scheduler)
    await scheduler_pages(album, scheduler)
    await waiting_pages(album, learner)


async def officer_pages(album: Album, learner: LearnerPage) -> None:
    """The learner's page for an officer on board, and the officer's form."""
    page = learner.page
    await page.get_by_role("link", name="An officer on board can invigilate me").click()
    await album.both(page, "onboard-learner")
    link = (await page.locator("#link").text_content() or "").strip()
    await page.goto(link)
    await album.both(page, "onboard-officer")
    await fill_in(page, IMO)
    await expect(page.locator("#picture-said")).to_contain_text("made smaller", timeout=SOON_MS)
    await page.get_by_role("button", name="Send the form").click()
    await expect(page.get_by_role("heading", name="We have your form")).to_be_visible(
        timeout=SOON_MS
    )
    await album.both(page, "onboard-sent")


async def money_pages(album: Album, learner: LearnerPage, scheduler: SchedulerPage) -> None:
    """A time is held while somebody pays; the scheduler's lists of it."""
    page = learner.page
    await learner.look_at(START + timedelta(days=2))
    await page.get_by_role("button", name="Hold this time and pay").click()
    await page.wait_for_url("**/me/pay")
    await album.both(page, "pay")
    await page.goto(f"{learner.world.service.url}/me/receipts")
    await album.both(page, "receipts")
    await scheduler.visit("Products")
    await album.both(scheduler.page, "products")
    await scheduler.visit("Charges")
    await scheduler.page.get_by_role("link", name="Ledger").click()
    await album.both(scheduler.page, "ledger")


async def scheduler_pages(album: Album, scheduler: SchedulerPage) -> None:
    """What a scheduler sees over a week."""
    page, world = scheduler.page, scheduler.world
    await scheduler.visit("Questions")
    await album.both(page, "enquiries")
    await page.locator(".card", has_text=MARIA).get_by_role("link", name="Answer").click()
    await album.both(page, "enquiry")
    await scheduler.visit("Onboard")
    await page.get_by_role("link", name=f"Review the form for {MARIA}").click()
    await album.both(page, "onboard-review")
    await scheduler.visit("Calendar")
    await expect(page.locator("#calendar")).to_contain_text("Koval")
    await page.get_by_role("link", name="Show one day").click()
    await expect(page.locator("#calendar")).to_contain_text("Koval")
    await album.both(page, "calendar-day")
    await scheduler.visit("Bookings")
    await album.both(page, "bookings")
    await page.get_by_role("link", name="Book for a learner").click()
    await album.both(page, "book-for-find")
    await page.goto(f"{world.service.url}/staff/book?words=maria")
    await page.locator("main").get_by_role("link", name="Maria Santos").first.click()
    await album.both(page, "book-for")
    await scheduler.visit("Rota")
    await album.both(page, "rota")
    await page.get_by_role("link", name="Lena Moser").click()
    await album.both(page, "rota-person")
    await scheduler.visit("Closures")
    await page.get_by_label("Day").first.fill(f"{START + timedelta(days=2):%Y-%m-%d}")
    await page.get_by_label("Reason").fill("No electricity in our street")
    await page.get_by_role("button", name="Close this day").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("What becomes of")
    await album.both(page, "fates")
    await scheduler.visit("Audit")
    await album.both(page, "audit")


async def waiting_pages(album: Album, learner: LearnerPage) -> None:
    """A full day, a place in the line, and the offer of a time that somebody gave back."""
    page, world = learner.page, learner.world
    one_seat(world)
    asked = await learner.ask(ERIK)
    await learner.enter(asked.booking_url)
    for number, reference in enumerate(("L-1003", "L-1004")):
        await book_plainly(world, reference, NEXT_FRIDAY + timedelta(hours=2 * number))
    async with visitor(world.service.url) as other:
        _, csrf = await sign_in(other, world, "L-1002")
        last = f"{NEXT_FRIDAY + timedelta(hours=4):%Y-%m-%dT%H:%MZ}"
        await other.post(f"{world.service.url}/me/book", data={"csrf": csrf, "start": last})
        await page.goto(f"{world.service.url}/me/book?day={NEXT_FRIDAY:%Y-%m-%d}")
        await album.both(page, "book-full")
        await page.get_by_role("button", name="Tell me when a time becomes free").click()
        await page.wait_for_url("**/me/waiting*")
        await album.both(page, "waiting")
        await other.post(f"{world.service.url}/me/cancel", data={"csrf": csrf})
    heading = page.get_by_role("heading", name="A time has become free for you")
    for _ in range(30):
        await page.goto(f"{world.service.url}/me/waiting")
        if await heading.count():
            break
        await page.wait_for_timeout(1_000)
    await album.both(page, "offer")
