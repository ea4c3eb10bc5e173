"""Attacks on the media edge: forged handshakes, addresses in offers, offers without end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aioice.mdns
import pytest
import socketio
from aiortc.rtcdtlstransport import SRTP_PROFILES
from aiortc.sdp import SessionDescription
from socketio.exceptions import ConnectionError as Refused
from sqlalchemy import event

from signalling import live
from signalling.patience import REFUSED_A_SECOND, REFUSED_AT_ONCE, WAIT, Patience
from signalling.peer import Peer, SdpRefused
from signalling.rtc import MAX_QUEUE
from signalling.seat import OFFERS_AT_ONCE
from signalling.tracks import LEARNER
from tests.builders import FixedClock, booked
from tests.signalling.service import Page, serving
from tests.signalling.test_media_loopback import (
    LOOPBACK,
    PATIENCE_S,
    Client,
    clients_on_loopback,
)

pytestmark = pytest.mark.media
__all__ = ["clients_on_loopback"]

FORGED = b"\x16\xfe\xff" + bytes(8) + b"\x04\xb0" + bytes(1_200)
"""A DTLS record of 1,200 bytes with nothing in it, as anybody may send it."""
SPRAYED = 4_000
WEAK = re.compile("NULL|EXP|RC4|3DES|MD5|anon|PSK|^AES|CBC")
SHA1_80 = b"SRTP_AES128_CM_SHA1_80"
"""With the whole tag of 80 bits (RFC 5764, 4.1.2); that of 32 bits is weaker."""
GROWTH = 50 * 1024 * 1024
MANGLED = 1_500


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@contextlib.asynccontextmanager
async def spraying(port: int) -> AsyncIterator[list[int]]:
    """Send forged handshakes to a port, as fast as the loop lets others work, and count them."""
    sent = [0]

    async def spray() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            while sent[0] < SPRAYED:
                for _ in range(20):
                    stranger.sendto(FORGED, ("127.0.0.1", port))
                sent[0] += 20
                await asyncio.sleep(0)

    task = asyncio.create_task(spray())
    try:
        yield sent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def offered(client: Client) -> str:
    await client.connection.setLocalDescription(await client.connection.createOffer())
    sdp: str = client.connection.localDescription.sdp
    return sdp


def media_port(answer: str) -> int:
    return int(SessionDescription.parse(answer).media[0].ice_candidates[0].port)


async def test_forged_handshakes_of_a_third_party_keep_nobody_out() -> None:
    client, before = Client(), resident()
    peer, answer = await Peer.answer(await offered(client), LEARNER, LOOPBACK)
    try:
        async with spraying(media_port(answer)) as sent:
            await asyncio.sleep(0)  # the first of them are there before the browser's own
            await client.take(answer)
            await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)
            waiting = peer._link._ice._queue.qsize()

        assert sent[0] > 0
        assert waiting < MAX_QUEUE
        assert resident() - before < GROWTH
    finally:
        await client.leave()
        await peer.close()


async def test_the_server_speaks_to_no_address_out_of_an_offer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    async def multicast(*args: object, **_: object) -> None:
        asked.append(args)

    monkeypatch.setattr(aioice.mdns, "create_mdns_protocol", multicast)
    client = Client()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
        port = victim.getsockname()[1]
        evil = [f"a=candidate:{n} 1 udp {n} 127.0.0.1 {port} typ host" for n in range(200)]
        evil += [f"a=candidate:m{n} 1 udp {n} {n:08x}-mdns.local 9 typ host" for n in range(100)]
        evil += [f"a=candidate:m{n} 1 udp {n} 169.254.169.254 80 typ srflx" for n in range(100)]
        offer = await offered(client) + "\r\n".join([*evil, "a=end-of-candidates", ""])
        peer, answer = await Peer.answer(offer, LEARNER, LOOPBACK)
        try:
            await client.take(answer)
            await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)

            # By now its own checks of every pair that it knows would have been sent.
            assert len(peer._link._ice.remote_candidates) == 1
            assert peer._link.known == {(pair.remote_addr) for pair in peer._link._ice._check_list}
            assert asked == []
            with pytest.raises(BlockingIOError):
                victim.recv(2_048)
        finally:
            await client.leave()
            await peer.close()


async def test_a_thousand_candidates_are_not_even_looked_at() -> None:
    client = Client()
    line = "a=candidate:1 1 udp 1 10.0.0.1 53 typ host\r\n"
    try:
        with pytest.raises(SdpRefused, match="too"):
            await Peer.answer(await offered(client) + line * 1_000, LEARNER, LOOPBACK)
    finally:
        await client.leave()


def mangled(offer: str, dice: random.Random) -> str:
    """An offer with something wrong in it."""
    lines = offer.splitlines()
    match dice.randrange(6):
        case 0:
            del lines[dice.randrange(len(lines)) :]
        case 1:
            lines = [line for line in lines if not line.startswith("a=ice-pwd")]
        case 2:
            lines = [line.replace("sha-256", "sha-1") for line in lines]
        case 3:
            dice.shuffle(lines)
        case 4:
            lines.insert(dice.randrange(len(lines)), "m=" + "\x00" * dice.randrange(999))
        case _:
            lines = [dice.randbytes(40).decode("latin-1") for _ in lines]
    return "\r\n".join(lines)


async def test_1500_offers_that_are_none_leave_the_server_well() -> None:
    client, dice, before = Client(), random.Random(8), resident()
    good = await offered(client)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    watching = asyncio.create_task(others())
    refused = 0
    for _ in range(MANGLED):
        with contextlib.suppress(SdpRefused):
            peer, _ = await Peer.answer(mangled(good, dice), LEARNER, LOOPBACK)
            await peer.close()
            continue
        refused += 1
        await asyncio.sleep(0)  # as between two messages of a connection
    watching.cancel()

    peer, answer = await Peer.answer(good, LEARNER, LOOPBACK)
    await client.take(answer)
    await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)
    await client.leave()
    await peer.close()

    assert refused > MANGLED * 0.9
    assert turns + 1 >= MANGLED  # everybody else had their turn between any two of them
    assert resident() - before < GROWTH


@pytest.fixture
async def room(tmp_path, sqlite_template):
    """A live room, doubles for its peers, and a learner who has checked in."""
    async with booked(tmp_path, sqlite_template) as scene, serving(scene) as service:
        await service.check_in()
        yield service


async def flood(page: Page, offers: int) -> None:
    """Send offers that are none, and wait for no answer."""
    with contextlib.suppress(socketio.exceptions.SocketIOError):
        for _ in range(offers):
            body = {"session": page.session, "sdp": "nonsense"}
            await page.socket.emit("offer", body, namespace="/room")


async def test_offers_that_are_too_many_cost_the_database_nothing(room):
    page = await room.learner()
    await page.say("join")
    for _ in range(OFFERS_AT_ONCE):
        await page.say("offer", sdp="nonsense")
    asked: list[str] = []
    engine = room.scene.desk.office.store._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *words: asked.append(words[2]))

    answers = [await page.say("offer", sdp="nonsense") for _ in range(20)]

    assert {one["error"]["code"] for one in answers} == {"busy"}
    assert asked == []


async def test_who_sends_offers_that_are_none_is_sent_away_and_may_come_back_later(room):
    ann, lea = await room.staff(), await room.learner()
    await ann.say("join")
    again = (await lea.say("join"))["again"]

    await flood(lea, int(REFUSED_AT_ONCE) * 2)
    await asyncio.wait_for(lea.gone.wait(), PATIENCE_S)

    with pytest.raises(Refused):
        await room.connect(again)
    assert (await ann.say("chat", text="Are you there?", client_id="line-0001"))["ok"] is True
    room.scene.clock.go(WAIT / REFUSED_A_SECOND + 0.1)
    back = await room.learner()
    assert (await back.say("join"))["ok"] is True
    assert (await back.say("offer", sdp="v=0"))["ok"] is True


async def test_who_is_sent_away_once_is_sent_away_sooner_when_it_goes_on(room):
    lea = await room.learner()
    await lea.say("join")
    await flood(lea, int(REFUSED_AT_ONCE) * 2)
    await asyncio.wait_for(lea.gone.wait(), PATIENCE_S)
    room.scene.clock.go(WAIT / REFUSED_A_SECOND + 0.1)

    back = await room.learner()
    await back.say("join")
    await flood(back, int(WAIT) + 5)

    await asyncio.wait_for(back.gone.wait(), PATIENCE_S)


async def test_an_honest_learner_on_a_bad_link_is_never_sent_away(room):
    for _ in range(60):  # comes in anew every three seconds, and their browser is wrong twice
        page = await room.learner()
        await page.say("join")
        wrong = [await page.say("offer", sdp="nonsense") for _ in range(2)]
        good = await page.say("offer", sdp="v=0")

        assert {one["error"]["code"] for one in wrong} == {"sdp_refused"}
        assert good["ok"] is True
        room.scene.clock.go(3)
    assert not page.gone.is_set()


def test_nobody_is_remembered_for_ever():
    clock = FixedClock()
    patience = Patience(clock)
    for number in range(50):
        assert patience.bears(f"learner-{number}")
        clock.go(1)

    assert len(patience) == 1
    assert not patience.waits("learner-0")


async def test_offers_that_come_at_once_are_answered_one_after_the_other(monkeypatch):
    at_work: list[int] = [0]

    async def answer(*_):
        at_work.append(at_work[-1] + 1)
        await asyncio.sleep(0)
        at_work.append(at_work[-1] - 1)
        return None, ""

    monkeypatch.setattr(live.Peer, "answer", answer)
    peers = live.RtcPeers(LOOPBACK)

    await asyncio.gather(*(peers.answer("v=0", LEARNER) for _ in range(8)))

    assert max(at_work) == 1


async def test_media_are_protected_by_strong_ciphers_alone() -> None:
    client = Client()
    peer, answer = await Peer.answer(await offered(client), LEARNER, LOOPBACK)
    try:
        await client.take(answer)
        await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)
        handshake = peer._link._dtls._ssl

        assert handshake.get_protocol_version_name() == "DTLSv1.2"
        assert handshake.get_cipher_name().startswith("ECDHE-ECDSA-")
        assert handshake.get_cipher_bits() >= 128
        weak = [name for name in handshake.get_cipher_list() if WEAK.search(name)]
        assert weak == []
        profiles = {one.openssl_profile for one in SRTP_PROFILES}
        assert profiles <= {b"SRTP_AEAD_AES_256_GCM", b"SRTP_AEAD_AES_128_GCM", SHA1_80}
    finally:
        await client.leave()
        await peer.close()
