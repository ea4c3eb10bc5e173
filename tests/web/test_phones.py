"""Phones as the only device: allowed, or sent to a computer in plain words."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from invigilation.session import SessionState
from invigilation.store.rows import assessment
from tests.web.office import START, Person, World

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)
COMPUTER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOTH = {"identity": "yes", "recording": "yes"}


async def learner_on(world: World, device: str, *, phones: bool) -> tuple[Person, str]:
    """Book a session, open check-in, and let the learner come with this browser."""
    sitting = await world.booked()
    async with world.desk.office.store.write() as tx:
        change = update(assessment).values(phone_allowed=phones)
        await tx.requests._db.execute(change)
    world.clock.move_to(START)
    learner = await world.learner(sitting.request)
    learner.headers["User-Agent"] = device
    return learner, sitting.session


@pytest.mark.parametrize(("device", "phones"), [(PHONE, True), (COMPUTER, True), (COMPUTER, False)])
async def test_a_device_that_will_do_checks_in(world: World, device: str, *, phones: bool) -> None:
    learner, _ = await learner_on(world, device, phones=phones)

    answer = await learner.post("/me/check-in", BOTH)

    assert answer.to == "/me/room"
    assert (await learner.get("/me/room")).text.count('id="boot"') == 1


async def test_a_phone_that_will_not_do_is_sent_to_a_computer(world: World) -> None:
    learner, session = await learner_on(world, PHONE, phones=False)

    page = await learner.get("/me/check-in")
    answer = await learner.post("/me/check-in", BOTH)

    assert "Please use a computer" in page.words
    assert "It can be your second camera" in page.words
    assert "until Monday 23 November 2026, 18:15 your time" in page.words
    assert answer.to == "/me/check-in"
    async with world.desk.office.store.read() as tx:
        assert START in await tx.sessions.moments(session, "page_opened")
    view = await world.desk.sessions.view(session)
    assert view.session.state is SessionState.SCHEDULED


async def test_a_phone_does_not_take_the_room_over_from_the_computer(world: World) -> None:
    learner, _ = await learner_on(world, COMPUTER, phones=False)
    await learner.post("/me/check-in", BOTH)
    learner.headers["User-Agent"] = PHONE

    page = await learner.get("/me/room")

    assert "Please use a computer" in page.words
    assert 'id="boot"' not in page.text


@pytest.mark.parametrize(
    ("phones", "said"), [(True, "a computer or a phone"), (False, "a computer")]
)
async def test_the_learner_is_told_beforehand(world: World, *, phones: bool, said: str) -> None:
    learner, _ = await learner_on(world, COMPUTER, phones=phones)

    page = await learner.get("/me")

    assert f"{said} with camera and microphone" in page.words
