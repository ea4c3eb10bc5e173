"""Asking a time-stamp authority over HTTP: a real one, one that is ill, one that lies."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from invigilation.anchor import AnchorList
from invigilation.desk.anchors import NoTimestamp, Timestamper
from invigilation.store.anchors import Leaf
from recordings.verify.der import make, number
from recordings.verify.timestamp import open_token
from tests.builders import FixedClock, office, sqlite_store
from tests.harness.tsa import TimeStampAuthority, time_stamp_authority
from tests.web.watched import gauges_of
from web import timestamps
from web.outward import ANYWHERE, open_client
from web.settings import Settings, Unable, read_settings
from web.timestamps import Authority, query, read_certificates, token_of

DIGEST = hashlib.sha256(b"the head of a list").digest()


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeStampAuthority]:
    with time_stamp_authority(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture
async def authority(tsa: TimeStampAuthority) -> AsyncIterator[Authority]:
    async with open_client(ANYWHERE, "tests") as client:
        certificates = read_certificates([tsa.certificates])
        yield Authority(client, tsa.url, certificates, FixedClock(datetime.now(UTC)))
    tsa.status = 200


async def answering(handler: object) -> TestServer:
    app = web.Application()
    app.router.add_post("/", handler)  # type: ignore[arg-type]
    server = TestServer(app)
    await server.start_server()
    return server


async def test_an_authority_stamps_a_digest(authority: Authority, tsa: TimeStampAuthority) -> None:
    asked: Timestamper = authority

    stamp = await asked.stamp(DIGEST)

    assert open_token(stamp.token, DIGEST, (tsa.root,)).at == stamp.at
    assert tsa.accepts(stamp.token, DIGEST)


async def test_an_authority_that_is_ill_gives_none(
    authority: Authority, tsa: TimeStampAuthority
) -> None:
    tsa.status = 503

    with pytest.raises(NoTimestamp) as said:
        await authority.stamp(DIGEST)

    assert said.value.why == "The authority answered with status 503."


@pytest.mark.parametrize(("hours", "minutes"), [(1, 60), (-2, 120)])
async def test_a_clock_that_is_far_from_ours_is_not_taken(
    authority: Authority, hours: int, minutes: int
) -> None:
    assert isinstance(authority.clock, FixedClock)
    authority.clock.go_to(
        datetime.now(UTC) + timedelta(hours=hours, seconds=30 if hours > 0 else 0)
    )

    with pytest.raises(NoTimestamp) as said:
        await authority.stamp(DIGEST)

    assert f"ours are {minutes} minutes apart" in said.value.why


async def test_an_authority_that_we_do_not_know_is_not_taken(
    authority: Authority, tmp_path: Path
) -> None:
    other = TimeStampAuthority(tmp_path)
    stranger = Authority(authority.client, authority.url, (other.root,), authority.clock)

    with pytest.raises(NoTimestamp) as said:
        await stranger.stamp(DIGEST)

    assert "Clock of the tests is not an authority that you trust" in said.value.why


async def test_an_old_answer_is_not_taken(authority: Authority, tsa: TimeStampAuthority) -> None:
    old = tsa.answer(query(DIGEST, 7))

    async def repeat(_: web.Request) -> web.Response:
        return web.Response(body=old)

    server = await answering(repeat)
    replaying = Authority(
        authority.client, str(server.make_url("/")), authority.certificates, authority.clock
    )

    with pytest.raises(NoTimestamp, match="busy") as said:
        await replaying.stamp(DIGEST)

    assert said.value.why == "What the authority answered is not good: it answers another question."
    await server.close()


async def _redirect(_: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1/")


async def _flood(_: web.Request) -> web.Response:
    return web.Response(body=bytes(timestamps.MAX_ANSWER + 1))


async def _nonsense(_: web.Request) -> web.Response:
    return web.Response(text="<html>Welcome to the airport</html>")


async def _refusal(_: web.Request) -> web.Response:
    words = make(0x30, make(0x0C, b"no such\x07 policy"))
    return web.Response(body=make(0x30, make(0x30, number(2), words)))


async def _asleep(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (_redirect, "answered with status 302"),
        (_flood, "answered with more than 65536 bytes"),
        (_nonsense, "What the authority answered is not good"),
        (_refusal, "it refuses (status 2) no such  policy."),
        (_asleep, "No answer within 0 s."),
    ],
)
async def test_whatever_comes_instead_of_a_token_is_a_plain_sentence(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, handler: object, said: str
) -> None:
    server = await answering(handler)
    if handler is _asleep:
        monkeypatch.setattr(timestamps, "TIME_LIMIT_S", 0.1)
    asked = Authority(
        authority.client, str(server.make_url("/")), authority.certificates, authority.clock
    )

    with pytest.raises(NoTimestamp) as refused:
        await asked.stamp(DIGEST)

    assert said in refused.value.why
    await server.close()


async def test_nobody_there_and_addresses_inside_are_plain_sentences(
    authority: Authority, tsa: TimeStampAuthority
) -> None:
    async with open_client((), "tests") as client:
        inside = Authority(client, tsa.url, authority.certificates, authority.clock)
        with pytest.raises(NoTimestamp) as refused:
            await inside.stamp(DIGEST)
    assert "127.0.0.1 is not a public address" in refused.value.why
    nobody = Authority(
        authority.client, "http://127.0.0.1:1/", authority.certificates, authority.clock
    )
    with pytest.raises(NoTimestamp) as away:
        await nobody.stamp(DIGEST)
    assert "cannot be reached" in away.value.why


@pytest.mark.parametrize("data", [b"", b"\x30\x00", make(0x30, make(0x30)), make(0x30, number(0))])
def test_an_answer_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Exception, match="it is"):
        token_of(data, 1)


def _settings(tsa: TimeStampAuthority, **more: object) -> Settings:
    return read_settings(timestamp_url=tsa.url, timestamp_certificates=(tsa.certificates,), **more)


async def test_the_settings_open_an_authority_or_none(tsa: TimeStampAuthority) -> None:
    clock = FixedClock(datetime.now(UTC))

    async with timestamps.opening(read_settings(), clock) as none:
        assert none is None
    async with timestamps.opening(
        _settings(tsa, timestamp_private_addresses=True), clock
    ) as authority:
        assert authority is not None
        await authority.stamp(DIGEST)
    async with timestamps.opening(_settings(tsa), clock) as careful:
        assert careful is not None
        with pytest.raises(NoTimestamp):
            await careful.stamp(DIGEST)


def test_settings_that_make_no_authority_are_plain_sentences(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("nothing")

    with pytest.raises(Unable, match="Set timestamp_url and timestamp_certificates together"):
        read_settings(timestamp_url="https://tsa.example.com/")
    with pytest.raises(Unable, match="Setting timestamp_url: write an address like"):
        read_settings(timestamp_url="tsa.example.com", timestamp_certificates=(file,))
    with pytest.raises(Unable, match=r"empty\.pem holds no certificates in PEM form"):
        read_certificates([file])
    with pytest.raises(Unable, match=r"nothing\.pem: No such file or directory"):
        read_certificates([tmp_path / "nothing.pem"])


async def test_a_list_that_waits_is_seen_in_the_figures(
    sqlite_template: Path, tmp_path: Path
) -> None:
    clock = FixedClock()
    async with sqlite_store(tmp_path, sqlite_template) as store:
        desk = office(store, clock)
        async with store.write() as tx:
            now = clock.now()
            one = AnchorList("als_1", "2026-11-20", now, "00" * 32, 1, 0, now)
            await tx.anchors.add_list(one, [Leaf("ses_1", "11" * 32)])
        clock.go(90)
        gauges = gauges_of(desk, tmp_path)
        await gauges.set()

    figures = gauges.metrics.registry
    assert figures.get_sample_value("invigilation_timestamp_age_seconds") == 90.0


async def test_the_clock_asks_where_an_authority_is_set(
    authority: Authority, sqlite_template: Path, tmp_path: Path
) -> None:
    async with sqlite_store(tmp_path, sqlite_template) as store:
        desk = office(store, FixedClock())
        [job] = timestamps.jobs(desk, authority)

        assert await job.sweep() == 0
    assert timestamps.jobs(desk, None) == []
