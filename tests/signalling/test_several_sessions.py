"""Several sessions over one connection, and others than learner and invigilator."""

from __future__ import annotations

import asyncio

from invigilation.desk.people import Kind
from invigilation.people import Role
from invigilation.store.logins import Ticket
from signalling import namespace
from signalling.sdp import SdpRefused
from signalling.seat import Person
from tests.builders import FixedClock, add_invigilator
from tests.harness.waiting import until
from tests.signalling.service import service

__all__ = ["service"]


# Several sessions over one connection


async def test_a_slow_command_of_one_session_holds_no_other_session_up(service, monkeypatch):
    other = await service.second()
    await service.check_in()
    ann = await service.staff()
    for session in (service.session, other.session):
        assert (await ann.say("join", session))["state"]["role"] == "invigilator"
    release = asyncio.Event()
    answer = service.peers.answer

    async def slow(*offer):
        await release.wait()
        return await answer(*offer)

    monkeypatch.setattr(service.peers, "answer", slow)
    offer = asyncio.ensure_future(ann.say("offer", sdp="v=0\r\n"))
    after = asyncio.ensure_future(ann.say("chat", text="After the offer", client_id="client-0001"))

    line = await ann.say("chat", other.session, text="Hello", client_id="client-0002")
    during = offer.done(), after.done()
    release.set()

    assert line["ok"] is True
    assert during == (False, False)
    assert (await offer)["ok"] is True
    assert (await after)["ok"] is True


async def test_coming_into_a_dozen_rooms_at_once_is_not_too_fast(service):
    ann = await service.staff()
    sessions = [f"se_{number}" for number in range(12)]
    media = {"camera": True, "microphone": True, "screen": False}

    answers = await asyncio.gather(
        *(ann.say("join", session) for session in sessions),
        *(ann.say("offer", session, sdp="v=0\r\n") for session in sessions),
        *(ann.say("media", session, **media) for session in sessions),
    )

    assert {answer["error"]["code"] for answer in answers} == {"not_found", "not_allowed"}


async def test_too_many_messages_about_many_sessions_are_busy_too(service):
    page = await service.staff()

    codes = [
        (await page.say("leave", f"se_{number}"))["error"]["code"]
        for number in range(int(namespace.ALL_MESSAGES_AT_ONCE) + 1)
    ]
    service.scene.clock.go(1)

    assert codes.count("busy") == 1
    assert codes[-1] == "busy"
    assert (await page.say("join"))["ok"] is True


async def test_more_messages_than_can_be_handled_at_once_are_busy(service, monkeypatch):
    monkeypatch.setattr(namespace, "MESSAGES_WAITING", 3)
    await service.check_in()
    page = await service.learner()
    await page.say("join")
    release = asyncio.Event()

    async def slow(*_):
        await release.wait()
        raise SdpRefused("Too late.")

    monkeypatch.setattr(service.peers, "answer", slow)
    waiting = [asyncio.ensure_future(page.say("offer", sdp="v=0\r\n")) for _ in range(3)]
    (sid,) = service.live._lines
    line = service.live._lines.find(sid)
    await until(lambda: line.waiting == 3, 5, "three messages that wait")

    refused = await page.say("hand", raised=True)
    release.set()
    await asyncio.gather(*waiting)

    assert refused["error"]["code"] == "busy"
    assert (await page.say("hand", raised=True))["ok"] is True


async def test_a_connection_that_names_many_sessions_is_not_remembered_for_all():
    clock = FixedClock()
    ticket = Ticket("", Kind.STAFF, "st_bob", None, clock.now())
    line = namespace.Line(Person("bob"), ticket, "eio", clock, clock.now())

    for number in range(500):
        async with line.turn(f"se_{number}"):
            pass

    assert len(line._lanes) <= namespace.LANES_KEPT + 1


async def test_a_session_is_taken_over_from_the_lobby_and_joined(service):
    await service.check_in()
    bob = await add_invigilator(service.scene.desk, "Bob Baker")
    ann, page, lea = await service.staff(), await service.staff(bob), await service.learner()
    await ann.say("join")
    await lea.say("join")
    refused = await page.say("take_over")
    await ann.say("hand_over", to=bob.id)
    await page.heard("lobby", lambda body: [one["role"] for one in body["sessions"]] == ["offered"])

    taken = await page.say("take_over")
    joined = await page.say("join")

    assert refused["error"]["code"] == "not_allowed"
    assert (taken, joined["state"]["role"]) == ({"ok": True}, "invigilator")
    assert await ann.heard("released") == {"session": service.session, "to": "Bob Baker"}
    await page.heard("lobby", lambda body: [one["role"] for one in body["sessions"]] == ["mine"])
    await ann.heard("lobby", lambda body: body["sessions"] == [])
    assert (await ann.say("pause", reason="No"))["error"]["code"] == "not_allowed"
    assert not ann.gone.is_set()


async def test_a_second_camera_comes_in_by_its_ticket_and_may_do_little(service):
    await service.check_in()
    camera = await service.second_camera()

    state = (await camera.say("join"))["state"]
    offer = await camera.say("offer", sdp="v=0\r\n")
    refused = await camera.say("chat", text="Hello", client_id="client-0001")

    assert (state["role"], offer["ok"]) == ("second", True)
    assert refused["error"]["code"] == "not_allowed"
    assert camera.of("lobby") == []


async def test_an_administrator_looks_in(service):
    await service.check_in()
    sue = await add_invigilator(service.scene.desk, "Sue Supreme", Role.ADMINISTRATOR)
    lea, page = await service.learner(), await service.staff(sue)
    await lea.say("join")

    state = (await page.say("join"))["state"]
    refused = await page.say("pause", reason="No")

    assert state["role"] == "supervisor"
    assert refused["error"]["code"] == "not_allowed"
    await lea.heard("state", lambda body: body["supervisor"] is not None)


async def test_a_picture_that_takes_long_keeps_its_place_before_what_is_said_after_it(service):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    await lea.say("offer", sdp="v=0\r\n")
    (peer,) = service.peers.made
    peer.hold = asyncio.Event()
    peer.send()
    peer.connected.set()
    await ann.heard("state", lambda body: body["learner"]["media"] == "live")
    picture = asyncio.ensure_future(ann.say("snapshot", kind="face"))
    await lea.heard("sharpen")
    after = asyncio.ensure_future(ann.say("chat", text="After", client_id="client-0001"))

    for number in range(3):
        await lea.say("chat", text="Still here", client_id=f"client-1{number:03}")
    during = picture.done(), after.done()
    peer.hold.set()

    assert during == (False, False)
    assert (await picture)["ok"] is True
    assert (await after)["ok"] is True
