"""Webhooks, sent to a real receiver: what is signed, what counts as delivered, what is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from web.backends import webhook
from web.backends.webhook import (
    Delivered,
    Delivery,
    Disabled,
    Endpoint,
    Retry,
    deliver,
    next_attempt,
    open_session,
    parse_secret,
    sign,
)
from web.outward import ANYWHERE, guarded_sockets, may_reach

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
AT = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
PAYLOAD = '{"type":"session.ended","data":{"name":"Zoë"}}'.encode()
DELIVERY = Delivery("msg_1", PAYLOAD, AT)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session():
    async with open_session(LOOPBACK) as session:
        yield session


@pytest.fixture
async def listen():
    servers = []

    async def start(handler: Handler) -> Endpoint:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return Endpoint(str(server.make_url("/hook")), SECRET)

    yield start
    for server in servers:
        await server.close()


def answering(status: int, body: str = "", headers: dict[str, str] | None = None) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers=headers)

    return answer


def test_signature_computed_elsewhere():
    # openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f -binary | base64, of id.time.body
    signature = sign(SECRET, "msg_1", 1803893400, b'{"type":"session.ended"}')
    assert signature == "v1,IM5Iiy2n5wGQV+w+H5c1qzVY1TD4CKn7d9aGQhJqQ6E="


async def test_what_is_sent(session, listen):
    seen = {}

    async def receive(request: web.Request) -> web.Response:
        seen.update(request.headers, body=await request.read())
        return web.Response(status=204)

    outcome = await deliver(session, await listen(receive), DELIVERY)
    assert outcome == Delivered()
    assert seen["body"] == PAYLOAD
    assert seen["Content-Type"] == "application/json"
    assert seen["webhook-id"] == "msg_1"
    assert seen["webhook-timestamp"] == "1803893400"
    by_hand = hmac.new(KEY, b"msg_1.1803893400." + PAYLOAD, hashlib.sha256).digest()
    assert seen["webhook-signature"] == "v1," + base64.b64encode(by_hand).decode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered),
        (202, Delivered),
        (204, Delivered),
        (301, Retry),
        (400, Retry),
        (401, Retry),
        (404, Retry),
        (409, Retry),
        (410, Disabled),
        (429, Retry),
        (500, Retry),
        (503, Retry),
    ],
)
async def test_status(session, listen, status, kind):
    outcome = await deliver(session, await listen(answering(status)), DELIVERY)
    assert type(outcome) is kind


async def test_redirect_is_not_followed(session, listen):
    visits = []

    async def visited(request: web.Request) -> web.Response:
        visits.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    outcome = await deliver(session, await listen(visited), DELIVERY)
    assert outcome == Retry("status 307: redirects are not followed")
    assert visits == ["/hook"]


async def test_reason_is_short_and_printable(session, listen):
    body = "no\x00 \x1b[31mroom " * 100
    outcome = await deliver(session, await listen(answering(500, body)), DELIVERY)
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("status 500: no")
    assert len(outcome.reason) == webhook.MAX_REASON
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("status", [200, 500])
async def test_endless_answer(session, listen, status):
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    outcome = await deliver(session, await listen(endless), DELIVERY)
    assert type(outcome) is (Delivered if status == 200 else Retry)


async def test_slow_answer(session, listen, monkeypatch):
    monkeypatch.setattr(webhook, "TIME_LIMIT_S", 0.05)
    done = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await done.wait()
        return web.Response()

    outcome = await deliver(session, await listen(slow), DELIVERY)
    done.set()
    assert isinstance(outcome, Retry)
    assert "no answer" in outcome.reason


async def test_nobody_listens(session, unused_tcp_port):
    endpoint = Endpoint(f"http://127.0.0.1:{unused_tcp_port}/", SECRET)
    assert isinstance(await deliver(session, endpoint, DELIVERY), Retry)


@pytest.mark.parametrize("url", ["", "nothing", "ftp://127.0.0.1/", "http://", "http://[::1"])
async def test_unusable_address(session, url):
    assert isinstance(await deliver(session, Endpoint(url, SECRET), DELIVERY), Retry)


async def test_unusable_secret_of_an_endpoint(session, listen):
    endpoint = await listen(answering(200))
    outcome = await deliver(session, Endpoint(endpoint.url, "secret"), DELIVERY)
    assert outcome == Retry("ValueError: a webhook secret starts with whsec_")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_private_address_is_refused(listen, name):
    reached = []

    async def receive(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    endpoint = await listen(receive)
    endpoint = Endpoint(endpoint.url.replace("127.0.0.1", name), SECRET)
    async with open_session() as session:
        outcome = await deliver(session, endpoint, DELIVERY)
    assert isinstance(outcome, Retry)
    assert "not a public address" in outcome.reason
    assert reached == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("64:ff9b:1::7f00:1", False),
        ("fec0::1", False),
        ("5f00::1", False),
        ("3fff::1", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
    ],
)
def test_public_addresses(address, public):
    assert may_reach(address) is public


def test_exception_by_configuration():
    assert may_reach("127.0.0.1", LOOPBACK)
    assert not may_reach("10.0.0.1", LOOPBACK)
    assert may_reach("10.0.0.1", ANYWHERE)
    assert may_reach("::1", ANYWHERE)


@pytest.mark.parametrize(
    "secret", ["", "abc", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "whsec_" + "QUFB" * 22]
)
def test_unusable_secret(secret):
    with pytest.raises(ValueError, match="webhook"):
        parse_secret(secret)


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [
        (0, timedelta(seconds=5)),
        (1, timedelta(seconds=5)),
        (2, timedelta(seconds=30)),
        (3, timedelta(minutes=2)),
        (4, timedelta(minutes=10)),
        (5, timedelta(hours=1)),
        (6, timedelta(hours=1)),
        (10_000, timedelta(hours=1)),
    ],
)
def test_waits(attempts, wait):
    assert next_attempt(attempts) == wait


def test_jitter_lengthens():
    assert next_attempt(1, 0.5) == timedelta(seconds=5.5)


async def test_cancelling_cancels(session, listen):
    arrived = asyncio.Event()

    async def receive(_: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        return web.Response()

    attempt = asyncio.create_task(deliver(session, await listen(receive), DELIVERY))
    await arrived.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt


def test_family_is_kept():
    opened = guarded_sockets(LOOPBACK)(
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))
    )
    with opened:
        assert opened.family == socket.AF_INET
