"""A full disk and a deploy in mid-session: both people are told, and the session goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.harness.browser import NOBODY_THERE, Browsers
from tests.harness.disk import can_mount, fill, small_disk
from tests.harness.service import Service
from tests.harness.waiting import until
from tests.journeys.people import SOON_MS
from tests.journeys.steps import Sitting
from tests.journeys.world import SOON_S, World

pytestmark = pytest.mark.journey
DISK_MB, RESERVE_MB = 112, 32
MIB = 1024 * 1024
LAST_WORDS = "Written just before the service was told to end."


@pytest.fixture
def service(service: Service) -> Iterator[Service]:
    """The service, all of whose files lie on a small disk."""
    if not can_mount(service.var):
        pytest.skip("no disk may be mounted here")
    service.set(INVIGILATION_EVIDENCE_RESERVE_MB=str(RESERVE_MB))
    with small_disk(service.var, DISK_MB):
        yield service
        service.kill()


async def test_a_full_disk_and_a_deploy_end_no_session(
    world: World, sitting: Sitting, browsers: Browsers
) -> None:
    browsers.allow(NOBODY_THERE)
    await until(lambda: recordings(world, "sha256 IS NULL"), SOON_S, "a recording")

    await the_disk_fills_up(world, sitting)
    await the_service_is_deployed(world, sitting)


async def the_disk_fills_up(world: World, sitting: Sitting) -> None:
    """Recordings stop first and say so, words are kept; all goes on when there is room."""
    var = world.service.var
    told = sitting.console.page.locator(".trouble", has_text="not recorded now: the disk")
    fill(var / "ballast", free=(RESERVE_MB - 4) * MIB)

    await expect(told).to_be_visible(timeout=SOON_MS)
    fill(var / "ballast", free=0)
    await until(lambda: not (var / "reserve").exists(), SOON_S, "the reserve given up")
    await sitting.console.write("Go on, please.")
    await sitting.learner.reads("Go on, please.")
    assert noted(world, "recording_stopped") == 1

    before = noted(world, "recording_started")
    (var / "ballast").unlink()
    await expect(told).to_have_count(0, timeout=SOON_MS)
    assert noted(world, "recording_started") > before


async def the_service_is_deployed(world: World, sitting: Sitting) -> None:
    """Both are told, and come back to the next process by themselves."""
    both = (sitting.learner, sitting.console)
    await sitting.learner.write(LAST_WORDS)

    await asyncio.to_thread(world.service.stop)

    assert not recordings(world, "sha256 IS NULL AND erased IS NULL")
    await sitting.learner.told("The service starts again", "You need not do anything")
    needs = sitting.console.page.locator(".needs")
    await expect(needs).to_contain_text("The service starts again", timeout=SOON_MS)
    await world.service.start()
    await asyncio.gather(*(person.sees("the other, again") for person in both))
    await sitting.learner.told("Your assessment is open")
    await sitting.console.write("You are back.")
    await sitting.learner.reads("You are back.")
    await sitting.console.reads(LAST_WORDS)
    log = world.service.log
    assert log.index('"draining"') < log.index('"drained"')


def recordings(world: World, which: str) -> int:
    query = f"SELECT id FROM evidence WHERE kind = 'recording' AND {which}"
    return len(world.rows(query))


def noted(world: World, kind: str) -> int:
    return len(world.rows("SELECT seq FROM event WHERE kind = ?", kind))
