"""A learner who does not come: judged by a person on evidence, and paid for before the next time.

The time goes on minute by minute, with a sign of life in each: a service that slept is no witness.
"""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage

import pytest
from playwright.async_api import expect

from tests.harness.browser import accessibility_problems
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, LearnerPage, SchedulerPage, values
from tests.journeys.steps import START, book
from tests.journeys.world import SOON_S, World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless, pytest.mark.minutes_fly]

MARIA = "Maria Santos"
MAIL = "maria.santos@example.org"
LATER = START + timedelta(hours=4)
WHY = "My ship was at anchor without a link."
ANSWER = "The port's log shows a link."
REASON = "You did not come, and your ship was in port with a link."


async def test_a_no_show_is_proposed_judged_and_paid_for_before_the_next_booking(
    world: World, cast: Cast
) -> None:
    learner, scheduler = await cast.learner(), await cast.scheduler()

    await book(world, learner, MARIA)
    await nobody_comes(world, cast)
    await is_judged(world, scheduler)
    await is_told(world, learner)
    await disputes(learner)
    await is_answered(scheduler)
    await reads_the_answer(world, learner)
    await must_pay_first(world, learner)
    await pays(scheduler)
    await is_booked(world, learner)


async def nobody_comes(world: World, cast: Cast) -> None:
    """The invigilator is there from before the start; the grace time goes by."""
    opens = START - timedelta(minutes=30)
    world.time.go_to(opens - timedelta(minutes=1))
    await world.beat()
    await world.live_through(opens + timedelta(minutes=1))
    console = await cast.invigilator()
    await console.sign_in(world.invigilator_of(MARIA))
    await console.connected()
    await expect(console.row(MARIA)).to_contain_text("Not here", timeout=SOON_MS)

    def ready() -> list[object]:
        return list(world.rows("SELECT 1 FROM event WHERE kind = 'invigilator_ready'"))

    await until(ready, SOON_S, "the invigilator to be noted as ready")
    await world.live_through(START + timedelta(minutes=18))

    await until(
        lambda: bookings(world) == ["no_show_proposed"], SOON_S, "the proposal of a no-show"
    )


def bookings(world: World) -> list[str]:
    """Return the states of the learner's bookings, oldest first."""
    rows = world.rows(
        "SELECT booking.state FROM booking JOIN request ON booking.request = request.id "
        "JOIN learner ON request.learner = learner.id WHERE learner.name = ? "
        "ORDER BY booking.start",
        MARIA,
    )
    return values(rows)


def told(world: World) -> list[EmailMessage]:
    """Return the letters about the missed session."""
    return [one for one in world.mailbox.to(MAIL) if "missed" in str(one["Subject"])]


async def is_judged(world: World, scheduler: SchedulerPage) -> None:
    """Nothing follows from the proposal until a scheduler has looked at the evidence."""
    assert world.rows("SELECT 1 FROM charge WHERE product = 'no_show'") == []
    assert told(world) == []
    await scheduler.sign_in("sam.field@example.org")
    await scheduler.visit("Attendance")
    assert await accessibility_problems(scheduler.page) == []
    reasons = await scheduler.decide(MARIA, "The learner did not come", REASON)
    assert reasons == [
        "The invigilator was ready before the start.",
        "The service was healthy through the grace time.",
        "The learner made no attempt to come in.",
    ]


async def is_told(world: World, learner: LearnerPage) -> None:
    await until(lambda: told(world), SOON_S, "the letter about the missed session")
    (mail,) = told(world)
    text = mail.get_body(("plain",))
    assert text is not None
    words = " ".join(text.get_content().split())
    assert REASON in words
    assert "within 14 days" in words
    assert "£54.00" in words
    await world.told("attendance.decided")
    await learner.page.goto(f"{world.service.url}/me")
    await expect(learner.page.locator(".notice h2")).to_have_text(
        "You did not come to your session"
    )
    await expect(learner.page.locator(".notice")).to_contain_text(REASON)


async def disputes(learner: LearnerPage) -> None:
    """The learner reads what the decision rests on, and disagrees."""
    page = learner.page
    await page.get_by_role("link", name="What the decision rests on, and how to dispute it").click()
    await expect(page.locator("main")).to_contain_text("All times are from our server's clock.")
    await expect(page.locator("main")).to_contain_text(REASON)
    assert await accessibility_problems(page) == []
    await page.get_by_label("What happened?").fill(WHY)
    await page.get_by_role("button", name="Send the dispute").click()
    await expect(page.locator("main")).to_contain_text("we are looking at it")


async def is_answered(scheduler: SchedulerPage) -> None:
    """A scheduler sees the dispute beside the evidence, and stays with the decision."""
    page = scheduler.page
    await scheduler.visit("Questions")
    card = page.locator(".card", has_text=WHY)
    await card.get_by_role("link", name="Answer").click()
    await page.get_by_role("link", name="Look at the decision again").click()
    await expect(page.locator("main")).to_contain_text("The learner disputes this")
    await page.go_back()
    await page.get_by_label("Your answer").fill(ANSWER)
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.get_by_text("Your answer is kept")).to_be_visible(timeout=SOON_MS)


async def reads_the_answer(world: World, learner: LearnerPage) -> None:
    await learner.page.goto(f"{world.service.url}/me")
    await expect(learner.page.locator("main")).to_contain_text(ANSWER)

    def answered() -> bool:
        letters = (one.get_body(("plain",)) for one in world.mailbox.to(MAIL))
        return any(text is not None and ANSWER in text.get_content() for text in letters)

    await until(answered, SOON_S, "the answer by mail")


async def must_pay_first(world: World, learner: LearnerPage) -> None:
    """The next request costs: a time is held for half an hour, and not booked before it is paid."""
    asked = await learner.ask(MARIA)
    await learner.enter(asked.booking_url)
    notice = learner.page.locator(".notice")
    await expect(notice).to_contain_text("A payment is due before you book")
    await expect(notice).to_contain_text(re.compile(r"£54\.00.*£45\.00.*£9\.00 VAT \(20 %\)"))
    assert await accessibility_problems(learner.page) == []
    await learner.look_at(LATER)
    await learner.page.get_by_role("button", name="Hold this time and pay").click()
    await learner.page.wait_for_url("**/me/pay")
    assert await accessibility_problems(learner.page) == []
    await learner.page.goto(f"{world.service.url}/me")
    await expect(notice).to_contain_text("This time is held for you, but not booked yet")
    assert await accessibility_problems(learner.page) == []
    assert bookings(world) == ["learner_no_show", "reserved"]


async def pays(scheduler: SchedulerPage) -> None:
    await scheduler.visit("Charges")
    assert await accessibility_problems(scheduler.page) == []
    await expect(scheduler.page.get_by_role("row", name=MARIA)).to_contain_text("Due")
    await scheduler.note_paid(MARIA, "Bank transfer 4711")
    await expect(scheduler.page.get_by_role("row", name=MARIA)).to_have_count(0)


async def is_booked(world: World, learner: LearnerPage) -> None:
    """The time that was held is booked by the payment."""
    await learner.page.goto(f"{world.service.url}/me")
    await expect(learner.page.locator(".notice")).to_have_count(0)
    await expect(learner.page.get_by_role("link", name="Ask for a change")).to_be_visible()
    assert bookings(world) == ["learner_no_show", "booked"]

    def invited() -> bool:
        return sum("is booked" in str(mail["Subject"]) for mail in world.mailbox.to(MAIL)) == 2

    await until(invited, SOON_S, "the second invitation")
