"""Leave over two bookings, and a closed day over one: a scheduler says what becomes of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from playwright.async_api import Locator, expect

from invigilation.office_hours import LONDON
from tests.harness.browser import PHONE, accessibility_problems
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, SchedulerPage, values
from tests.journeys.plain import book_plainly
from tests.journeys.steps import START
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

LEARNERS = {
    "L-1001": "Maria Santos",
    "L-1002": "Arjun Nair",
    "L-1003": "Olena Koval",
    "L-1004": "Kwame Mensah",
}
DAY = START.replace(hour=9, minute=0) + timedelta(days=9)
"""A Wednesday, on which the demonstration has booked nothing."""
NEXT = DAY + timedelta(days=1, hours=1)
WITH = """
    SELECT learner.name, learner.email, staff.name, booking.start FROM booking
    JOIN request ON booking.request = request.id JOIN learner ON request.learner = learner.id
    JOIN staff ON booking.staff = staff.id WHERE booking.start >= ? ORDER BY booking.start
"""
ONE = """
    SELECT staff.name, booking.start, booking.state FROM booking
    JOIN request ON booking.request = request.id JOIN learner ON request.learner = learner.id
    JOIN staff ON booking.staff = staff.id WHERE learner.name = ? AND booking.start >= ?
"""
MICRO = 1_000_000


@dataclass(frozen=True)
class Booked:
    """A booking, as the database has it."""

    learner: str
    mail: str
    staff: str
    start: datetime


async def test_leave_and_a_closed_day_say_what_becomes_of_every_booking(
    world: World, cast: Cast
) -> None:
    cast.browsers.allow(r"409 \(Conflict\)")  # what was forgotten is asked for again
    first, second = await two_with_one_person(world)
    before = changes(world)
    scheduler = await cast.scheduler()
    await scheduler.sign_in("sam.field@example.org")

    await enters_leave(scheduler, first, second)
    colleague = await moves_one_and_hands_on_the_other(scheduler, first, second)
    await both_are_where_they_should_be(world, first, second, colleague)
    assert changes(world) - before == Counter({"booking.moved": 2, "leave.added": 1})
    await closes_the_day_after(scheduler, first)
    await is_cancelled(world, scheduler, first)


async def two_with_one_person(world: World) -> tuple[Booked, Booked]:
    """Book four sessions over a day; of three invigilators, one has two of them."""
    for number, reference in enumerate(LEARNERS):
        await book_plainly(world, reference, DAY + number * timedelta(hours=2))
    found = [
        Booked(name, mail, staff, datetime.fromtimestamp(start / MICRO, tz=LONDON))
        for name, mail, staff, start in world.rows(WITH, DAY.timestamp() * MICRO)
    ]
    busiest = max(found, key=lambda one: [other.staff for other in found].count(one.staff)).staff
    one, two, *_ = [each for each in found if each.staff == busiest]
    return one, two


async def enters_leave(scheduler: SchedulerPage, first: Booked, second: Booked) -> None:
    page = scheduler.page
    await scheduler.visit("Rota")
    assert await accessibility_problems(page) == []
    await page.get_by_role("link", name=first.staff).click()
    await page.get_by_text("Add leave").click()
    await page.get_by_label("First day").fill(f"{first.start:%Y-%m-%d}")
    await page.get_by_label("From (optional)").fill(f"{first.start:%H:%M}")
    await page.get_by_label("Last day").fill(f"{second.start:%Y-%m-%d}")
    await page.get_by_label("Until (optional)").fill(
        f"{second.start + timedelta(minutes=30):%H:%M}"
    )
    await page.get_by_label("Note (optional)").fill("Dentist")
    assert await accessibility_problems(page) == []
    await page.get_by_role("button", name="Add this leave").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "What becomes of these 2 bookings?"
    )


def card(scheduler: SchedulerPage, one: Booked) -> Locator:
    return scheduler.page.get_by_role("region", name=one.learner)


async def moves_one_and_hands_on_the_other(
    scheduler: SchedulerPage, first: Booked, second: Booked
) -> str:
    """Forget the time at first: what was chosen stays. Return who takes the other."""
    page = scheduler.page
    moved = card(scheduler, first)
    await moved.get_by_label("Another time", exact=True).check()
    await moved.get_by_label("Day").fill(f"{NEXT:%Y-%m-%d}")
    other = card(scheduler, second).locator(".choice", has_text="at the same time").first
    await other.get_by_role("radio").check()
    colleague = str(await other.locator("label").inner_text()).partition(" at the same time")[0]
    await page.get_by_role("button", name="Confirm the change").click()
    await expect(page.get_by_role("alert")).to_contain_text("Choose the new time.")
    assert await accessibility_problems(page) == []

    await expect(moved.get_by_label("Day")).to_have_value(f"{NEXT:%Y-%m-%d}")
    await moved.get_by_label("Time", exact=True).fill(f"{NEXT:%H:%M}")
    await page.get_by_role("button", name="Confirm the change").click()

    await expect(page.get_by_role("status")).to_contain_text(
        "What you chose for 2 bookings has happened.", timeout=SOON_MS
    )
    await expect(page.get_by_text("Dentist")).to_be_visible()
    return colleague


async def both_are_where_they_should_be(
    world: World, first: Booked, second: Booked, colleague: str
) -> None:
    """The one who has a new time is told; the one who has another invigilator need not be."""
    since = DAY.timestamp() * MICRO
    [(_, start, state)] = world.rows(ONE, first.learner, since)
    assert (start, state) == (NEXT.timestamp() * MICRO, "booked")
    assert world.rows(ONE, second.learner, since) == [
        (colleague, second.start.timestamp() * MICRO, "booked")
    ]
    assert colleague != second.staff
    await world.mailbox.wait_for(first.mail, count=sent_before(first) + 1, seconds=SOON_S)
    await world.mailbox.wait_for(second.mail, count=sent_before(second), seconds=SOON_S)
    assert len(world.mailbox.to(second.mail)) == sent_before(second)


def changes(world: World) -> Counter[str]:
    """Return how many changes of each kind schedulers have made."""
    return Counter(values(world.rows("SELECT action FROM audit WHERE actor LIKE 'scheduler:%'")))


def sent_before(one: Booked) -> int:
    """Return how many letters somebody had: of the demonstration's booking, and of this."""
    return 1 if one.learner == LEARNERS["L-1001"] else 2


