"""Coming in at the Socket.IO edge, and being sent away: tickets, origins, frames, limits."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest
from socketio.exceptions import ConnectionError as Refused

from invigilation.desk.people import Kind
from invigilation.proof import Proof
from signalling import edge
from signalling.waiting import Waiting
from tests.harness.waiting import until
from tests.signalling.service import ORIGIN, service

__all__ = ["service"]


# Coming in


async def test_a_learner_joins_with_a_ticket_and_gets_the_state(service):
    page = await service.learner()

    answer = await page.say("join")

    assert answer["ok"] is True
    assert answer["state"]["session"] == service.session
    assert answer["state"]["role"] == "learner"


async def test_a_ticket_opens_one_connection_only(service):
    ticket = await service.learner_ticket()
    await service.connect(ticket)

    with pytest.raises(Refused):
        await service.connect(ticket)


async def test_who_has_joined_can_come_back_once_by_the_ticket_in_the_answer(service):
    joined = await (await service.learner()).say("join")
    service.scene.clock.go(3_600)

    back = await (await service.connect(joined["again"])).say("join")

    assert back["ok"] is True
    with pytest.raises(Refused):
        await service.connect(joined["again"])


async def test_a_way_back_ends_where_another_session_took_the_place_of_this_one(
    service, monkeypatch
):
    joined = await (await service.learner()).say("join")
    other = await service.second()

    async def latest(_self, _request):
        return other

    monkeypatch.setattr(type(service.scene.desk.bookings), "latest", latest)
    with pytest.raises(Refused):
        await service.connect(joined["again"])


async def test_staff_come_back_by_their_login_alone(service):
    assert "again" not in await (await service.staff()).say("join")


async def test_a_second_camera_whose_place_was_taken_has_no_way_back(service):
    await service.check_in()

    answer = await (await service.second_camera()).say("join")

    assert (answer["ok"], "again" in answer) == (True, False)


async def test_a_learner_has_one_way_back_at_a_time(service):
    first = await service.learner()
    joined, once_more = await first.say("join"), await first.say("join")

    elsewhere = await (await service.learner()).say("join")

    assert once_more["again"] == joined["again"]
    with pytest.raises(Refused):
        await service.connect(joined["again"])
    assert (await (await service.connect(elsewhere["again"])).say("join"))["ok"] is True


async def test_a_late_ticket_is_refused(service):
    ticket = await service.learner_ticket()
    service.scene.clock.go(31)

    with pytest.raises(Refused):
        await service.connect(ticket)


@pytest.mark.parametrize("ticket", [None, "", "made up", "ü" * 10, "x" * 1_000])
async def test_without_a_ticket_nobody_comes_in(service, ticket):
    with pytest.raises(Refused):
        await service.connect(ticket)


@pytest.mark.parametrize(
    "origin", [None, "", "https://evil.example", "http://exams.example.com", "null"]
)
async def test_pages_of_others_are_refused_before_the_ticket_is_looked_at(service, origin):
    ticket = await service.learner_ticket()

    with pytest.raises(Refused):
        await service.connect(ticket, origin)

    assert (await (await service.connect(ticket)).say("join"))["ok"] is True


async def test_polling_is_not_served(service):
    address = f"{service.url}/room/socket/?EIO=4&transport=polling"

    async with service.http.get(address, headers={"Origin": ORIGIN}) as answer:
        status = answer.status

    assert status == 400


async def test_a_connection_that_enters_nothing_is_closed(service, monkeypatch):
    monkeypatch.setattr(edge, "ENTER_S", 0.05)

    async with service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket", headers={"Origin": ORIGIN}
    ) as socket:
        seen = [message async for message in socket]

    assert seen[0].data.startswith("0")


@pytest.mark.parametrize("limit", ["WAITING_LIMIT", "OUTSIDE_LIMIT", "CONNECTION_LIMIT"])
async def test_who_has_a_ticket_finds_room_beside_those_that_have_none(service, monkeypatch, limit):
    monkeypatch.setattr(edge, limit, 3)
    address = f"{service.url}/room/socket/?EIO=4&transport=websocket"
    async with contextlib.AsyncExitStack() as stack:
        idle = [
            await stack.enter_async_context(
                service.http.ws_connect(address, headers={"Origin": ORIGIN})
            )
            for _ in range(3)
        ]
        for one in idle:
            await one.receive()

        lea, ann = await service.learner(), await service.staff()

        assert (await lea.say("join"))["ok"] is True
        assert (await ann.say("join"))["ok"] is True
        server = service.live._server
        assert len(server._within) == 2
        if limit != "CONNECTION_LIMIT":
            closing = await idle[0].receive(timeout=5)
            assert closing.type is not aiohttp.WSMsgType.TEXT or closing.data == "1"
    await until(lambda: len(server._links) == 2, 5, "the end of the idle ones")
    assert (len(server._outside), len(server._unjoined)) == (0, 0)


async def test_a_full_house_refuses_whoever_comes(service, monkeypatch):
    monkeypatch.setattr(edge, "CONNECTION_LIMIT", 1)
    staff = await service.staff()

    with pytest.raises(Refused):
        await service.learner()

    assert (await staff.say("join"))["ok"] is True


async def test_a_place_whose_connections_all_have_tickets_and_join_nothing_is_full(
    service, monkeypatch
):
    monkeypatch.setattr(edge, "WAITING_LIMIT", 1)
    lea = await service.learner()

    with pytest.raises(Refused):
        await service.learner()

    assert (await lea.say("join"))["ok"] is True
    assert await service.learner()


def test_the_place_with_most_waiting_gives_way_first_and_its_oldest():
    waiting = Waiting()
    for place, name in (("a", "1"), ("b", "2"), ("b", "3"), ("c", "4")):
        waiting.add(place, name)

    full = waiting.fullest()
    assert (full, waiting.oldest(full), len(waiting), waiting.count("a")) == ("b", "2", 4, 1)
    waiting.discard("b", "2")
    waiting.discard("b", "2")
    waiting.discard("a", "1")

    assert (waiting.oldest("b"), waiting.oldest("a"), len(waiting)) == ("3", None, 2)


async def test_a_learner_who_joins_nothing_is_closed_but_staff_may_wait(service, monkeypatch):
    monkeypatch.setattr(edge, "JOIN_S", 0.3)
    staff = await service.staff()

    learner = await service.learner()
    await asyncio.wait_for(learner.gone.wait(), 5)

    assert (await staff.say("join"))["ok"] is True


async def test_who_signs_out_is_closed_on_every_page_and_nobody_else(service):
    ann, also_ann, lea = await service.staff(), await service.staff(), await service.learner()

    service.live.signed_out(service.scene.ann.id)
    await asyncio.wait_for(asyncio.gather(ann.gone.wait(), also_ann.gone.wait()), 5)

    await lea.say("join")
    assert not lea.gone.is_set()


async def test_by_which_logins_the_staff_who_are_in_came_is_known_until_they_go(service):
    reception, ann = service.scene.desk.reception, service.scene.ann
    _, login = await reception.sign_in(Kind.STAFF, ann.id, Proof.CODE)
    ticket = await reception.ticket(Kind.STAFF, ann.id, None, login=login.token_sha256)
    page = await service.connect(ticket)
    await service.learner()

    inside = service.live.logins()
    await page.socket.disconnect()
    await until(lambda: not service.live.logins(), 5, "the connection to be forgotten")

    assert inside == {login.token_sha256}


async def test_a_learner_who_signs_out_is_closed_on_every_page_and_nobody_else(service):
    ann, lea = await service.staff(), await service.learner()
    await lea.say("join")

    service.live.signed_out(service.scene.sitting.request)
    await asyncio.wait_for(lea.gone.wait(), 5)

    await ann.say("join")
    assert not ann.gone.is_set()
    assert [one.id for one in service.live.staff()] == [service.scene.ann.id]


async def test_who_has_joined_is_not_closed_by_the_deadline(service):
    stays, _idle = await service.learner(), await service.learner()
    deadlines = [link.deadline for link in service.live._server._links.values()]
    before = [one.cancelled() for one in deadlines]

    await stays.say("join")

    assert (before, [one.cancelled() for one in deadlines]) == ([False, False], [True, False])


async def frames(service, *sent: str | bytes) -> list[str]:
    """Come in as a learner by hand, send frames, and return what comes until the end."""
    ticket = await service.learner_ticket()
    async with service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket", headers={"Origin": ORIGIN}
    ) as socket:
        await socket.receive()
        await socket.send_str('40/room,{"ticket":"' + ticket + '"}')
        await socket.receive()
        for one in sent:
            await (socket.send_bytes(one) if isinstance(one, bytes) else socket.send_str(one))
        return [str(message.data) async for message in socket]


@pytest.mark.parametrize(
    "frame",
    [
        '451-/room,1["chat",{"_placeholder":true,"num":0}]',
        '421-/room,["chat",{"session":"se_1"}]',
        '42/room,["connect",{},{"ticket":"x"}]',
        '42/room,["disconnect"]',
        "42/room,{}",
        "42/room,[]",
        "42/room,[1,2]",
        "42/room,1[[" + "[" * 30_000,
        "49/room,",
        "4nonsense",
        "4" + "[" * 30_000,
        "",
        "x",
        '42/room,["chat","' + "x" * 70_000 + '"]',
        b"\x04binary",
        "44/room,{}",
    ],
)
async def test_what_cannot_be_a_message_ends_the_connection(service, frame):
    other = await service.staff()

    async with asyncio.timeout(5):
        await frames(service, frame)

    assert (await other.say("join"))["ok"] is True


async def test_a_connection_that_ends_while_it_comes_in_leaves_nothing_behind(service, monkeypatch):
    live, reception = service.live, type(service.scene.desk.reception)
    use_ticket, release = reception.use_ticket, asyncio.Event()

    async def slow(self, token):
        await release.wait()
        return await use_ticket(self, token)

    monkeypatch.setattr(reception, "use_ticket", slow)
    ticket = await service.staff_ticket()
    coming = asyncio.ensure_future(service.connect(ticket, patience_s=1))
    await until(lambda: live._server._links, 5, "the connection")
    (eio_sid,) = live._server._links
    await live._server.eio.disconnect(eio_sid)
    release.set()
    with pytest.raises(Refused):
        await coming

    assert [*live._lines] == []
    assert live._lobby._staff == {}


async def test_a_flood_of_frames_ends_the_connection(service):
    frame = '42/room,["chat"]'

    async with asyncio.timeout(10):
        await frames(service, *[frame] * (int(edge.FRAMES_AT_ONCE) + 1))

    assert service.live._server._links == {}


async def test_a_second_attempt_to_enter_by_the_same_connection_takes_no_ticket(service):
    first, second = await service.learner_ticket(), await service.learner_ticket()
    async with service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket", headers={"Origin": ORIGIN}
    ) as socket:
        await socket.receive()
        for ticket in ("wrong", first):
            await socket.send_str('40/room,{"ticket":"' + ticket + '"}')
            assert (await socket.receive()).data.startswith("44")

    assert (await (await service.connect(second)).say("join"))["ok"] is True
    assert (await (await service.connect(first)).say("join"))["ok"] is True
