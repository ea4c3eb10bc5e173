"""The Socket.IO edge: who may do what, and how messages of many find their room."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
import socketio

from invigilation.people import Role
from signalling import edge, namespace
from signalling.actor import MAILBOX_LIMIT
from signalling.forms import FORMS
from signalling.sdp import SdpRefused
from tests.builders import add_invigilator
from tests.harness.waiting import until
from tests.signalling.bodies import BODIES
from tests.signalling.service import service

__all__ = ["service"]


STRANGERS = {"a colleague": Role.INVIGILATOR, "a scheduler": Role.SCHEDULER}


# Who may do what


async def test_a_learner_may_send_only_what_learners_may(service):
    await service.check_in()
    page = await service.learner()
    await page.say("join")

    order = sorted(FORMS, key="leave".__eq__)  # once out, all is refused
    answers = {event: await page.say(event, **BODIES[event]) for event in order}

    refused = {e for e, a in answers.items() if not a["ok"] and a["error"]["code"] == "not_allowed"}
    thin = {"link", "still", "sound"}
    learners = {"join", "leave", "offer", "chat", "media", "hand", *thin}
    assert {event for event, answer in answers.items() if answer["ok"]} == learners
    assert refused == {*FORMS} - learners - {"done"}
    assert answers["done"]["error"]["code"] == "not_found"


@pytest.mark.parametrize("who", ["another learner", "a colleague", "a scheduler"])
async def test_nobody_may_do_anything_in_a_session_of_others(service, who):
    await service.check_in()
    if who == "another learner":
        page = await service.learner(await service.second())
        await page.say("join")
    else:
        staff = await add_invigilator(service.scene.desk, "Bob Baker", STRANGERS[who])
        page = await service.staff(staff)
    before = await service.scene.desk.sessions.view(service.session)

    answers = [await page.say(event, service.session, **BODIES[event]) for event in FORMS]

    assert {answer["error"]["code"] for answer in answers} == {"not_allowed"}
    assert await service.scene.desk.sessions.view(service.session) == before


async def test_nothing_is_done_before_joining(service):
    await service.check_in()
    page = await service.staff()

    outside = {"join", "take_over", "withdraw_handover"}
    answers = [await page.say(event, **BODIES[event]) for event in {*FORMS} - outside]

    assert {answer["error"]["code"] for answer in answers} == {"not_allowed"}


async def test_what_is_not_understood_is_refused_by_name(service):
    page = await service.learner()

    unknown = await page.say("attach")
    bare = await page.socket.call("join", namespace="/room", timeout=5)
    more = await page.say("join", more=1)

    codes = {answer["error"]["code"] for answer in (unknown, bare, more)}
    assert codes == {"invalid_input"}


# Together


async def test_messages_of_one_connection_keep_their_order(service):
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    texts = [f"line {number}" for number in range(25)]

    await asyncio.gather(
        *(
            lea.say("chat", text=text, client_id=f"client-{text}-".replace(" ", "_"))
            for text in texts
        )
    )

    state = await ann.heard("state", lambda body: len(body["chat"]) == len(texts))
    assert [line["text"] for line in state["chat"]] == texts


async def test_a_newer_page_takes_over_and_the_older_is_told_and_closed(service):
    older = await service.learner()
    await older.say("join")
    newer = await service.learner()

    answer = await newer.say("join")
    await asyncio.wait_for(older.gone.wait(), 5)

    assert answer["ok"] is True
    assert older.of("replaced") == [{"session": service.session}]
    assert not newer.gone.is_set()


async def test_a_connection_from_before_a_change_of_device_takes_no_seat_back(service):
    await service.check_in()
    devices = service.scene.desk.devices
    await devices.bind(service.session, "phone")
    spare, other = await service.learner(), await service.learner()
    assert (await other.say("join"))["ok"] is True
    service.scene.clock.go(1)
    await devices.take_over(service.session, "laptop")
    service.scene.clock.go(1)
    laptop = await service.learner()
    assert (await laptop.say("join"))["ok"] is True

    with contextlib.suppress(socketio.exceptions.SocketIOError):  # closed before it is answered
        assert (await spare.say("join"))["error"]["code"] == "not_signed_in"
    await asyncio.wait_for(spare.gone.wait(), 5)

    assert spare.of("replaced") == [{"session": service.session}]
    assert laptop.of("replaced") == []
    assert (await laptop.say("hand", raised=True))["ok"] is True


async def test_after_a_loss_the_state_is_whole_again(service):
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    await lea.socket.disconnect()
    await ann.heard("state", lambda body: body["learner"]["present"] is False)
    await ann.say("chat", text="Are you there?", client_id="client-0001")

    back = await service.learner()
    state = (await back.say("join"))["state"]

    assert [line["text"] for line in state["chat"]] == ["Are you there?"]
    await ann.heard("state", lambda body: body["seq"] >= state["seq"])


async def test_two_rooms_do_not_see_each_other(service):
    other = await service.second()
    lea, max_ = await service.learner(), await service.learner(other)
    await lea.say("join")
    await max_.say("join")

    await lea.say("chat", text="Only here", client_id="client-0001")
    answer = await max_.say("join")

    assert answer["state"]["chat"] == []
    assert all(body["session"] == other.session for body in max_.of("state"))


async def test_a_slow_room_holds_no_other_room_up(service, monkeypatch):
    other = await service.second()
    await service.check_in()
    lea, max_ = await service.learner(), await service.learner(other)
    await lea.say("join")
    await max_.say("join")
    release = asyncio.Event()
    answer = service.peers.answer

    async def slow(*offer):
        await release.wait()
        return await answer(*offer)

    monkeypatch.setattr(service.peers, "answer", slow)
    waiting = asyncio.ensure_future(lea.say("offer", sdp="v=0\r\n"))

    line = await max_.say("chat", text="Hello", client_id="client-0001")
    done = waiting.done()
    release.set()

    assert line["ok"] is True
    assert not done
    assert (await waiting)["ok"] is True


async def test_a_voice_does_not_wait_for_a_picture(service):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    await lea.say("offer", sdp="v=0\r\n")
    peer = service.peers.made[-1]
    peer.send()
    peer.connected.set()
    peer.hold = asyncio.Event()
    await until(lambda: peer.sources is not None and peer.connected.is_set(), 5, "media")
    taking = asyncio.ensure_future(ann.say("snapshot", kind="face"))
    await lea.heard("sharpen")

    said = await ann.say("sound", **BODIES["sound"])
    done = taking.done()
    peer.hold.set()

    assert said["ok"] is True
    assert not done
    await taking


async def test_too_many_messages_are_busy_and_the_connection_stays(service):
    page = await service.learner()
    await page.say("join")

    answers = [
        await page.say("media", camera=True, microphone=True, screen=False)
        for _ in range(int(namespace.MESSAGES_AT_ONCE))
    ]
    service.scene.clock.go(1)

    assert [answer["ok"] for answer in answers].count(False) == 1
    assert answers[-1]["error"]["code"] == "busy"
    assert (await page.say("media", camera=True, microphone=True, screen=False))["ok"] is True


async def test_a_full_mailbox_is_busy(service, monkeypatch):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    release = asyncio.Event()
    taken = asyncio.Event()

    async def slow(*_):
        taken.set()
        await release.wait()
        raise SdpRefused("Too late.")

    monkeypatch.setattr(service.peers, "answer", slow)
    offer = asyncio.ensure_future(lea.say("offer", sdp="v=0\r\n"))
    room = service.live.rooms._rooms[service.session]
    await asyncio.wait_for(taken.wait(), 5)
    for _ in range(MAILBOX_LIMIT):
        room.look()

    answer = await ann.say("media", camera=True, microphone=True, screen=False)
    release.set()
    await offer

    assert answer["error"]["code"] == "busy"


async def test_a_learner_who_floods_a_room_that_works_leaves_place_for_the_invigilator(
    service, monkeypatch
):
    await service.check_in()
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")
    await ann.say("join")
    release = asyncio.Event()
    taken = asyncio.Event()

    async def slow(*_):
        taken.set()
        await release.wait()
        raise SdpRefused("Too late.")

    monkeypatch.setattr(service.peers, "answer", slow)
    offer = asyncio.ensure_future(lea.say("offer", sdp="v=0\r\n"))
    await asyncio.wait_for(taken.wait(), 5)
    flood = [asyncio.ensure_future(lea.say("still", **BODIES["still"])) for _ in range(100)]
    refused = await asyncio.wait(flood[namespace.AT_ONCE_WAITING :], timeout=5)
    said = asyncio.ensure_future(ann.say("media", camera=True, microphone=True, screen=False))
    release.set()

    assert (await said)["ok"] is True
    assert {one.result()["error"]["code"] for one in refused[0]} == {"busy"}
    assert not refused[1]
    await asyncio.gather(offer, *flood)


async def test_a_connection_that_does_not_read_is_closed(service, monkeypatch):
    monkeypatch.setattr(namespace, "OUTBOX_LIMIT", 0)
    page = await service.learner()
    await page.say("join")

    body = {"session": service.session, "camera": True, "microphone": True, "screen": False}
    await page.socket.emit("media", body, namespace="/room")

    await asyncio.wait_for(page.gone.wait(), 5)


async def test_the_lobby_shows_today_and_who_is_there(service):
    ann = await service.staff()
    first = await ann.heard("lobby")
    lea = await service.learner()
    await lea.say("join")

    later = await ann.heard("lobby", lambda body: body["sessions"][0]["present"])

    assert [one["session"] for one in first["sessions"]] == [service.session]
    assert first["sessions"][0]["present"] is False
    assert later["sessions"][0]["since"] is not None
    assert lea.of("lobby") == []


async def test_an_open_lobby_notes_that_the_invigilator_is_ready(service):
    ann = await service.staff()
    await ann.heard("lobby")

    async with service.scene.desk.office.store.read() as tx:
        moments = await tx.sessions.moments(service.session, "invigilator_ready")

    assert len(moments) == 1


async def test_draining_tells_everybody_and_closes(service):
    lea, ann = await service.learner(), await service.staff()
    await lea.say("join")

    await service.live.drain()

    await asyncio.wait_for(asyncio.gather(lea.gone.wait(), ann.gone.wait()), 5)
    assert lea.of("draining") == [{}]
    assert ann.of("draining") == [{}]


def test_no_origin_at_all_is_no_configuration():
    for origins in ([], ["*"]):
        with pytest.raises(ValueError, match="origins"):
            edge.EdgeServer(origins, None)