async def closes_the_day_after(scheduler: SchedulerPage, first: Booked) -> None:
    """On a phone, too, the page can be used."""
    page = scheduler.page
    await scheduler.visit("Closures")
    await page.get_by_label("Day").first.fill(f"{NEXT:%Y-%m-%d}")
    await page.get_by_role("textbox", name="Reason").fill("The power is cut")
    await page.get_by_role("button", name="Close this day").click()
    width, height = PHONE
    await page.set_viewport_size({"width": width, "height": height})
    mine = card(scheduler, first)
    await expect(mine).to_contain_text("the office is closed then")
    await mine.get_by_label("Cancel it").check()
    await mine.get_by_role("textbox", name="Reason").fill("No power, no session.")
    assert await accessibility_problems(page) == []
    await page.get_by_role("button", name="Confirm the change").click()
    await expect(page.get_by_role("status")).to_contain_text(
        "The day is closed. What you chose for 1 booking has happened.", timeout=SOON_MS
    )
    await expect(page.get_by_text("The power is cut")).to_be_visible()


async def is_cancelled(world: World, scheduler: SchedulerPage, first: Booked) -> None:
    since = DAY.timestamp() * MICRO
    [(_, _, state)] = world.rows(ONE, first.learner, since)
    assert state == "cancelled"
    await world.mailbox.wait_for(first.mail, count=sent_before(first) + 2, seconds=SOON_S)
    await expect(scheduler.page.get_by_text("no longer fit")).to_have_count(0)
