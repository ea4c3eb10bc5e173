"""The whole way of a session that a learning platform launches by LTI 1.3 Proctoring Services.

The platform is a process of its own, with the consumer of lti-consumer-xblock in it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.harness.browser import Browsers
from tests.harness.films import FilmStore
from tests.harness.servers import Mailbox
from tests.harness.service import Practice, Service
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, Console, LearnerPage
from tests.journeys.world import SOON_S, Time, World
from tests.platforms.lti.process import LtiPlatform
from web.backends.lti import registering

pytestmark = pytest.mark.journey

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MARIA = "Maria Santos"


@pytest.fixture
async def platform(tmp_path: Path, service: Service, time: Time) -> AsyncIterator[LtiPlatform]:
    """A platform that takes no `pause`, as some do."""
    one = LtiPlatform(tmp_path, service.url, time.file, ("pause",))
    await one.start()
    yield one
    one.process.kill()


@pytest.fixture
async def world(
    service: Service, practice: Practice, mailbox: Mailbox, time: Time, seeded: Path
) -> World:
    """The service alone: the practice backend has no part in this."""
    whole = World(service, practice, mailbox, time)
    shutil.copytree(seeded, service.var, dirs_exist_ok=True)
    whole.know(json.loads((service.var / "demo.json").read_text()))
    await service.start()
    return whole


async def test_a_session_launched_by_lti(
    world: World, platform: LtiPlatform, browsers: Browsers, films: FilmStore
) -> None:
    cast = Cast(world, browsers, films)
    await is_invited(world, platform)
    learner, console = await cast.learner(), await cast.invigilator()

    await comes_from_the_course(platform, learner)
    await learner.book(START)
    world.time.go_to(START - timedelta(minutes=5))
    await is_identified(world, learner, console)
    await console.admit()
    sheet = await opens_the_assessment(platform, learner)
    await is_told_what_was_refused(platform, console, learner)
    await hands_in(sheet)
    await console.end()
    await console.attest()

    await gets_one_report(platform)
    assert (await platform.told())["errors"] == []


async def is_invited(world: World, platform: LtiPlatform) -> None:
    """The platform registers itself at the address that an operator has given to its people."""
    secret = (world.service.var / "keys" / "secret.key").read_bytes()
    until_when = world.time.now() + timedelta(days=1)
    one = registering.Invitation("academy", "Sea Academy", until_when)
    link = registering.invite(secret, world.service.url, one)
    where = f"{link}?openid_configuration={platform.url}/.well-known/openid-configuration"
    async with aiohttp.ClientSession() as client, client.get(where) as answer:
        assert answer.status == 200, await answer.text()


async def comes_from_the_course(platform: LtiPlatform, learner: LearnerPage) -> None:
    page = learner.page
    await page.goto(platform.url)
    await page.get_by_role("link", name="Open the assessment").click()
    await page.get_by_role("button", name=f"Continue as {MARIA}").click(timeout=SOON_MS)
    await page.wait_for_url("**/me")


async def is_identified(world: World, learner: LearnerPage, console: Console) -> None:
    await learner.check_in()
    await learner.join()
    await console.sign_in(world.invigilator_of(MARIA))
    await console.connected()
    await console.open(MARIA)
    await console.take("ID")
    await console.take("face")
    await console.confirm()


async def opens_the_assessment(platform: LtiPlatform, learner: LearnerPage) -> Page:
    """The platform has forgotten the launch of this morning: the learner comes from there anew."""
    await learner.told("Your assessment is open")
    async with learner.page.context.expect_page() as opened:
        await learner.page.get_by_role("link", name="Open the assessment").click()
    sheet = await opened.value
    await expect(sheet.get_by_role("heading", level=1)).to_have_text(
        "Now open the assessment in your course"
    )
    await sheet.get_by_role("link", name="Go to my course").click()
    await sheet.get_by_role("link", name="Open the assessment").click()
    await sheet.get_by_role("button", name="Start the assessment").click(timeout=SOON_MS)
    await expect(sheet.get_by_role("heading", level=1)).to_have_text("Assessment", timeout=SOON_MS)
    (started,) = (await platform.told())["starts"]
    assert started["attempt_number"] == "1"
    assert started["end_assessment_return"] is True
    assert started["verified_user"]["full_name"] == MARIA
    async with aiohttp.ClientSession() as client:
        answer = await client.get(started["verified_user"]["picture"])
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
    return sheet


async def is_told_what_was_refused(
    platform: LtiPlatform, console: Console, learner: LearnerPage
) -> None:
    """The platform takes no pause; the session is paused all the same."""
    await console.pause("Wait until the alarm test is over.")
    line = console.page.locator(".refused li")
    await expect(line).to_contain_text(
        re.compile("The assessment system did not accept:\\s+pause"), timeout=SOON_MS
    )
    await learner.told("Paused by your invigilator")
    await console.resume()
    await console.note_incident("environment.noise", "An alarm test on board.")
    await until(lambda: platform.controls("flag"), SOON_S, "the incident at the platform")
    assert [one["reason_code"] for one in await platform.controls("flag")] == ["environment.noise"]
    assert len(await platform.controls("pause", "refused")) == 1
    assert len(await platform.controls("resume")) == 1


async def hands_in(sheet: Page) -> None:
    await sheet.get_by_role("link", name="Hand in").click()
    await expect(sheet.get_by_role("heading", level=1)).to_have_text(
        "Your assessment has ended", timeout=SOON_MS
    )


async def gets_one_report(platform: LtiPlatform) -> None:
    reports = await until(lambda: platform.controls("update"), SOON_S, "the report")
    assert [one["reason_code"] for one in reports] == ["report"]
    assert reports[0]["reason_msg"].startswith("completed; attestation SHA-256 ")
