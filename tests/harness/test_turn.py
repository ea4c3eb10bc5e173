from __future__ import annotations

import asyncio

import pytest
from aioice import stun, turn

from tests.harness.turn import Relay, turn_server


async def allocate(relay: Relay, transport: str, name: str, password: str) -> str:
    """Ask for a relayed address; return its host."""
    line, _ = await turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=("127.0.0.1", relay.port),
        username=name,
        password=password,
        transport=transport,
    )
    host: str = line.get_extra_info("sockname")[0]
    line.close()
    return host


@pytest.mark.media
async def test_the_relay_serves_who_has_credentials_in_time_and_nobody_else() -> None:
    with turn_server() as relay:
        hosts = [await allocate(relay, way, *relay.credentials()) for way in ("udp", "tcp")]
        with pytest.raises(stun.TransactionFailed):
            await allocate(relay, "tcp", relay.credentials()[0], "guessed")
        with pytest.raises(stun.TransactionFailed):
            await allocate(relay, "tcp", *relay.credentials(valid_s=-1))
        log = relay.log

    assert hosts == ["127.0.0.1", "127.0.0.1"]
    assert log.count("ALLOCATE processed, success") == 2
    assert not relay.process.alive
