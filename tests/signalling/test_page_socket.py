"""The learner's page's own client of Socket.IO, beside the server that it speaks to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from engineio.async_socket import AsyncSocket
from engineio.packet import PONG, Packet

from signalling import edge
from tests.builders import booked
from tests.harness.service import ROOT
from tests.harness.waiting import until
from tests.signalling.service import ORIGIN, Service, serving

DRIVER = Path(__file__).with_name("page_socket.mjs")
ENDS_S = 30.0


@pytest.fixture
async def service(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    monkeypatch.setattr(edge, "PING_INTERVAL_S", 0.2)
    async with booked(tmp_path, sqlite_template) as scene, serving(scene) as one:
        yield one


async def begin(service: Service, *steps: tuple[Any, ...]) -> asyncio.subprocess.Process:
    """Let the page's client take these steps; it prints a line of JSON for each."""
    words = (str(ROOT / "web/ui"), service.url, ORIGIN, json.dumps(steps))
    return await asyncio.create_subprocess_exec(
        "node", str(DRIVER), *words, stdout=asyncio.subprocess.PIPE
    )


async def page(service: Service, *steps: tuple[Any, ...]) -> list[Any]:
    """Let the page's client take these steps to their end; return what came of each."""
    node = await begin(service, *steps)
    async with asyncio.timeout(ENDS_S):
        out, _ = await node.communicate()
    return [json.loads(line) for line in out.splitlines()]


async def test_ticket_and_messages_go_at_once_and_are_answered_in_order(service: Service) -> None:
    here = {"session": service.session}
    said = {**here, "text": "hello — ümlaut \U0001f600", "client_id": "abcdefgh"}

    burst = ("burst", await service.learner_ticket(), [("join", here), ("chat", said)])
    _, (joined, chatted), state, nonsense = await page(
        service, ("dial",), burst, ("next", "state"), ("ask", "nonsense", here)
    )

    assert joined["ok"] is True
    assert joined["state"]["role"] == "learner"
    assert chatted == {"ok": True, "seq": state["seq"]}
    assert state["chat"][-1]["text"] == said["text"]
    assert nonsense["ok"] is False


async def test_it_gives_signs_of_life_when_asked(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    receive = AsyncSocket.receive

    async def hear(self: AsyncSocket, packet: Packet) -> None:
        heard.append(packet.packet_type)
        await receive(self, packet)

    monkeypatch.setattr(AsyncSocket, "receive", hear)
    enters = ("enter", await service.staff_ticket())
    node = await begin(service, ("dial",), enters, ("entered",), ("next", "draining"))

    await until(lambda: heard.count(PONG) == 3, ENDS_S, "three signs of life")

    async with asyncio.timeout(ENDS_S):
        await service.live.drain()
        await node.communicate()


async def test_a_refused_ticket_ends_it_with_the_servers_words(service: Service) -> None:
    seen = await page(service, ("dial",), ("enter", "made up"), ("entered",), ("gone",))

    assert seen == [True, None, "This ticket is not valid.", False]


async def test_it_knows_at_once_that_the_server_has_gone(service: Service) -> None:
    enters = ("enter", await service.staff_ticket())
    steps = (("dial",), enters, ("entered",), ("next", "draining"), ("gone",))

    node = await begin(service, *steps)
    assert node.stdout
    async with asyncio.timeout(ENDS_S):
        for _ in range(3):
            await node.stdout.readline()
        await service.live.drain()
        told, _ = await node.communicate()

    assert [json.loads(line) for line in told.splitlines()] == [{}, False]
