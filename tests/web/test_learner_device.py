"""A learner's device: bound at check-in, another asks first, and a lost cookie is one page more."""

from __future__ import annotations

import json
import re

import pytest

from invigilation.desk.people import Kind, digest
from invigilation.errors import NotSignedIn
from invigilation.proof import Proof
from invigilation.store.views import Sitting
from tests.web.office import ANA, START, Person, World
from web.auth.learner_device import DEVICE
from web.keys import RELAY


async def checked_in(world: World) -> tuple[Person, Sitting]:
    """A learner who has just checked in on this browser, and their sitting."""
    sitting = await world.booked()
    world.clock.move_to(START)
    learner = await world.learner(sitting.request)
    entered = await learner.post("/me/check-in", {"identity": "yes", "recording": "yes"})
    assert entered.to == "/me/room"
    return learner, sitting


async def ticket(learner: Person, session: str) -> int:
    """Ask for a ticket as the room's page does; return the answer's status."""
    token = (await learner.get("/me")).csrf
    headers = {"X-CSRF-Token": token}
    answer = await learner.ask("POST", "/room/ticket", json={"session": session}, headers=headers)
    return answer.status


async def kinds(world: World, session: str) -> list[str]:
    async with world.desk.office.store.read() as tx:
        return [one.kind for one in await tx.sessions.entries(session)]


async def test_check_in_binds_the_session_to_the_browser(world: World) -> None:
    learner, sitting = await checked_in(world)

    room = await learner.get("/me/room")

    assert 'id="boot"' in room.text
    assert await ticket(learner, sitting.session) == 200
    for part in ("HttpOnly", "Secure", "SameSite=Strict"):
        assert part in room.header("Set-Cookie")
    assert learner.cookies[DEVICE] not in room.text


async def test_another_device_is_asked_and_then_goes_on(world: World) -> None:
    phone, sitting = await checked_in(world)
    await phone.get("/me/room")
    laptop = await world.learner(sitting.request)

    asked = await laptop.get("/me/room")
    refused = await ticket(laptop, sitting.session)

    assert "Go on here instead?" in asked.words
    assert 'id="boot"' not in asked.text
    assert refused == 409
    assert "device_changed" not in await kinds(world, sitting.session)

    gone_on = await laptop.post("/me/device", {}, page="/me/room")
    room = await laptop.get(gone_on.to)
    before = await phone.get("/me/room")

    assert 'id="boot"' in room.text
    assert await ticket(laptop, sitting.session) == 200
    assert await ticket(phone, sitting.session) == 409
    assert "Go on here instead?" in before.words
    assert (await kinds(world, sitting.session)).count("device_changed") == 1


async def test_a_lost_cookie_is_one_page_more_and_no_locked_door(world: World) -> None:
    learner, sitting = await checked_in(world)
    await learner.get("/me/room")
    del learner.cookies[DEVICE]

    assert "Go on here instead?" in (await learner.get("/me/room")).words
    assert (await learner.post("/me/device", {}, page="/me/room")).to == "/me/room"

    assert 'id="boot"' in (await learner.get("/me/room")).text
    assert await ticket(learner, sitting.session) == 200


async def test_a_ticket_of_the_device_before_opens_nothing(world: World) -> None:
    phone, sitting = await checked_in(world)
    reception, device = world.desk.reception, digest(phone.cookies[DEVICE])
    laptop = await world.learner(sitting.request)
    await laptop.post("/me/device", {}, page="/me/room")

    # The phone had passed the check when the laptop took over; its ticket is written afterwards.
    late = await reception.ticket(Kind.LEARNER, sitting.request, sitting.session, device)

    with pytest.raises(NotSignedIn):
        await reception.use_ticket(late)


async def test_a_ticket_is_good_on_its_device_and_comes_back_there(world: World) -> None:
    phone, sitting = await checked_in(world)
    reception, token = world.desk.reception, (await phone.get("/me")).csrf
    headers, body = {"X-CSRF-Token": token}, {"session": sitting.session}
    given = await phone.ask("POST", "/room/ticket", json=body, headers=headers)

    used = await reception.use_ticket(json.loads(given.body)["ticket"])
    again = await reception.use_ticket(await reception.return_ticket(used))

    assert again.device == used.device == digest(phone.cookies[DEVICE])


async def test_a_ticket_whose_login_has_ended_opens_nothing(world: World) -> None:
    reception = world.desk.reception
    token, login = await reception.sign_in(Kind.STAFF, ANA.id, Proof.CODE)
    await reception.sign_out(token)

    # Ana's browser had passed the check when she signed out; its ticket is written afterwards.
    late = await reception.ticket(Kind.STAFF, ANA.id, None, login=login.token_sha256)

    with pytest.raises(NotSignedIn):
        await reception.use_ticket(late)


@pytest.mark.parametrize("cookie", ["", "short", "x" * 2_000, "with spaces in it, and more"])
async def test_a_cookie_that_is_none_of_ours_is_replaced(world: World, cookie: str) -> None:
    learner, sitting = await checked_in(world)
    learner.cookies[DEVICE] = cookie

    assert (await learner.post("/me/device", {}, page="/me/room")).to == "/me/room"

    assert learner.cookies[DEVICE] != cookie
    assert await ticket(learner, sitting.session) == 200


async def test_the_device_before_sends_no_picture_and_invites_no_camera(world: World) -> None:
    phone, sitting = await checked_in(world)
    laptop = await world.learner(sitting.request)
    await laptop.post("/me/device", {}, page="/me/room")
    token = (await phone.get("/me")).csrf
    headers = {"X-CSRF-Token": token}

    camera = await phone.ask("POST", "/me/second-camera", json={}, headers=headers)
    picture = await phone.ask("POST", "/room/captures", json={}, headers=headers)

    assert [camera.status, picture.status] == [409, 409]
    assert json.loads(picture.body)["error"]["code"] == "other_device"


async def test_a_session_that_was_checked_in_elsewhere_is_bound_by_the_first_room(
    world: World,
) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    await world.desk.sessions.check_in(sitting.session, ("identity", "recording"))
    learner, other = await world.learner(sitting.request), await world.learner(sitting.request)

    one = await learner.get("/me/room")
    two = await other.get("/me/room")

    assert re.search(r'id="boot"', one.text)
    assert "Go on here instead?" in two.words


async def test_before_check_in_and_afterwards_nobody_is_asked(world: World) -> None:
    sitting = await world.booked()
    world.clock.move_to(START)
    learner = await world.learner(sitting.request)

    assert (await learner.get("/me/room")).to == "/me/check-in"
    assert (await learner.post("/me/device", {}, page="/me")).to == "/me"


async def test_a_learner_who_signs_out_leaves_the_live_room_too(world: World) -> None:
    learner, sitting = await checked_in(world)
    told: list[str] = []
    world.app[RELAY]._hear["signed_out"] = told.append

    await learner.post("/me/sign-out", {})

    assert told == [sitting.request]
    assert (await learner.get("/me/room")).status == 401
