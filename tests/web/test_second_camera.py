"""A phone as second camera: the code, the button behind it, its page and its ticket."""

from __future__ import annotations

import json
from datetime import timedelta

import cv2
import numpy as np
import pytest

from invigilation.errors import NotSignedIn
from invigilation.store.views import Sitting
from tests.web.office import ANA, START, Answer, Person, World
from web.auth import cookies
from web.pages.second import qr_code


async def in_the_room(world: World, number: int = 1) -> tuple[Sitting, Person]:
    """Book a session and check its learner in."""
    sitting = await world.booked(number)
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    return sitting, await world.learner(sitting.request)


async def invited(learner: Person) -> Answer:
    """Press the button in the learner's room."""
    token = (await learner.get("/me/room")).csrf
    return await learner.ask("POST", "/me/second-camera", json={}, headers={"X-CSRF-Token": token})


async def path_of(learner: Person) -> str:
    """Return the path of a fresh link."""
    url = str(json.loads((await invited(learner)).body)["url"])
    return "/second/" + url.rpartition("/")[2]


def read(size: int, path: str) -> str:
    """Read a code as a phone's camera does, from its path data."""
    dots = np.full((size, size), 255, np.uint8)
    for stroke in path.split("M")[1:]:
        x, rest = stroke.split(" ")
        y, length = rest.split("h")
        assert y.endswith(".5")
        dots[int(float(y)), int(x) : int(x) + int(length)] = 0
    picture = np.kron(dots, np.ones((8, 8), np.uint8))
    return str(cv2.QRCodeDetector().detectAndDecode(picture)[0])


def test_a_code_can_be_read() -> None:
    url = f"https://invigilation.example.com/second/{'aB3-' * 10}xyz"

    size, path = qr_code(url)

    assert read(size, path) == url


async def test_the_learner_gets_a_link_and_its_code(world: World) -> None:
    _, learner = await in_the_room(world)

    answer = await invited(learner)

    told = json.loads(answer.body)
    assert answer.status == 200
    assert answer.header("Cache-Control") == "no-store"
    assert told["url"].startswith("http://localhost:8080/second/")
    assert told["minutes"] == 15
    assert read(told["size"], told["path"]) == told["url"]


async def test_no_link_before_check_in_or_after_the_end(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START - timedelta(minutes=20))
    learner = await world.learner(sitting.request)
    token = (await learner.get("/me")).csrf

    async def status() -> int:
        return (
            await learner.ask("POST", "/me/second-camera", json={}, headers={"X-CSRF-Token": token})
        ).status

    early = await status()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    meanwhile = await status()
    staff = await world.desk.reception.staff(sitting.staff)
    await world.desk.sessions.refuse(sitting.session, staff, "The document has run out.")

    assert (early, meanwhile, await status()) == (404, 200, 404)


async def test_opening_the_link_does_nothing_and_the_button_brings_the_phone_in_once(
    world: World,
) -> None:
    sitting, learner = await in_the_room(world)
    path = await path_of(learner)
    phone, thief = world.stranger(), world.stranger()
    for _ in range(2):
        assert "Use this phone" in (await thief.get(path)).words

    entered = await phone.post(path, {})
    again = await thief.post(path, {})

    assert entered.to == "/second"
    page = await phone.get("/second")
    assert f'"role": "second", "session": "{sitting.session}"' in page.text
    assert "camera=(self), microphone=(), display-capture=()" in page.header("Permissions-Policy")
    assert again.status == 410
    assert "This code does not work any more" in again.words
    assert cookies.SECOND not in thief.cookies


async def test_a_link_runs_out_and_a_newer_one_ends_it(world: World) -> None:
    _, learner = await in_the_room(world)
    older, newer = await path_of(learner), await path_of(learner)

    replaced = await world.stranger().post(older, {})
    world.clock.move_to(START.replace(minute=16))
    late = await world.stranger().post(newer, {})

    assert (replaced.status, late.status) == (410, 410)


async def test_the_phones_ticket_is_for_its_session_alone(world: World) -> None:
    sitting, learner = await in_the_room(world)
    other = await world.booked(2, START.replace(day=24))
    phone = world.stranger()
    await phone.post(await path_of(learner), {})
    token = (await phone.get("/second")).csrf

    async def ticket(session: str, csrf: str = token) -> Answer:
        return await phone.ask(
            "POST", "/room/ticket", json={"session": session}, headers={"X-CSRF-Token": csrf}
        )

    mine = await ticket(sitting.session)

    found = await world.desk.reception.use_ticket(json.loads(mine.body)["ticket"])
    assert (found.kind, found.session) == ("second", sitting.session)
    assert (await ticket(other.session)).status == 404
    assert (await ticket(sitting.session, "forged")).status == 403
    assert (await phone.get("/me")).status == 401
    assert (await phone.get("/staff/console")).to.startswith("/staff/sign-in")


async def test_the_phone_is_let_go_with_the_session(world: World) -> None:
    sitting, learner = await in_the_room(world)
    phone = world.stranger()
    await phone.post(await path_of(learner), {})
    staff = await world.desk.reception.staff(sitting.staff)

    await world.desk.sessions.refuse(sitting.session, staff, "The document has run out.")

    page = await phone.get("/second")
    assert page.status == 401
    assert "This phone is not connected" in page.words


async def test_a_link_that_never_was_is_refused(world: World) -> None:
    answer = await world.stranger().post("/second/" + "x" * 300, {})

    assert answer.status == 410
    with pytest.raises(NotSignedIn):
        await world.desk.reception.open_second_camera("x" * 43)


async def test_the_learner_needs_the_form_token(world: World) -> None:
    _, learner = await in_the_room(world)
    ana = await world.staff(ANA)

    forged = await learner.ask("POST", "/me/second-camera", json={})
    stranger = await ana.ask(
        "POST",
        "/me/second-camera",
        json={},
        headers={"X-CSRF-Token": (await ana.get("/staff/console")).csrf},
    )

    assert (forged.status, stranger.status) == (403, 401)
