"""A session changes hands while it runs, a supervisor looks in, and at last it is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.harness.browser import Browsers
from tests.harness.films import FilmStore
from tests.journeys.cast import MARIA, TOM, Cast
from tests.journeys.people import SOON_MS, Console, LearnerPage, values
from tests.journeys.recordings import fetch, probe
from tests.journeys.steps import Sitting
from tests.journeys.world import World

pytestmark = pytest.mark.journey

COLLEAGUES = {"ana.reyes@example.org": "Ana Reyes", "tom.baker@example.org": "Tom Baker"}
SUPERVISOR = "ada.stone@example.org"
REASON = "Somebody else came in and read the questions aloud."
HOLE_S = 1.0
"""A recording may lack so much where it changes hands."""


@pytest.fixture
def cast(world: World, browsers: Browsers, films: FilmStore, tmp_path: Path) -> Cast:
    """People with films at full speed: of five pictures a second, a whole second is soon missing.

    They come with these films, too, who are in the room at the beginning.
    """
    return Cast(world, browsers, FilmStore(tmp_path, drawn=films))


async def test_a_session_is_handed_over_watched_and_stopped(
    world: World, cast: Cast, sitting: Sitting, tmp_path: Path
) -> None:
    learner, first = sitting.learner, sitting.console
    email, name = colleague_of(world, sitting.name)

    await a_supervisor_looks_in(cast, sitting)
    second = await cast.invigilator(TOM)
    await second.sign_in(email)
    await second.connected()
    await first.offer_to(name)
    await second.answer(sitting.name, "Accept")
    await second.camera_on()
    await goes_on_with(second, learner, name)
    await is_released(first, sitting.name, name)
    await is_stopped(second, learner)

    await second.attest()
    report = await world.report()
    assert report["outcome"] == "stopped"
    await the_record_tells_it(second, name)
    await the_recording_has_no_hole(world, second, tmp_path, sitting.earlier)


def colleague_of(world: World, learner: str) -> tuple[str, str]:
    """Return the address and the name of somebody else who invigilates."""
    return next(
        (email, name)
        for email, name in COLLEAGUES.items()
        if email != world.invigilator_of(learner)
    )


async def a_supervisor_looks_in(cast: Cast, sitting: Sitting) -> None:
    """Both in the room read it; who looks in sees and hears, and is not in anybody's way."""
    supervisor = await cast.invigilator()
    await supervisor.sign_in(SUPERVISOR)
    await supervisor.page.goto(f"{cast.world.service.url}/staff/console")
    await supervisor.connected()
    await supervisor.answer(sitting.name, "Look in")
    await supervisor.sees("the learner")
    await supervisor.sees_person(MARIA)
    await supervisor.hears("the learner")
    await sitting.learner.news("A supervisor, Ada Stone, is looking in.")
    await expect(sitting.console.page.get_by_text("Ada Stone looks in since")).to_be_visible(
        timeout=SOON_MS
    )
    await expect(supervisor.page.get_by_role("button", name="Stop")).to_have_count(0)
    await supervisor.page.get_by_role("button", name="Leave", exact=True).click()
    await sitting.learner.news("The supervisor, Ada Stone, has left.")
    await supervisor.page.context.close()


async def goes_on_with(second: Console, learner: LearnerPage, name: str) -> None:
    await second.in_state("In progress")
    await second.sees("the learner, after the hand-over")
    await second.sees_person(MARIA)
    await second.hears("the learner, after the hand-over")
    await learner.told("Your assessment is open")
    await learner.news(f"Your invigilator is now {name}.")
    await expect(learner.page.locator("#remote-name")).to_contain_text(name, timeout=SOON_MS)
    await learner.sees_person(TOM)
    await learner.hears("the colleague")
    await second.write("I have taken over.")
    await learner.reads("I have taken over.")


async def is_released(first: Console, learner: str, name: str) -> None:
    """The first is told, and sees and hears nothing any more."""
    await expect(first.page.get_by_text(f"{name} has taken over {learner}.")).to_be_visible(
        timeout=SOON_MS
    )
    await expect(first.page.locator("#stage-title")).to_have_count(0)
    await first.hears_nothing("the session is a colleague's")


async def is_stopped(second: Console, learner: LearnerPage) -> None:
    await second.stop(REASON)
    await learner.told("Stopped by your invigilator", REASON)
    after = learner.page.locator("#after")
    await expect(after).to_contain_text("What happens next")
    await expect(after).to_contain_text("Close the page of the assessment.")
    await expect(learner.page.get_by_role("link", name="Open the assessment")).to_be_hidden()


async def the_record_tells_it(console: Console, name: str) -> None:
    await console.open_record()
    page = console.page
    await expect(page.get_by_text("The record is whole.")).to_be_visible(timeout=SOON_MS)
    table = page.get_by_role("region", name="Everything that happened")
    for words in ("Ada Stone", name, REASON):
        await expect(table.get_by_text(words).first).to_be_attached()


async def the_recording_has_no_hole(
    world: World, console: Console, folder: Path, earlier: frozenset[str]
) -> None:
    every = values(world.rows("SELECT id FROM evidence WHERE kind = 'recording'"))
    [part] = set(every) - earlier
    path = await fetch(console.page, f"/staff/evidence/{part}", folder / "camera.webm")
    found = await probe(path)
    assert found.complaints == ""
    assert min(len(found.video), len(found.audio)) > 20
    assert found.longest_hole < HOLE_S
