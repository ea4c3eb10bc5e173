"""A phone beside the learner as second camera; then the record, played in two browsers."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.harness.browser import accessibility_problems
from tests.harness.firefox import firefox
from tests.harness.people import Person
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.firefoxes import sign_in
from tests.journeys.people import SOON_MS, Console
from tests.journeys.recordings import Player, fetch, probe
from tests.journeys.second_cameras import says, scan, use_phone
from tests.journeys.steps import Sitting
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

CABIN = Person(seed=3)
"""Whose wall the second camera shows: another colour than the first camera's."""
RECORDED_S = 4.0
KINDS = {"recording", "second_recording", "invigilator_recording"}


async def test_a_phone_is_a_second_camera_and_all_is_recorded_and_plays(
    world: World, cast: Cast, sitting: Sitting, tmp_path: Path
) -> None:
    learner, console = sitting.learner, sitting.console
    phone = await cast.phone(CABIN)

    await use_phone(phone, await scan(learner))
    assert await accessibility_problems(phone) == []
    await expect(learner.page.locator("#second-words")).to_contain_text("sees its picture")
    await expect(learner.page.locator("#code")).to_be_hidden()
    await is_seen(console)
    await until(lambda: set(recorded(world, sitting).values()) == KINDS, SOON_S, "every recording")
    assert await console.page.evaluate(f"new Promise((go) => setTimeout(go, {RECORDED_S}e3, true))")
    await console.end()
    await says(phone, "The session is over")
    await console.attest()

    await console.open_record()
    await every_file_is_sound(console, recorded(world, sitting), tmp_path)
    await Player(console.page.evaluate).plays(len(KINDS))
    await plays_in_firefox(world, console, tmp_path)


async def is_seen(console: Console) -> None:
    """The second picture stands beside the first; a click makes it the large one."""
    page = console.page
    other = page.locator(".others").get_by_role("button", name="Second camera")
    await other.click(timeout=SOON_MS)
    await console.sees("the second camera")
    await console.sees_person(CABIN)
    await page.locator(".others").get_by_role("button", name="Camera", exact=True).click()


def recorded(world: World, sitting: Sitting) -> dict[str, str]:
    """Return the kind of each recording since both came into the room, by its id."""
    rows = world.rows("SELECT id, kind FROM evidence WHERE kind LIKE '%recording'")
    return {ident: kind for ident, kind in rows if ident not in sitting.earlier}


async def every_file_is_sound(console: Console, files: dict[str, str], folder: Path) -> None:
    assert set(files.values()) == KINDS
    for ident, kind in files.items():
        path = await fetch(console.page, f"/staff/evidence/{ident}", folder / f"{ident}.webm")
        found = await probe(path)
        assert found.complaints == ""
        assert bool(found.video) is (kind != "invigilator_recording")
        assert bool(found.audio) is (kind != "second_recording")


async def plays_in_firefox(world: World, console: Console, folder: Path) -> None:
    async with firefox(folder / "firefox") as browser:
        await sign_in(browser, world, world.invigilator_of("Maria Santos"))
        await browser.goto(console.page.url)
        await Player(browser.evaluate).plays(len(KINDS))
        assert browser.complaints == []
