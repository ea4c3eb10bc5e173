"""A scheduler moves bookings in the calendar: by dragging, by keyboard alone, and from abroad."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.harness.browser import DESK, Browsers
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, SchedulerPage
from tests.journeys.plain import book_plainly
from tests.journeys.test_accessibility import Survey
from tests.journeys.world import DATABASE, SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

THURSDAY = datetime(2026, 11, 26, tzinfo=UTC)
"""Nothing is booked on it when a journey begins; London is at UTC."""
SCHEDULER = "sam.field@example.org"
MARIA = "L-1001"
SESSION_HOURS = 1.5
TABS = 60
"""So many steps at most from the top of the page to a booking."""
FOCUSED = "document.activeElement.dataset.booking ?? document.activeElement.textContent.trim()"


def one_seat_each(world: World) -> None:
    """Let everybody invigilate one learner at a time, as if the rota had been changed."""
    with contextlib.closing(sqlite3.connect(world.service.var / DATABASE)) as line, line:
        line.execute("UPDATE seat SET retired = 1 WHERE lane > 1")
        line.execute("UPDATE counter SET value = value + 1 WHERE name = 'rota'")


async def booked(world: World, learner: str, start: datetime) -> str:
    """Book for a learner; return the booking's id."""
    before = set(world.rows("SELECT id FROM booking"))
    await book_plainly(world, learner, start)
    ((made,),) = set(world.rows("SELECT id FROM booking")) - before
    return str(made)


def where(world: World, booking: str) -> tuple[datetime, str]:
    """Return the start of a booking, and the name of its invigilator."""
    query = "SELECT start, name FROM booking JOIN staff ON staff = staff.id WHERE booking.id = ?"
    start, name = world.rows(query, booking)[0]
    return datetime.fromtimestamp(start / 1e6, UTC), str(name)


def box(page: Page, booking: str) -> Locator:
    """Return the box of a booking in the timeline."""
    return page.locator(f'#calendar button[data-booking="{booking}"]')


