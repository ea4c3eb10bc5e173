"""Attacks on the Socket.IO edge: attachments, floods, forged and repeated tickets, hoarding."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from pathlib import Path

import aiohttp
import pytest
from socketio.exceptions import ConnectionError as Refused

from signalling import edge
from signalling.forms import FORMS
from signalling.seat import OFFERS_AT_ONCE
from tests.builders import booked
from tests.harness.waiting import until
from tests.signalling.bodies import BODIES
from tests.signalling.service import ORIGIN, Service, serving

GROWTH = 50 * 1024 * 1024
ATTACHMENTS = 300
MALFORMED = 1_000


@pytest.fixture
async def service(tmp_path, sqlite_template):
    async with booked(tmp_path, sqlite_template) as scene, serving(scene) as one:
        yield one


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def by_hand(service: Service, origin: str = ORIGIN):
    return service.http.ws_connect(
        f"{service.url}/room/socket/?EIO=4&transport=websocket",
        headers={"Origin": origin} if origin else {},
    )


async def test_attachments_cannot_be_hoarded(service):
    other = await service.staff()
    before = resident()
    piece = b"\x04" + bytes(edge.FRAME_LIMIT - 1_024)
    for _ in range(3):
        async with by_hand(service) as socket:
            await socket.receive()
            await socket.send_str('40/room,{"ticket":"' + await service.learner_ticket() + '"}')
            await socket.receive()
            await socket.send_str(f'45{ATTACHMENTS}-/room,["chat",' + "{}]")
            with contextlib.suppress(ConnectionError):
                for _ in range(ATTACHMENTS):
                    await socket.send_bytes(piece)
            async with asyncio.timeout(5):
                async for _ in socket:
                    pass

    assert (await other.say("join"))["ok"] is True
    assert resident() - before < GROWTH


async def test_an_attachment_cannot_be_hoarded_before_the_ticket_either(service):
    async with by_hand(service) as socket:
        await socket.receive()
        await socket.send_str(f'45{ATTACHMENTS}-/room,["chat",' + "{}]")
        async with asyncio.timeout(5):
            async for _ in socket:
                pass

    assert service.live._server._links == {}


def malformed(dice: random.Random) -> str:
    """One frame that is a message of Socket.IO and none of this protocol."""
    event = dice.choice(sorted(FORMS))
    body = {"session": "se_1", **BODIES[event]}
    name = dice.choice(sorted(body))
    wrong = dice.choice([None, [], {}, -1, 1e300, "\x00", "x" * 3_000, {"a": [body]}, "\ud800"])
    body = dice.choice([{**body, name: wrong}, {name: wrong}, {**body, "more": wrong}, wrong])
    return "42/room," + dice.choice(["", "7"]) + json.dumps([dice.choice([event, "", "nó"]), body])


async def test_1000_malformed_messages_harm_nobody_else(service):
    """An attacker with good tickets, who comes back whenever they are thrown out."""
    await service.check_in()
    other, dice, before = await service.staff(), random.Random(8), resident()
    await other.say("join")
    frames = [malformed(dice) for _ in range(MALFORMED)]
    answers = []
    while frames:
        async with by_hand(service) as socket:
            await socket.receive()
            await socket.send_str('40/room,{"ticket":"' + await service.learner_ticket() + '"}')
            await socket.receive()
            burst, frames = frames[:250], frames[250:]
            for place, frame in enumerate(burst):
                await socket.send_str(frame)
                if place % 50 == 0:
                    told = {"camera": True, "microphone": True, "screen": False}
                    answers.append(await other.say("media", **told))

    assert len(answers) == MALFORMED / 50
    assert [answer for answer in answers if not answer["ok"]] == []
    assert resident() - before < GROWTH


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example", f"{ORIGIN}.evil.example", "http://exams.example"]
)
async def test_a_page_of_others_never_gets_to_show_a_ticket(service, origin):
    ticket = await service.learner_ticket()

    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with by_hand(service, origin):
            pass

    assert (await (await service.connect(ticket)).say("join"))["ok"] is True


async def test_a_ticket_that_was_overheard_is_worth_nothing(service):
    ticket = await service.learner_ticket()
    first = await service.connect(ticket)

    with pytest.raises(Refused):
        await service.connect(ticket)

    assert (await first.say("join"))["ok"] is True


async def test_one_place_cannot_take_all_connections(service, monkeypatch):
    monkeypatch.setattr(edge, "WAITING_LIMIT", 5)
    working = await service.staff()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(edge.WAITING_LIMIT + 3):  # its own oldest go
            await (await stack.enter_async_context(by_hand(service))).receive()

        links = service.live._server._links
        await until(lambda: len(links) == edge.WAITING_LIMIT + 1, 5, "the end of the oldest")
        assert (await working.say("join"))["ok"] is True
    await until(lambda: len(service.live._server._links) == 1, 5, "their end")
    assert (await (await service.learner()).say("join"))["ok"] is True


async def test_tickets_do_not_help_to_take_all_connections(service, monkeypatch):
    monkeypatch.setattr(edge, "WAITING_LIMIT", 3)
    idle = [await service.learner() for _ in range(3)]

    with pytest.raises(Refused):
        await service.learner()

    assert (await idle[0].say("join"))["ok"] is True
    assert (await (await service.learner()).say("join"))["ok"] is True


async def test_good_offers_without_end_make_only_so_many_connections(service):
    await service.check_in()
    made, answers = service.peers.made, []
    for _ in range(2):  # another connection of the same learner has no fresh budget
        page = await service.learner()
        await page.say("join")
        answers += [await page.say("offer", sdp="v=0\r\n") for _ in range(OFFERS_AT_ONCE)]

    refused = [one["error"]["code"] for one in answers if not one["ok"]]
    assert len(made) == OFFERS_AT_ONCE
    assert refused == ["busy"] * OFFERS_AT_ONCE
