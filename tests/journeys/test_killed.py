"""The server is killed in mid-session: everybody is back without a click, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.harness.browser import NOBODY_THERE, Browsers
from tests.harness.waiting import until
from tests.journeys.people import SOON_MS, LivePage
from tests.journeys.recordings import PARTS, play
from tests.journeys.steps import Sitting
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey

BACK_S = 10.0
"""How long after the server is ready again until both see each other again."""
RECORDED_S = 6.0
"""How long to record before the server is killed."""
LOST_S = 3.0
"""The seconds before a kill that may be missing: a cluster of 2 s, and the time to write it."""
LAST_WORDS = "Written just before the lights went out."


async def test_a_killed_server_comes_back_and_so_does_everybody(
    world: World, sitting: Sitting, browsers: Browsers, tmp_path: Path
) -> None:
    browsers.allow(NOBODY_THERE)
    both: tuple[LivePage, LivePage] = (sitting.learner, sitting.console)
    await asyncio.gather(*(person.sees("the other") for person in both))
    await until(lambda: recording(world, sitting) > RECORDED_S, SOON_S, "something to be recorded")
    await sitting.learner.write(LAST_WORDS)
    before = events(world)
    recorded = recording(world, sitting)
    assert len(before) > 8

    world.service.kill()
    await world.service.start()
    ready = time.monotonic()
    await asyncio.gather(*(back(person) for person in both))

    assert time.monotonic() - ready < BACK_S
    await sitting.learner.told("Your assessment is open")
    await sitting.console.reads(LAST_WORDS)
    await sitting.learner.reads(LAST_WORDS)
    assert events(world)[: len(before)] == before
    await still_works(sitting)
    await until(
        lambda: recording(world, sitting, 1) > RECORDED_S, SOON_S, "a new part to be recorded"
    )
    assert await ends_well(world, sitting, tmp_path) > recorded - LOST_S


async def back(person: LivePage) -> None:
    """Wait for a picture that moves again, and for sound."""
    await person.sees("the other, again", BACK_S)
    await person.hears("the other, again", BACK_S)


def recording(world: World, sitting: Sitting, part: int = 0) -> float:
    """Return for how many seconds a part of the camera's recording has been going on."""
    began = list(camera(world, sitting).values())
    return (world.time.now() - began[part]).total_seconds() if part < len(began) else 0.0


def camera(world: World, sitting: Sitting) -> dict[str, datetime]:
    """Return when each part of the camera's recording began, since both came in, by its id."""
    begun = world.rows("SELECT body FROM event WHERE kind = 'recording_started' ORDER BY seq")
    bodies = [json.loads(body) for (body,) in begun]
    return {
        one["data"]["evidence"]: datetime.fromisoformat(one["at"])
        for one in bodies
        if one["data"]["kind"] == "recording" and one["data"]["evidence"] not in sitting.earlier
    }


def events(world: World) -> list[tuple[Any, ...]]:
    return world.rows(
        "SELECT event.session, event.seq, event.body, event.signature FROM event "
        "JOIN session ON event.session = session.id "
        "WHERE session.state = 'in_progress' ORDER BY event.seq"
    )


async def still_works(sitting: Sitting) -> None:
    await sitting.console.write("You are back.")
    await sitting.learner.reads("You are back.")
    await sitting.console.hears("the learner")
    await sitting.learner.hears("the invigilator")


async def ends_well(world: World, sitting: Sitting, folder: Path) -> float:
    """The whole record verifies, both recordings play; return the seconds of the first."""
    console = sitting.console
    await console.end()
    await console.attest()
    await console.open_record()
    await expect(console.page.get_by_text("The record is whole.")).to_be_visible(timeout=SOON_MS)
    parts = [f'{PARTS}[src$="{part}"]' for part in camera(world, sitting)]
    played = [await play(console.page, 0, part) for part in parts]
    assert len(played) == 2
    assert [part for part in played if not (part.width and part.sound)] == []
    async with console.page.expect_download() as coming:
        await console.page.get_by_role("link", name="Download the sealed record").click()
    record, keys = folder / "record.json", folder / "keys.json"
    await (await coming.value).save_as(record)
    keys.write_text(json.dumps(await world.fetch(f"{world.service.url}/.well-known/jwks.json")))
    verdict = world.run("web.cli", "verify", str(record), "--keys", str(keys))
    assert verdict.returncode == 0, verdict.stdout
    return played[0].long
