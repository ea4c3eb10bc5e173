"""One invigilator watches four learners: each in a room of their own, out of the others' reach."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.harness.firefox import firefox
from tests.harness.people import Person
from tests.journeys.cast import ERIK, Cast
from tests.journeys.firefoxes import FirefoxLearner
from tests.journeys.people import SOON_MS, Console, LearnerPage
from tests.journeys.plain import book_plainly
from tests.journeys.puppets import Puppet, puppets
from tests.journeys.steps import START
from tests.journeys.world import World

pytestmark = [pytest.mark.journey, pytest.mark.pictureless]

INVIGILATOR = "ana.reyes@example.org"
NAMES = {
    "L-1001": "Maria Santos",
    "L-1002": "Arjun Nair",
    "L-1003": "Olena Koval",
    "L-1005": "Erik Lindqvist",
}
MARIA, ARJUN, OLENA, ERIKS = NAMES.values()
LOOKS = {
    ARJUN: Person(surname="NAIR", given_names="ARJUN", seed=6, sex="M"),
    OLENA: Person(surname="KOVAL", given_names="OLENA", seed=7),
    ERIKS: ERIK,
}
"""Three walls of three colours; the camera of Firefox shows none."""
NOTICE = "The office tests its fire alarm at ten. Stay where you are."
OF_STAFF = {"identity", "incidents", "inspections", "gaps", "handover"}


@dataclass(frozen=True, slots=True)
class Room:
    """Four learners, each of another kind, and their invigilator."""

    maria: FirefoxLearner
    arjun: Puppet
    olena: Puppet
    erik: LearnerPage
    console: Console


@pytest.fixture
async def four(world: World, cast: Cast, tmp_path: Path) -> AsyncIterator[Room]:
    """Everybody is here; the console has opened all four by itself."""
    links = {name: await book_plainly(world, ref, START) for ref, name in NAMES.items()}
    world.all_watched_by(INVIGILATOR)
    world.time.go_to(START - timedelta(minutes=5))
    simple = {name: links[name] for name in (ARJUN, OLENA)}
    async with firefox(tmp_path / "firefox") as browser, puppets(simple, LOOKS) as present:
        maria = FirefoxLearner(browser, world)
        await maria.come(links[MARIA])
        erik = await cast.learner(ERIK)
        await erik.enter(links[ERIKS])
        await erik.check_in()
        await erik.join()
        console = await cast.invigilator()
        await console.sign_in(INVIGILATOR)
        await console.connected()
        await console.camera_on()
        yield Room(maria, present[ARJUN], present[OLENA], erik, console)


async def test_four_learners_are_watched_at_once_and_know_nothing_of_each_other(
    four: Room, world: World
) -> None:
    console = four.console
    await expect(console.page.locator(".tile")).to_have_count(4, timeout=SOON_MS)
    await console.sees_all(LOOKS)

    await only_who_is_in_focus_hears(four)
    await a_notice_reaches_all(four)
    await what_is_written_stays_with_one(four)
    await trouble_rises(four)
    await nobody_has_got_anything_of_another(four)


async def only_who_is_in_focus_hears(four: Room) -> None:
    console = four.console
    await four.erik.told("Your invigilator Ana Reyes is here and will come to you", "Please wait.")
    await console.open(ERIKS)
    await four.erik.told("Hold your ID to the camera")
    await console.hears(ERIKS)
    await four.erik.sees("the invigilator")
    await four.erik.hears("the invigilator")
    await four.maria.hears_nothing("another learner is in focus")
    await console.open(MARIA)
    await four.maria.hears("the invigilator")
    await four.erik.hears_nothing("another learner is in focus now")
    await four.erik.told("Hold your ID to the camera")  # what was begun goes on
    await expect(console.tile(MARIA)).to_contain_text("Hears you")
    await expect(console.tile(ERIKS)).not_to_contain_text("Hears you")


async def a_notice_reaches_all(four: Room) -> None:
    await four.console.notice_to_all(NOTICE)
    await four.erik.reads_notice(NOTICE)
    await four.maria.browser.reads("#asks .ask", NOTICE)
    await four.maria.browser.press("I have read it")
    for puppet in (four.arjun, four.olena):
        await puppet.told("the notice", lambda state: state["chat"])
        assert [(line["text"], line["notice"]) for line in puppet.state["chat"]] == [(NOTICE, True)]


async def what_is_written_stays_with_one(four: Room) -> None:
    console = four.console
    for name in (MARIA, ARJUN, OLENA, ERIKS):
        await console.open(name)
        await console.write(f"Only for {name}.")
    await four.maria.write("From Maria alone.")
    await console.open(MARIA)
    await console.reads("From Maria alone.")
    for page, mine in ((four.maria, MARIA), (four.erik, ERIKS)):
        await page.reads(f"Only for {mine}.")
        written = str(await page.page.evaluate("() => document.body.textContent"))
        assert not [name for name in NAMES.values() if name != mine and name in written]
    for puppet, mine in ((four.arjun, ARJUN), (four.olena, OLENA)):
        await puppet.told("the line", lambda state: len(state["chat"]) > 1)
        assert puppet.lines == [NOTICE, f"Only for {mine}."]


async def trouble_rises(four: Room) -> None:
    console = four.console
    camera = four.olena.camera
    assert camera is not None
    camera.seen = False
    await console.needed_by(OLENA, "Picture black")
    await four.arjun.raise_hand()
    await console.needed_by(ARJUN, "Hand raised")
    await expect(console.tile(ARJUN)).to_contain_text("Hand raised")
    order = await console.page.locator(".tile-name").all_text_contents()
    assert order == sorted(order), "a tile has moved"
    await console.open(ARJUN)
    await console.page.keyboard.press("h")
    await four.arjun.told("the hand to be down", lambda state: state["learner"]["hand"] is None)
    await console.needed_by(OLENA, "Picture black")


async def nobody_has_got_anything_of_another(four: Room) -> None:
    for puppet, mine in ((four.arjun, ARJUN), (four.olena, OLENA)):
        received = json.dumps(puppet.states)
        assert not [name for name in NAMES.values() if name != mine and name in received]
        assert {state["session"] for state in puppet.states} == {puppet.state["session"]}
        assert not OF_STAFF & {key for state in puppet.states for key in state}
