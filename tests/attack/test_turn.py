"""The relay as operating.md has it set up: nobody gets through it to anything but this service."""

from __future__ import annotations

import asyncio

import pytest
from aioice import stun, turn

from tests.harness.service import ROOT
from tests.harness.turn import HERE, turn_server

pytestmark = pytest.mark.media
MEDIA = "203.0.113.10"
"""The service's media address in operating.md."""
ELSEWHERE = ["10.0.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.2", "8.8.8.8", "0.0.0.0"]
FORBIDDEN = 403


def settings() -> list[str]:
    """Return the lines of operating.md that say where the relay may send to, for this machine."""
    lines = (ROOT / "docs/operating.md").read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith(("denied-peer-ip", "allowed-peer-ip"))]
    return [line.replace(MEDIA, HERE) for line in found]


async def test_a_relay_that_follows_the_book_leads_to_the_service_alone() -> None:
    with turn_server(settings=settings()) as relay:
        name, password = relay.credentials()
        line, _ = await turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=(HERE, relay.port),
            username=name,
            password=password,
            transport="udp",
        )
        client = line._TurnTransport__inner_protocol
        codes = {}
        for number, peer in enumerate([HERE, *ELSEWHERE]):
            try:
                await client.channel_bind(0x4000 + number, (peer, 3478))
                codes[peer] = 0
            except stun.TransactionFailed as refused:
                codes[peer] = refused.response.attributes["ERROR-CODE"][0]
        line.close()

    assert codes == {HERE: 0, **dict.fromkeys(ELSEWHERE, FORBIDDEN)}


def test_the_book_denies_both_kinds_of_addresses_first() -> None:
    denied = [line for line in settings() if line.startswith("denied")]

    assert len(denied) == 2
    assert any(":" in line for line in denied)
