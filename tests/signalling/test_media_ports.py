"""The one port that all media share is taken before anybody comes."""

from __future__ import annotations

import contextlib
import socket

import pytest
from aiohttp import web

from signalling.live import RtcPeers
from signalling.peer import MediaSettings
from signalling.udp import SharedDoors
from web.app import application
from web.house import open_house
from web.settings import Settings, Unable

OURS, ELSEWHERE = "127.0.0.1", "192.0.2.1"
"""A router has the second (RFC 5737): it is none of this machine's."""


@pytest.fixture
def taken():
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind((OURS, 0))
        yield other.getsockname()[1]


@pytest.fixture
def free() -> int:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("0.0.0.0", 0))
        return int(other.getsockname()[1])


async def test_a_port_that_somebody_has_is_told_at_once(taken):
    peers = RtcPeers(MediaSettings(host_addresses=(OURS,), port=taken))

    with pytest.raises(OSError, match="in use"):
        peers.open()


async def test_what_was_bound_before_the_refusal_is_given_back(taken):
    doors = SharedDoors(taken)

    with pytest.raises(OSError, match="in use"):
        doors.bind(("127.0.0.2", OURS))

    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.2", taken))


@pytest.mark.parametrize("addresses", [(OURS, ELSEWHERE), (ELSEWHERE, OURS)])
async def test_a_routers_address_and_an_own_one_share_the_port(free, addresses):
    doors = SharedDoors(free)
    doors.bind(addresses)
    try:
        assert [doors.open(one).port for one in addresses] == [free, free]
    finally:
        doors.close()


async def test_without_one_port_nothing_is_taken_at_the_start():
    RtcPeers(MediaSettings(host_addresses=(ELSEWHERE,))).open()


async def test_the_service_does_not_start_on_a_taken_port_and_says_so(tmp_path, taken):
    settings = Settings(var=tmp_path, media_addresses=(OURS,), media_port=taken)
    runner = web.AppRunner(application(open_house(settings)))
    try:
        with pytest.raises(Unable, match=f"UDP port {taken} .* INVIGILATION_MEDIA_PORT"):
            await runner.setup()
    finally:
        await runner.cleanup()
