from __future__ import annotations

import asyncio
import ssl
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.harness.process import free_port
from tests.harness.profiles import Link, satellite
from tests.harness.ship import Ship, possible, ship
from tests.harness.shore import shore
from tests.harness.sounding import Echo
from tests.harness.waiting import until

pytestmark = pytest.mark.skipif(bool(possible()), reason=possible() or "a ship can be made")

PORT = 9
SLACK_MS = 60
"""How late a packet may be on a machine that does much else."""


@pytest.fixture
async def vessel() -> AsyncIterator[Ship]:
    async with ship() as one:
        yield one


@pytest.fixture
async def echo(vessel: Ship) -> AsyncIterator[Echo]:
    line, made = await asyncio.get_running_loop().create_datagram_endpoint(
        Echo, local_addr=(vessel.service_address, PORT)
    )
    yield made
    line.close()


async def test_a_round_trip_takes_what_the_profile_says(vessel: Ship, echo: Echo) -> None:
    await vessel.set(satellite(128, 700, 0.0))

    back = [one for one in await vessel.sound(PORT, 8, 100, 100) if one is not None]

    assert len(back) == 8
    assert 700 <= statistics.median(back) < 720 + SLACK_MS
    assert echo.seen == {vessel.address}


async def test_a_link_that_is_asked_for_too_much_queues_then_drops(
    vessel: Ship, echo: Echo
) -> None:
    await vessel.set(satellite(64, 20, 0.0))

    back = await vessel.sound(PORT, 40, 1_000, 1)  # 40 kB into a queue of 16 kB

    stats = await vessel.stats()
    came = [one for one in back if one is not None]
    assert stats.up.packets + stats.up.dropped_queue == 40
    assert 12 <= len(came) <= 24
    assert max(came) > 1_800
    assert 1.7 < stats.up.queue_max_s < 2.2
    assert stats.up.udp_bytes == stats.up.bytes == stats.up.packets * 1_028


async def test_an_outage_loses_everything_and_a_new_address_is_seen_ashore(
    vessel: Ship, echo: Echo
) -> None:
    await vessel.set(Link(satellite(256, 40, 0.0).up, satellite(256, 40, 0.0).down))
    await vessel.outage(True)
    sounding = asyncio.create_task(vessel.sound(PORT, 60, 60, 20))

    async def lost() -> int:
        return (await vessel.stats()).up.dropped_outage

    await until(lost, 10, "a datagram to be lost")
    await vessel.outage(False)
    back = await sounding
    assert back[0] is None
    assert back[-1] is not None

    address = await vessel.nat()
    assert None not in await vessel.sound(PORT, 3, 60, 20)

    assert echo.seen == {vessel.address, address}


async def test_blocked_udp_goes_nowhere_while_tls_does(vessel: Ship, echo: Echo) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application)
    await runner.setup()
    behind, port = free_port(), free_port()
    await web.TCPSite(runner, "127.0.0.1", behind).start()
    await vessel.block_udp()
    try:
        async with shore(vessel.service_address, port, behind) as front:
            assert await vessel.sound(PORT, 1, 60, 1) == [None]
            trusting = ssl.create_default_context(cafile=front.certificate.certificate)
            async with (
                aiohttp.ClientSession() as client,
                client.get(front.url, ssl=trusting) as answer,
            ):
                text = await answer.text()
            script = (
                f"import ssl, urllib.request as u; c = ssl.create_default_context(cafile="
                f"'{front.certificate.certificate}'); "
                f"print(u.urlopen('{front.url}', context=c).read().decode())"
            )
            on_board = await vessel.run(sys.executable, "-c", script)
    finally:
        await runner.cleanup()

    assert (text, on_board.strip()) == ("hello", "hello")
    assert echo.seen == set()
    stats = await vessel.stats()
    assert (stats.up.udp_bytes, stats.up.tcp_bytes > 0) == (0, True)


async def test_ships_do_not_meet_and_leave_nothing_behind() -> None:
    async with ship() as one, ship() as other:
        assert one.service_address != other.service_address
        assert {one.name, other.name} <= names()
        assert device(one).exists()
    assert not {one.name, other.name} & names()
    assert not device(one).exists()
    routes = await asyncio.to_thread(
        subprocess.check_output, ["ip", "route", "show", "table", "all"]
    )
    assert one.service_address.encode() not in routes


def names() -> set[str]:
    return {path.name for path in Path("/run/netns").iterdir()}


def device(vessel: Ship) -> Path:
    return Path(f"/sys/class/net/shore{vessel.service_address.split('.')[2]}")
