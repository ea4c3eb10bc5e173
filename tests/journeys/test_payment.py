"""A learner pays before they can book: on the provider's page, in time; or lets the time go."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.harness.browser import accessibility_problems
from tests.harness.service import Service
from tests.harness.till import API_KEY, GOOD_CARD, WEBHOOK_SECRET, Till, payment_provider
from tests.harness.waiting import until
from tests.journeys.cast import ERIK, Cast
from tests.journeys.people import SOON_MS, LearnerPage, SchedulerPage, values
from tests.journeys.steps import START
from tests.journeys.world import DATABASE, SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

MARIA, ARJUN = "Maria Santos", "Arjun Nair"
MAIL = "maria.santos@example.org"
TOTAL = re.compile(r"To pay: £59\.94.*£9\.99 VAT included")

CHARGED = """
    SELECT charge.state FROM charge JOIN learner ON charge.learner = learner.id
    WHERE charge.product = 'expedited' AND learner.name = ?
"""


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    with payment_provider(tmp_path) as running:
        running.lenient()  # the service's clock is moved
        yield running


@pytest.fixture
def service(service: Service, till: Till) -> Service:
    """The service, taking cards."""
    service.set(
        INVIGILATION_STRIPE_API_KEY=API_KEY,
        INVIGILATION_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        INVIGILATION_STRIPE_API_BASE=till.base,
    )
    till.tell(f"{service.url}/payments/stripe")
    return service


async def test_a_learner_pays_for_the_time_that_is_held_and_is_booked(
    world: World, cast: Cast
) -> None:
    learner, scheduler = await cast.learner(), await cast.scheduler()
    asked = await learner.ask(MARIA)

    await charges(scheduler, MARIA)
    await learner.enter(asked.booking_url)
    await chooses(learner)
    await pays(learner)

    await expect(learner.page.get_by_role("heading", level=1)).to_have_text(
        "Your session is booked"
    )
    assert bookings(world, MARIA) == ["booked"]
    assert world.rows(CHARGED, MARIA) == [("settled",)]
    await world.mailbox.wait_for(MAIL, count=2, seconds=SOON_S)  # the payment, the invitation
    await sees_it_settled(scheduler)


async def test_who_lets_it_lapse_leaves_the_time_to_others(world: World, cast: Cast) -> None:
    leave_one_seat(world)
    learner, scheduler = await cast.learner(), await cast.scheduler()
    other = await cast.learner(ERIK, zone="Asia/Kolkata")
    asked, others = await learner.ask(MARIA), await other.ask(ARJUN)
    await charges(scheduler, MARIA)
    await learner.enter(asked.booking_url)
    await chooses(learner)
    await other.enter(others.booking_url)
    await other.page.goto(f"{world.service.url}/me/book?day={START:%Y-%m-%d}")
    await other.has_zone()
    await expect(other.slot(START)).to_have_count(0)

    world.time.forward(timedelta(minutes=31))

    def lapsed() -> bool:
        return bookings(world, MARIA) == ["lapsed"]

    await until(lapsed, SOON_S, "the held time to be given back")
    await learner.page.goto(f"{world.service.url}/me/pay")
    await expect(learner.page.get_by_text("No time is held for you now")).to_be_visible()
    assert world.rows(CHARGED, MARIA) == [("due",)]
    await other.book(START)
    assert bookings(world, ARJUN) == ["booked"]


def bookings(world: World, learner: str) -> list[str]:
    """Return the states of a learner's bookings for the course that journeys book."""
    rows = world.rows(
        "SELECT booking.state FROM booking JOIN request ON booking.request = request.id "
        "JOIN learner ON request.learner = learner.id "
        "WHERE learner.name = ? AND booking.start = ?",
        learner,
        int(START.timestamp()) * 1_000_000,
    )
    return values(rows)


def leave_one_seat(world: World) -> None:
    """Let one person watch one learner, before anybody has looked at the times."""
    with contextlib.closing(sqlite3.connect(world.service.var / DATABASE)) as line, line:
        line.execute("UPDATE seat SET retired = 1 WHERE id <> (SELECT min(id) FROM seat)")
        line.execute("UPDATE counter SET value = value + 1 WHERE name = 'rota'")


async def charges(scheduler: SchedulerPage, name: str) -> None:
    """A scheduler charges a learner's request for the expedited service."""
    await scheduler.sign_in("sam.field@example.org")
    await scheduler.visit("Charges")
    await scheduler.page.get_by_role("link", name="Add a charge").click()
    await scheduler.page.get_by_role("searchbox", name="Learner").fill(name)
    await scheduler.page.get_by_role("button", name="Search").click()
    await scheduler.page.get_by_label("Expedited service").check()
    await scheduler.page.get_by_label("Why").fill("Asked by phone for an early day.")
    assert await accessibility_problems(scheduler.page) == []
    await scheduler.page.get_by_role("button", name="Add the charge").click()
    await expect(scheduler.page.get_by_role("status")).to_contain_text("The charge is added")
    assert await accessibility_problems(scheduler.page) == []


async def chooses(learner: LearnerPage) -> None:
    """The learner chooses a time, and sees what it costs and how long it is held."""
    await learner.look_at(START)
    await learner.page.get_by_role("button", name="Hold this time and pay").click()
    await learner.page.wait_for_url("**/me/pay")
    await expect(learner.page.locator(".bill-total")).to_have_text(TOTAL)
    await expect(learner.page.get_by_text("We hold it for you until")).to_be_visible()
    assert await accessibility_problems(learner.page) == []


async def pays(learner: LearnerPage) -> None:
    """They go to the provider's page, turn back once, and then pay there."""
    page = learner.page
    await page.get_by_role("button", name="Pay now").click()
    await page.wait_for_url("**/_config/checkout/*", timeout=SOON_MS)
    await page.get_by_role("link", name="Back").click()
    await page.wait_for_url("**/me/pay?said=left", timeout=SOON_MS)
    await page.get_by_role("button", name="Pay now").click()
    await page.wait_for_url("**/_config/checkout/*", timeout=SOON_MS)
    await expect(page.get_by_text("Total: 59.94 GBP")).to_be_visible()
    await page.get_by_label("Card number").fill(GOOD_CARD)
    await page.get_by_role("button", name="Pay").click()
    await page.wait_for_url("**/me?done=booked", timeout=SOON_MS)


async def sees_it_settled(scheduler: SchedulerPage) -> None:
    """The scheduler finds the payment in the charge's history."""
    page = scheduler.page
    await page.get_by_label("State").select_option("settled")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name=f"See the charge of {MARIA}").click()
    await expect(page.get_by_text("Charge settled")).to_be_visible()
    assert await accessibility_problems(page) == []
