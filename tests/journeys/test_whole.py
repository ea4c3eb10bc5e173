"""The whole way of one session, from the training company's page to its verified report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from playwright.async_api import Page, expect

from tests.harness.browser import accessibility_problems
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, Console, LearnerPage, picture_at
from tests.journeys.recordings import PARTS, play
from tests.journeys.world import SOON_S, Asked, World
from web.practice.course import QUESTIONS

pytestmark = pytest.mark.journey

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MARIA = "Maria Santos"
MAIL = "maria.santos@example.org"
FULL_SIZE = (640, 480)
"""The size of the learner's film."""
CUT_OUT = (320, 400)
"""The size of a face that is cut out of it, to be compared."""


async def test_a_session_from_the_request_to_the_verified_report(
    world: World, cast: Cast, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(await world.fetch(f"{world.service.url}/.well-known/jwks.json")))
    cast.browsers.plain_sound = False  # this once, all is as it is in earnest
    learner, console = await cast.learner(), await cast.invigilator()

    asked = await books(learner)
    await has_the_invitation(world)
    await before_the_session(world, learner, asked)
    world.time.go_to(START - timedelta(minutes=5))
    await comes_in(learner)
    await meets(world, console, learner)
    await both_reload(console, learner)
    await identifies(console)
    await is_not_open_yet(learner, asked)
    await console.admit()
    await sits(learner, asked)
    await notes_and_pauses(world, console, learner)
    await console.end()
    await learner.told("Your session is finished")
    await console.attest()

    report = await world.report()
    assert (report["outcome"], report["learner"]) == ("completed", "L-1001")
    assert len(await world.reports()) == 1
    await has_the_receipt(world)
    await shows_its_record(console)
    record = await takes_the_record(world, console, tmp_path)
    verifies(world, record, keys)


async def books(learner: LearnerPage) -> Asked:
    asked = await learner.ask(MARIA)
    await learner.enter(asked.booking_url)
    await learner.page.get_by_role("link", name="Choose a time").click()
    await learner.has_zone()
    await learner.choose_zone("Asia/Kolkata")
    await learner.look_at(START)
    label = learner.page.locator(f'label[for="{await learner.slot(START).get_attribute("id")}"]')
    await expect(label).to_contain_text("15:00")
    await expect(label).to_contain_text("09:30 London")
    await expect(label).to_contain_text("09:30 UTC")
    assert await accessibility_problems(learner.page) == []
    await learner.page.get_by_role("button", name="Book this time").click()
    await expect(learner.page.get_by_role("heading", level=1)).to_have_text(
        "Your session is booked", timeout=SOON_MS
    )
    await expect(learner.page.locator(".times .own")).to_contain_text("15:00")
    return asked


async def has_the_invitation(world: World) -> None:
    mail = await world.mailbox.wait_for(MAIL, seconds=SOON_S)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "15:00" in text.get_content()
    assert f"{world.service.url}/r/" in text.get_content()
    invites = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    event = icalendar.Calendar.from_ical(invites[0].get_payload(decode=True)).events[0]
    assert event.decoded("dtstart") == START
    assert event.decoded("dtend") == START + timedelta(minutes=90)
    assert event["uid"]


async def before_the_session(world: World, learner: LearnerPage, asked: Asked) -> None:
    """The booking is told to the training company; nothing else opens early."""
    await world.told("booking.made")
    await learner.page.goto(f"{world.service.url}/me/check-in")
    await expect(learner.page.get_by_role("heading", level=1)).to_have_text(
        "Check-in is not open yet"
    )
    await is_not_open_yet(learner, asked)


async def is_not_open_yet(learner: LearnerPage, asked: Asked) -> None:
    page = await learner.page.context.new_page()
    await page.goto(asked.assessment_url)
    await expect(page.get_by_role("status")).to_contain_text("Not released yet")
    await page.close()


async def comes_in(learner: LearnerPage) -> None:
    await learner.check_in()
    assert await accessibility_problems(learner.page) == []
    await learner.join()
    await learner.told("Waiting for your invigilator", "You are in the right place.")


async def meets(world: World, console: Console, learner: LearnerPage) -> None:
    await console.sign_in(world.invigilator_of(MARIA))
    await console.connected()
    await expect(console.page.get_by_role("heading", name="Waiting for you")).to_be_visible()
    await console.open(MARIA)
    await console.camera_on()
    await learner.told("Hold your ID to the camera")
    await see_and_hear_each_other(console, learner)
    await console.write("Good morning, Maria.")
    await learner.reads("Good morning, Maria.")
    await learner.write("Good morning! I can hear you.")
    await console.reads("Good morning! I can hear you.")
    assert await accessibility_problems(console.page) == []
    assert await accessibility_problems(learner.page) == []


async def see_and_hear_each_other(console: Console, learner: LearnerPage) -> None:
    await console.sees("the learner")
    await learner.sees("the invigilator")
    await console.hears("the learner")
    await learner.hears("the invigilator")


