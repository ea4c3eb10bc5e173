"""Addresses that others name must not lead into the house: every edge that takes one.

A listener on this machine stands for whatever is inside; nobody may come to it.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from invigilation.edx import Platform as EdxPlatform
from tests.builders import FixedClock
from tests.harness.service import ROOT
from web import timestamps
from web.backends.edx.lms import Lms
from web.backends.lti.keys import ToolKey
from web.backends.lti.wire import PlatformAway, Wire
from web.backends.webhook import Delivery, Endpoint, Retry, deliver
from web.calendars.busy import Fault, fetch
from web.outward import open_client

SECRET = "whsec_" + "QUFB" * 8
MANY_NAMES = "rebinding.example"
"""A name that is public at the first look and this machine at the second."""
INSIDE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://127.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://public.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@public.example/",
    f"http://{MANY_NAMES}:{{port}}/",
    f"https://{MANY_NAMES}:{{port}}/",
    "http://127.0.0.1.:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
]
OPENED_BESIDE = {
    "web/outward.py": "the guarded client itself",
    "web/demonstration.py": "asks the demonstration's own service whether it is ready",
}
"""Modules that make an HTTP client; every other one is given a guarded one."""


class Resolver(AbstractResolver):
    """Resolves every name to this machine, as a name server of the attacker's would."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Inside:
    """What listens inside; `came` counts who reached it."""

    def __init__(self) -> None:
        self.came = 0
        self.port = 0

    async def hear(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    def addresses(self) -> list[str]:
        return [one.format(port=self.port) for one in INSIDE]


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    one = Inside()
    server = await asyncio.start_server(one.hear, "0.0.0.0", 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    server.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """The client that the service opens for such addresses, with a name server that lies."""
    async with open_client((), "tests") as opened:
        assert isinstance(opened.connector, aiohttp.TCPConnector)
        opened.connector._resolver = Resolver()
        yield opened


Edge = Callable[[str], Awaitable[bool]]
"""Asks at an address, as an edge of the service does; says whether anything came of it."""


@pytest.fixture
def edges(client: aiohttp.ClientSession, tmp_path: Path) -> dict[str, Edge]:
    clock = FixedClock()
    wire = Wire(client, ToolKey(tmp_path / "lti.pem"), clock)
    delivery = Delivery("de_1", b"{}", clock.now())

    async def webhook(url: str) -> bool:
        return not isinstance(await deliver(client, Endpoint(url, SECRET), delivery), Retry)

    async def calendar(url: str) -> bool:
        try:
            await fetch(client, url, plain=True)
        except Fault:
            return False
        return True

    async def lti(url: str) -> bool:
        try:
            await wire.ask("GET", url)
        except PlatformAway:
            return False
        return True

    async def edx(url: str) -> bool:
        lms = Lms(client, clock, None)  # type: ignore[arg-type]  # no secret is opened
        platform = EdxPlatform("acme", url.rstrip("/"), b"", "", b"")
        return (await lms._post(platform, "/x", b"", {})).status != 0

    async def timestamp(url: str) -> bool:
        authority = timestamps.Authority(client, url, (), clock)
        try:
            await authority.ask(b"")
        except timestamps.NoTimestamp:
            return False
        return True

    return {
        "webhook": webhook,
        "calendar": calendar,
        "lti": lti,
        "edx": edx,
        "timestamp": timestamp,
    }


@pytest.mark.parametrize("name", ["webhook", "calendar", "lti", "edx", "timestamp"])
async def test_no_address_leads_inside(edges: dict[str, Edge], inside: Inside, name: str) -> None:
    reached = [url for url in inside.addresses() if await edges[name](url)]

    assert reached == []
    assert inside.came == 0


async def test_the_one_who_listens_could_be_reached(inside: Inside) -> None:
    """Else the test above would prove nothing."""
    async with (
        aiohttp.ClientSession() as anybody,
        anybody.get(f"http://127.0.0.1:{inside.port}/") as answer,
    ):
        assert answer.status == 200

    assert inside.came == 1


def calls(name: str) -> set[str]:
    """Return the modules of the service that call something of this name."""
    rooms = ("web", "signalling", "recordings", "scheduler", "invigilation")
    paths = (path for room in rooms for path in (ROOT / room).glob("**/*.py"))
    ours = {path for path in paths if not {"node_modules", "practice"} & {*path.parts}}
    called = re.compile(rf"\b{name}\(")
    return {
        str(path.relative_to(ROOT))
        for path in ours
        if called.search(path.read_text(encoding="utf-8"))
    }


def test_nobody_opens_a_client_of_their_own() -> None:
    assert calls("ClientSession") == OPENED_BESIDE.keys()
    assert calls("urlopen") == set()


def test_every_request_says_what_it_does_with_redirects() -> None:
    """aiohttp follows them unless told: each call outside names `allow_redirects=False`."""
    wrong = []
    for where in calls("ClientTimeout"):
        source = (ROOT / where).read_text(encoding="utf-8")
        if source.count("allow_redirects=False") < source.count("ClientTimeout(total=None)"):
            wrong.append(where)
    assert wrong == []
