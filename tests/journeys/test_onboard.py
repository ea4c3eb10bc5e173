"""An officer on board invigilates: the learner's link, the officer's phone, staff, the report."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.harness.browser import PHONE, Browsers, accessibility_problems
from tests.harness.people import Person, card
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

MARIA = "Maria Santos"
MAIL = "maria.santos@example.org"
SCHEDULER = "sam.field@example.org"
OFFICER = Person(surname="DE VRIES", given_names="JAN", seed=11, sex="M")
SHOT = (4_000, 3_000)
"""What a phone's camera makes, in pixels."""


def photograph() -> FilePayload:
    """Return a large picture of the officer's drawn identity document."""
    made = io.BytesIO()
    card(OFFICER, 1_600).convert("RGB").resize(SHOT).save(made, "JPEG", quality=97)
    return {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": made.getvalue()}


async def fill_in(page: Page, imo: str) -> None:
    """Fill the officer's form in, as they would on a phone."""
    await page.get_by_label("Full name").fill("Jan de Vries")
    await page.get_by_label("Another officer", exact=False).first.check()
    await page.get_by_label("Which rank, if another officer").fill("Chief Officer")
    await page.get_by_label("Name of the vessel").fill("MV Northern Light")
    await page.get_by_label("IMO number of the vessel").fill(imo)
    for part, value in (("Day", "24"), ("Month", "11"), ("Year", "2026")):
        await page.get_by_label(part, exact=True).fill(value)
    await page.get_by_label("Picture of your own identity document").set_input_files(photograph())
    await page.get_by_label("I declare this.").check()


async def test_an_officer_on_board_is_accepted_and_the_backend_has_the_report(
    world: World, cast: Cast, browsers: Browsers, tmp_path: Path
) -> None:
    browsers.allow(r"status of 422")  # the form with the mistake is answered so
    learner = await cast.learner()
    asked = await learner.ask(MARIA)
    await learner.enter(asked.booking_url)
    await learner.page.get_by_role("link", name="An officer on board can invigilate me").click()
    link = (await learner.page.locator("#link").text_content() or "").strip()
    assert await accessibility_problems(learner.page) == []

    phone = await browsers.launch(viewport=PHONE)
    await phone.goto(link)
    await fill_in(phone, "9074728")
    await expect(phone.locator("#picture-said")).to_contain_text("made smaller", timeout=SOON_MS)
    await phone.get_by_role("button", name="Send the form").click()
    wrong = phone.get_by_role("alert")
    await expect(wrong).to_contain_text("its last digit does not fit", timeout=SOON_MS)
    await expect(phone.locator("#picture-said")).to_contain_text("still there")
    assert await accessibility_problems(phone) == []
    await phone.get_by_label("IMO number of the vessel").fill("9074729")
    await phone.get_by_role("button", name="Send the form").click()
    await expect(phone.get_by_role("heading", name="We have your form")).to_be_visible(
        timeout=SOON_MS
    )
    await learner.page.goto(f"{world.service.url}/me")
    await expect(learner.page.get_by_text("We have the form of your officer")).to_be_visible()

    scheduler = await cast.scheduler()
    await scheduler.sign_in(SCHEDULER)
    await scheduler.visit("Onboard")
    await scheduler.page.get_by_role("link", name=f"Review the form for {MARIA}").click()
    document = scheduler.page.locator("img.document")
    await expect(document).to_be_visible()
    size = await document.evaluate(
        "async (img) => { await img.decode(); return img.naturalWidth; }"
    )
    assert size == 2_000
    assert await accessibility_problems(scheduler.page) == []
    await scheduler.page.get_by_role("button", name="Accept the form").click()
    await scheduler.page.wait_for_url("**/staff/onboard?done=accepted")

    report = await world.report()
    assert (report["kind"], report["outcome"]) == ("onboard", "accepted")
    assert report["invigilator"] == "Jan de Vries, MV Northern Light, IMO 9074729"
    await world.mailbox.wait_for(MAIL, count=1, seconds=SOON_S)
    await learner.page.goto(f"{world.service.url}/me")
    await learner.page.get_by_role("link", name="Open the assessment").click()
    await expect(learner.page.get_by_role("button", name="Hand in my answers")).to_be_visible()
    assert learner.page.url.startswith(asked.assessment_url)
    await _verifies(world, scheduler.page, tmp_path)


async def _verifies(world: World, page: Page, folder: Path) -> None:
    """Take the record away, and check it on the command line; a changed one fails."""
    await page.get_by_role("link", name=f"Show the form for {MARIA}").click()
    await expect(page.get_by_text("The record and its seal hold.")).to_be_visible()
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download the record").click()
    record, keys = folder / "record.json", folder / "keys.json"
    await (await coming.value).save_as(record)
    keys.write_text(json.dumps(await world.fetch(f"{world.service.url}/.well-known/jwks.json")))
    good = world.run("web.cli", "verify", str(record), "--keys", str(keys))
    assert good.returncode == 0, good.stdout
    assert '"kind": "onboard"' in good.stdout
    record.write_text(record.read_text().replace("9074729", "9176187"))
    assert world.run("web.cli", "verify", str(record), "--keys", str(keys)).returncode == 1