async def drag(
    page: Page,
    booking: str,
    hours: float,
    row: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Drag a box of a 90-minute session by so many hours, and into the row of somebody.

    `meanwhile` is what happens before it is let go.
    """
    # The page may just be drawing its boxes anew.
    at = await until(box(page, booking).bounding_box, SOON_S, "the booking's box")
    x, y = at["x"] + 30, at["y"] + 20
    down = 0.0
    if row:
        head = page.locator("#calendar .ec-row-head", has_text=row)
        there = await until(head.bounding_box, SOON_S, f"the row of {row}")
        down = there["y"] + 20 - y
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 8, y, steps=3)
    await page.mouse.move(x + hours * at["width"] / SESSION_HOURS, y + down, steps=6)
    meanwhile()
    await page.mouse.up()


async def opened(person: SchedulerPage, day: datetime) -> Page:
    """Sign in and show a day."""
    await person.sign_in(SCHEDULER)
    await person.page.goto(f"{person.world.service.url}/staff/calendar?day={day:%Y-%m-%d}")
    await expect(person.page.locator("#calendar .ec-event").first).to_be_visible()
    return person.page


async def test_dragging_asks_moves_and_can_be_undone(
    world: World, cast: Cast, browsers: Browsers
) -> None:
    browsers.allow(r"status of 409")  # a place that is taken, and a page that is out of date
    one_seat_each(world)
    for learner in ("L-1002", "L-1003", "L-1004"):
        await booked(world, learner, THURSDAY + timedelta(hours=10))
    begin = THURSDAY + timedelta(hours=13)
    booking = await booked(world, MARIA, begin)
    name = where(world, booking)[1]
    page = await opened(await cast.scheduler(), THURSDAY)
    toast, question = page.locator("#toast"), page.locator("#question")

    await drag(page, booking, -3)
    await expect(question).to_contain_text(
        f"Move Maria Santos from Thu 26 Nov 13:00 with {name} to Thu 26 Nov 10:00 with {name}?"
    )
    await question.get_by_role("button", name="Move").click()
    await expect(toast).to_contain_text(f"{name} has another session then.", timeout=SOON_MS)
    await expect(box(page, booking)).to_contain_text("13:00")
    assert where(world, booking) == (begin, name)

    await drag(page, booking, 1.5)
    await question.get_by_role("button", name="Keep").click()
    await expect(box(page, booking)).to_contain_text("13:00")
    assert where(world, booking) == (begin, name)

    await drag(page, booking, 1.5)
    await question.get_by_role("button", name="Move").click()
    await expect(toast).to_contain_text("The learner has been told.", timeout=SOON_MS)
    await expect(box(page, booking)).to_contain_text("14:30")
    assert where(world, booking) == (begin + timedelta(minutes=90), name)
    await toast.get_by_role("button", name="Undo").click()
    await expect(toast).to_contain_text("Thu 26 Nov, 13:00", timeout=SOON_MS)
    assert where(world, booking) == (begin, name)

    other = "Tom Baker" if name == "Ana Reyes" else "Ana Reyes"
    async with page.expect_response(lambda one: one.request.method == "GET"):  # it looks again
        await drag(page, booking, 0, other)
    await expect(toast).to_contain_text(f"Maria Santos is with {other} now.", timeout=SOON_MS)
    assert where(world, booking) == (begin, other)

    def somebody_changes_it() -> None:
        with contextlib.closing(sqlite3.connect(world.service.var / DATABASE)) as line, line:
            line.execute("UPDATE booking SET sequence = sequence + 1 WHERE id = ?", (booking,))

    await drag(page, booking, 0, name, somebody_changes_it)
    await expect(toast).to_contain_text("Somebody else has changed this booking", timeout=SOON_MS)
    assert where(world, booking) == (begin, other)


async def tab_to(page: Page, wanted: str) -> None:
    """Press the tabulator until something has the focus."""
    for _ in range(TABS):
        if await page.evaluate(FOCUSED) == wanted:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached by keyboard")


async def test_the_same_by_keyboard_alone(world: World, cast: Cast) -> None:
    begin = THURSDAY + timedelta(hours=10)
    first, second = [await booked(world, one, begin) for one in (MARIA, "L-1002")]
    page = await opened(await cast.scheduler(), THURSDAY)
    survey = Survey(world, page, (DESK,))
    upper, lower = sorted((first, second), key=lambda one: where(world, one)[1])

    await tab_to(page, upper)
    await page.keyboard.press("ArrowDown")
    await expect(box(page, lower)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#details")).to_be_visible()
    await expect(page.locator("#move-time")).to_be_enabled(timeout=SOON_MS)
    await survey.look("a booking's dialog")
    for _ in range(6):  # past the parts of the date
        if await page.evaluate("document.activeElement.id") == "move-time":
            break
        await page.keyboard.press("Tab")
    await page.keyboard.type("14:30")
    await tab_to(page, "Move the booking")
    await page.keyboard.press("Enter")
    await expect(page.locator("#toast")).to_contain_text("Thu 26 Nov, 14:30", timeout=SOON_MS)
    await expect(box(page, lower)).to_be_focused()
    await survey.look("moved")
    assert where(world, lower)[0] == begin + timedelta(hours=4.5)
    await tab_to(page, "Undo")
    await page.keyboard.press("Enter")
    await expect(page.locator("#toast")).to_contain_text("Thu 26 Nov, 10:00", timeout=SOON_MS)

    assert where(world, lower)[0] == begin
    await tab_to(page, "Dismiss")
    await page.keyboard.press("Enter")
    await expect(page.locator("#toast")).to_be_empty()
    await page.get_by_role("button", name="Show as a list").press("Enter")
    await expect(page.locator("#list").get_by_role("link")).to_have_count(2)
    await survey.look("as a list")
    assert survey.found == {}


async def test_a_booking_is_found_taken_away_as_a_file_and_its_changes_are_read(
    world: World, cast: Cast
) -> None:
    booking = await booked(world, MARIA, THURSDAY + timedelta(hours=10))
    scheduler = await cast.scheduler()
    await scheduler.sign_in(SCHEDULER)
    page = scheduler.page

    await scheduler.visit("Bookings")
    await page.get_by_label("Name, e-mail, reference or booking").fill("santos")
    await page.get_by_label("State").select_option("Booked")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("link", name="Maria Santos")).to_have_count(1)
    await expect(page.get_by_role("link", name="Arjun Nair")).to_have_count(0)
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Take these away as a CSV file").click()
    file = await asyncio.to_thread(Path(await (await coming.value).path()).read_bytes)
    heads, *lines = csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""))
    await page.get_by_role("link", name="Maria Santos").click()
    await page.get_by_label("Reason").fill("The learner rang.")
    await page.get_by_role("button", name="Cancel the booking").click()
    await scheduler.visit("Audit")

    assert len(lines) == 1
    assert dict(zip(heads, lines[0], strict=True))["Booking"] == booking
    await expect(page.locator("main")).to_contain_text("The learner rang.")
    await expect(page.locator("main")).to_contain_text("Sam Field")


async def test_a_scheduler_abroad_sees_and_moves_london_times(world: World, cast: Cast) -> None:
    # America's clocks have changed by then, London's have not.
    day = datetime(2027, 3, 16, tzinfo=UTC)
    booking = await booked(world, MARIA, day + timedelta(hours=10))
    page = await cast.browsers.launch(viewport=DESK, zone="America/New_York")
    await opened(SchedulerPage(page, world), day)

    await expect(box(page, booking)).to_contain_text("10:00")
    await drag(page, booking, 2.5)
    await expect(page.locator("#question")).to_contain_text("to Tue 16 Mar 12:30")
    await page.locator("#question").get_by_role("button", name="Move").click()

    await expect(box(page, booking)).to_contain_text("12:30", timeout=SOON_MS)

    async def moved() -> bool:
        return where(world, booking)[0] == day + timedelta(hours=12.5)

    await until(moved, SOON_S, "the booking at its new time")
    await page.goto(f"{world.service.url}/staff/calendar?week={day:%Y-%m-%d}")
    frame, held = page.locator("#calendar .ec-main"), "e => e.scrollWidth <= e.clientWidth"
    await page.get_by_role("button", name="See the whole week").click()
    await expect(box(page, booking)).to_have_accessible_name(re.compile("Maria Santos, 12:30"))
    await expect(page.get_by_role("button", name="Show names in full")).to_be_visible()
    await until(lambda: frame.evaluate(held), SOON_S, "all days in sight")
    await expect(page.locator("#jump")).to_be_hidden()