async def both_reload(console: Console, learner: LearnerPage) -> None:
    """A reload leads straight back: no question, no device check, nothing lost."""
    await learner.page.reload()
    await learner.told("Hold your ID to the camera")
    await learner.reads("Good morning, Maria.")
    await console.page.reload()
    await expect(console.page.locator("#stage-title")).to_have_text(MARIA, timeout=SOON_MS)
    await console.reads("Good morning! I can hear you.")
    await see_and_hear_each_other(console, learner)


async def identifies(console: Console) -> None:
    for which in ("ID", "face"):
        picture = await console.take(which, whole=True)
        assert (picture.media_type, picture.format) == ("image/jpeg", "JPEG")
        assert picture.size in {FULL_SIZE, CUT_OUT}
        assert picture.spread > 20
    await console.has_whole_face()
    await console.confirm("The face and the name match the seaman's book.")


async def sits(learner: LearnerPage, asked: Asked) -> None:
    await learner.told("Your assessment is open")
    link = learner.page.get_by_role("link", name="Open the assessment")
    assert await link.get_attribute("href") == asked.assessment_url
    async with learner.page.context.expect_page() as opened:
        await link.click()
    sheet = await opened.value
    await opens(sheet)
    for number, question in enumerate(QUESTIONS):
        await sheet.locator(f'input[name="q{number}"][value="{question.right}"]').check()
    await sheet.get_by_role("button", name="Hand in my answers").click()
    await expect(sheet.get_by_role("status")).to_contain_text("Passed: 100 %")
    await sheet.close()


async def opens(sheet: Page) -> None:
    """Wait for the questions; the page looks again by itself until it is released."""
    await expect(sheet.get_by_role("button", name="Hand in my answers")).to_be_visible(
        timeout=SOON_MS
    )


async def notes_and_pauses(world: World, console: Console, learner: LearnerPage) -> None:
    await console.note_incident("environment.noise", "An alarm test on board.")
    picture = console.page.locator(".incidents a", has_text="Picture")
    source = await picture.get_attribute("href")
    assert source
    assert (await picture_at(console.page, source)).size[0] > 0
    await console.pause("Wait until the alarm test is over.")
    await learner.told("Paused by your invigilator", "Wait until the alarm test is over.")
    await expect(learner.page.locator("#time-label")).to_have_text("Time left (stopped)")
    before = await learner.time_left()
    world.time.forward(timedelta(minutes=10))
    await console.resume()
    await learner.told("Your assessment is open")
    await expect(learner.page.locator("#time-label")).to_have_text("Time left")
    # Ten minutes went by and cost nothing; the rest is this test's own slowness.
    assert before - await learner.time_left() < 120


async def has_the_receipt(world: World) -> None:
    mail = await world.mailbox.wait_for(MAIL, count=2, seconds=SOON_S)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "reported this to your training company" in " ".join(text.get_content().split())


async def shows_its_record(console: Console) -> None:
    await console.open_record()
    page = console.page
    await expect(page.get_by_text("The record is whole.")).to_be_visible()
    table = page.get_by_role("region", name="Everything that happened")
    for words in (
        "The learner checked in and gave consent",
        "Decided on the identity",
        "Admitted the learner",
        "Noted an incident",
        "Paused the assessment",
        "Resumed the assessment",
        "Ended the assessment",
        "Signed the statement",
    ):
        await expect(table.get_by_text(words).first).to_be_attached()
    for name in ("Identity document", "Face"):
        image = page.get_by_role("img", name=name, exact=True)
        source = await image.get_attribute("src")
        assert source
        assert (await picture_at(page, source)).size == FULL_SIZE
    assert await accessibility_problems(page) == []
    await plays(page)


async def plays(page: Page) -> None:
    """The recordings hold the session: picture and sound, and they play here."""
    count = await page.locator(PARTS).count()
    assert count >= 1
    played = [await play(page, number) for number in range(count)]
    assert all(one.at > 0 and one.sound > 0 for one in played)
    assert any(one.width > 0 for one in played)
    assert max(one.long for one in played) > 3


async def takes_the_record(world: World, console: Console, folder: Path) -> Path:
    await console.prove(world.invigilator_of(MARIA))
    async with console.page.expect_download() as coming:
        await console.page.get_by_role("link", name="Download the sealed record").click()
    path = folder / "record.json"
    await (await coming.value).save_as(path)
    return path


def verifies(world: World, record: Path, keys: Path) -> None:
    whole = world.run("web.cli", "verify", str(record), "--keys", str(keys))
    assert whole.returncode == 0, whole.stdout + whole.stderr
    said = record.read_text()
    assert "practice signed for it on" in whole.stdout
    assert "alarm test is over" in said
    record.write_text(said.replace("alarm test is over", "alarm test is ovEr", 1))
    broken = world.run("web.cli", "verify", str(record), "--keys", str(keys))
    assert broken.returncode == 1, broken.stdout + broken.stderr
