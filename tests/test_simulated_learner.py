"""The simulated learner: its manners alone, and a whole session beside a real console."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.album import LIMIT_BYTES, SIZES, Album, small_png
from tests.harness.films import Scene
from tests.harness.process import Process, ended
from tests.harness.service import ROOT
from tests.harness.waiting import until
from tests.journeys.cast import Cast
from tests.journeys.people import SOON_MS, Console
from tests.journeys.plain import book_plainly
from tests.journeys.steps import START
from tests.journeys.world import SOON_S, World
from tests.shots import FOLDER, MARIA, SCHEDULER, fill_the_week, stage, wait_for_card
from tests.simulated import manners
from tests.simulated.learner import document_of
from tests.simulated_learner import LINK_VARIABLE, link_of

MAIL = "maria.santos@example.org"
REFERENCE = "L-1001"
LINK = re.compile(r"http://localhost:\d+/r/\S+")


# --- manners ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("Please show me your ID.", "Here is my ID."),
        ("Could you hold up your passport?", "Here is my ID."),
        ("Did somebody come in?", "I am alone in my cabin."),
        ("Can you hear me?", "Yes, I hear you well."),
        ("Keep your hands on the table.", "All right, thank you."),
    ],
)
def test_a_line_gets_a_friendly_answer(line: str, answer: str) -> None:
    assert manners.answer(line) == answer


def test_only_a_word_for_a_document_asks_for_the_card() -> None:
    assert manners.asks_for_card("Your ID, please")
    assert not manners.asks_for_card("I did not hear you, what did you say?")


def test_a_resumed_session_is_not_a_new_beginning() -> None:
    assert manners.remark("identified", "in_progress") == "Thank you, I begin."
    assert manners.remark("paused", "in_progress") == "Thank you, I go on."
    assert manners.remark("in_progress", "in_progress") is None


def test_the_card_comes_up_again_and_again_only_while_identity_is_checked() -> None:
    body = manners.Body(checking=True)

    seen = {body.scene(second) for second in range(20)}

    assert seen == {Scene.CARD, Scene.FACE}
    body.checking = False
    assert {body.scene(second) for second in range(20)} == {Scene.FACE}


def test_the_card_is_shown_at_once_when_asked_for_and_put_down_for_the_face() -> None:
    body = manners.Body(checking=True)

    body.show_card(10.0)

    assert body.scene(11.0) is Scene.CARD
    body.show_face(20.0)
    assert {body.scene(20.0 + second) for second in range(10)} == {Scene.FACE}


def test_the_card_bears_the_learners_name() -> None:
    card = document_of("Ana Lucía de la Cruz")

    assert (card.surname, card.given_names) == ("CRUZ", "ANA LUCIA DE LA")


# --- its link -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "inherited", "typed", "link"),
    [
        ("http://a/r/1", "", "", "http://a/r/1"),
        ("", "http://a/r/2", "", "http://a/r/2"),
        ("-", "", "http://a/r/3\n", "http://a/r/3"),
        ("-", "http://a/r/2", "http://a/r/3\n", "http://a/r/3"),
        ("", "", "http://a/r/3\n", ""),
    ],
)
def test_the_link_comes_by_argument_environment_or_standard_input(
    monkeypatch: pytest.MonkeyPatch, argument: str, inherited: str, typed: str, link: str
) -> None:
    monkeypatch.setenv(LINK_VARIABLE, inherited)
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    assert link_of(argument) == link
    assert LINK_VARIABLE not in os.environ


# --- pictures -----------------------------------------------------------------------------------


def test_a_picture_is_made_to_fit() -> None:
    noise = Image.frombytes("RGB", (400, 300), os.urandom(400 * 300 * 3))

    data = small_png(noise)

    assert len(data) <= LIMIT_BYTES


# --- a whole session ----------------------------------------------------------------------------


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    """The seeded service and its backend, running; people come when they are called."""
    async with stage(tmp_path) as people:
        yield people
        assert people.browsers.unexpected() == []


async def booked_link(world: World) -> str:
    """Book a session and return the personal link out of the mail."""
    await book_plainly(world, REFERENCE, START)
    mail = await world.mailbox.wait_for(MAIL, seconds=SOON_S)
    text = mail.get_body(("plain",))
    assert text is not None
    found = LINK.search(text.get_content())
    assert found
    return found[0]


@contextlib.contextmanager
def simulated_learner(link: str, log: Path) -> contextlib.AbstractContextManager[Process]:
    command = [sys.executable, "-m", "tests.simulated_learner", "--work", "2"]
    environment = {**os.environ, LINK_VARIABLE: link}
    with ended(Process(command, log, environment=environment, directory=ROOT)) as learner:
        learner.start()
        yield learner


async def is_identified(console: Console) -> None:
    await expect(console.row(MARIA)).to_contain_text("Checked in", timeout=SOON_MS)
    await console.open(MARIA)
    await console.sees("the learner")
    await console.write("Please show me your ID.")
    await wait_for_card(console, up=True)
    await console.take("ID")
    await console.write("Please show me your face.")
    await wait_for_card(console, up=False)
    await console.take("face")
    await console.confirm()


@pytest.mark.journey
async def test_a_simulated_learner_attends_and_the_readmes_pictures_are_real(
    cast: Cast, tmp_path: Path
) -> None:
    world, album = cast.world, Album(tmp_path)
    # The console notices the killed service and asks again until it is back.
    cast.browsers.allow(
        r"ERR_(CONNECTION_RE(FUSED|SET)|SOCKET_NOT)|Connection closed|WebSocket connection"
    )
    link = await booked_link(world)
    await fill_the_week(world)
    world.time.go_to(START - timedelta(minutes=5))

    with simulated_learner(link, tmp_path / "learner.log") as learner:
        console = await cast.invigilator()
        await console.sign_in(world.invigilator_of(MARIA))
        await console.connected()
        await is_identified(console)
        await console.admit()
        await console.reads(manners.FINISHED)
        pictures = [await album.take(console.page, "console", "desk", whole=False)]
        await restarted(world, console)
        await console.end()
        await console.attest()
        await until(lambda: not learner.alive, SOON_S, "the learner to leave")
        code = learner.end()

    scheduler = await cast.scheduler()
    await scheduler.sign_in(SCHEDULER)
    await expect(scheduler.page.locator("#calendar")).to_contain_text("Santos", timeout=SOON_MS)
    pictures.append(await album.take(scheduler.page, "calendar", "desk"))
    log = (tmp_path / "learner.log").read_text()
    assert code == 0, log
    assert "Passed: 100 %" in log
    for picture in pictures:
        assert width_of(FOLDER / picture.name) == width_of(picture) == SIZES["desk"][0]
        assert (FOLDER / picture.name).stat().st_size <= LIMIT_BYTES


def width_of(path: Path) -> int:
    """Return a picture's width in pixels."""
    with Image.open(path) as image:
        return image.width


async def restarted(world: World, console: Console) -> None:
    """The service is killed and comes back; so does the learner, by itself."""
    console.world.service.kill()
    await world.service.start()
    await console.connected()
    await console.write("Are you there again? I hear you.")
    await console.reads("Yes, I hear you well.")
    await console.sees("the learner")
