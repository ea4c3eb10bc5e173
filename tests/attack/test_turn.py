"""The relay as operating.md has it set up: nobody gets through it to anything but this service."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from aioice import stun, turn

from tests.harness.service import ROOT
from tests.harness.turn import HERE, Relay, turn_server

pytestmark = pytest.mark.media
MEDIA = "203.0.113.10"
"""The service's media address in operating.md."""
ELSEWHERE = ["10.0.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.2", "8.8.8.8", "0.0.0.0"]
FORBIDDEN = 403
ASKED_TIMES = 20
QUOTA_REACHED = 486
"""RFC 8656, 18."""


def settings() -> list[str]:
    """Return the lines of operating.md that say where the relay may send to, for this machine."""
    lines = (ROOT / "docs/operating.md").read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith(("denied-peer-ip", "allowed-peer-ip"))]
    return [line.replace(MEDIA, HERE) for line in found]


def quotas() -> dict[str, str]:
    """Return what operating.md gives each person, and all of them, by the setting's name."""
    lines = (ROOT / "docs/operating.md").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines)
    names = {"user-quota", "total-quota", "max-bps"}
    found = {name: value for name, _, value in pairs if name in names}
    assert found.keys() == names
    return found


def allocate(line: socket.socket, relay: Relay, ticket: tuple[str, str]) -> int:
    """Ask for one more relayed way (RFC 8656, 7.1); return 0, or the code of the refusal."""
    name, password = ticket
    first = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
    first.attributes["REQUESTED-TRANSPORT"] = turn.UDP_TRANSPORT
    challenge = asked(line, relay, first)
    again = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
    again.attributes["REQUESTED-TRANSPORT"] = turn.UDP_TRANSPORT
    again.attributes["USERNAME"] = name
    again.attributes["NONCE"] = challenge.attributes["NONCE"]
    again.attributes["REALM"] = realm = challenge.attributes["REALM"]
    again.add_message_integrity(turn.make_integrity_key(name, realm, password))
    answer = asked(line, relay, again)
    refused = answer.message_class is stun.Class.ERROR
    return answer.attributes["ERROR-CODE"][0] if refused else 0


def asked(line: socket.socket, relay: Relay, message: stun.Message) -> stun.Message:
    """Ask, again and again as all clients do (RFC 8489, 6.2.1), until it is answered."""
    for _ in range(ASKED_TIMES):
        line.sendto(bytes(message), (HERE, relay.port))
        with contextlib.suppress(TimeoutError):
            while True:
                answer = stun.parse_message(line.recv(2_048))
                if answer.transaction_id == message.transaction_id:
                    return answer
    pytest.fail("the relay does not answer")


def ways(relay: Relay, tickets: list[tuple[str, str]]) -> list[int]:
    """Ask for a way by each of these tickets, from a port of its own."""
    with contextlib.ExitStack() as stack:
        codes = []
        for ticket in tickets:
            line = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            line.settimeout(1)
            codes.append(allocate(line, relay, ticket))
    return codes


def test_one_person_takes_no_more_of_the_relay_than_the_book_gives_them() -> None:
    quota = int(quotas()["user-quota"])
    with turn_server(settings=[f"{name}={value}" for name, value in quotas().items()]) as relay:
        # What stands before the name is when it runs out: a fresh ticket gives no fresh quota.
        greedy = [relay.credentials("greedy", 600 + n % 2) for n in range(quota + 2)]
        codes = ways(relay, [*greedy, relay.credentials("other")])

    assert codes == [0] * quota + [QUOTA_REACHED] * 2 + [0]


def test_all_people_together_take_no_more_than_the_book_gives_them() -> None:
    total = {**quotas(), "total-quota": "3"}
    with turn_server(settings=[f"{name}={value}" for name, value in total.items()]) as relay:
        codes = ways(relay, [relay.credentials(f"person_{n}") for n in range(5)])

    assert codes == [0] * 3 + [QUOTA_REACHED] * 2


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
