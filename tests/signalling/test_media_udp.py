"""Sockets: one port for all, a port of a range for each, both kinds of addresses, strangers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator

import pytest
from aioice import stun
from aiortc import RTCPeerConnection
from aiortc.sdp import SessionDescription

from signalling.peer import MediaSettings, Peer
from signalling.tracks import INVIGILATOR, LEARNER, SECOND_CAMERA, SUPERVISOR, Shape, Track
from signalling.udp import Address, Door, OwnDoors, SharedDoors
from tests.harness.waiting import until
from tests.signalling.test_media_loopback import PATIENCE_S, Client, clients_on_loopback

pytestmark = pytest.mark.media
__all__ = ["clients_on_loopback"]


class Guest:
    """Keeps what the door passes on."""

    def __init__(self, heard_at: float = 0.0) -> None:
        self.heard_at = heard_at
        self.got: list[tuple[str, bytes]] = []

    def on_srtp(self, data: bytes) -> None:
        self.got.append(("srtp", data))

    def on_dtls(self, data: bytes) -> None:
        self.got.append(("dtls", data))

    def on_stun(self, door: Door, data: bytes, sender: Address) -> None:
        self.got.append(("stun", data))
        door.claim(sender, self)


def request(name: str) -> bytes:
    """A check as a browser sends it."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["PRIORITY"] = 1
    message.attributes["USERNAME"] = name
    return bytes(message)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door("127.0.0.1", 0)
    yield door
    door.close()


def free_port(host: str) -> int:
    with socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM
    ) as one:
        one.bind((host, 0))
        port: int = one.getsockname()[1]
        return port


def has_ipv6() -> bool:
    with contextlib.suppress(OSError):
        return free_port("::1") > 0
    return False


MEDIA, HANDSHAKE = b"\x80\x60" + bytes(20), b"\x16\xfe\xff" + bytes(20)


async def test_guests_are_told_apart_by_user_name_and_then_by_address(door: Door) -> None:
    one, other = Guest(), Guest()
    door.admit("abcd", one)
    door.admit("efgh", other)

    door.take(request("efgh:them"), ("10.0.0.1", 1))
    door.take(request("abcd:them"), ("10.0.0.1", 2))
    door.take(MEDIA, ("10.0.0.1", 1))
    door.take(HANDSHAKE, ("10.0.0.1", 2))

    assert [kind for kind, _ in other.got] == ["stun", "srtp"]
    assert [kind for kind, _ in one.got] == ["stun", "dtls"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        MEDIA,
        HANDSHAKE,
        b"\x50" * 30,
        request("abc:them"),
        request("abcde:them"),
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
        b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12) + b"\x00\x06\xff\xffabcd",
        b"\x00\x01\x00\x08" + bytes(16) + b"\x00\x06\x00\x04abcd",
        b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
        b"\x00\x11\x00\x00\x21\x12\xa4\x42" + bytes(12),
    ],
)
async def test_a_strangers_datagrams_are_dropped(door: Door, data: bytes) -> None:
    guest = Guest()
    door.admit("abcd", guest)
    door.claim(("10.0.0.1", 1), guest)

    door.take(data, ("10.0.0.2", 1))

    # a name that stops short is the stack's to refuse
    assert [kind for kind, _ in guest.got if kind != "stun"] == []


async def test_an_answer_goes_to_who_asked(door: Door) -> None:
    guest = Guest()
    answer = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE)
    door.ask(answer.transaction_id, guest)

    door.take(bytes(answer), ("10.0.0.1", 1))
    door.answered(answer.transaction_id)
    door.take(bytes(answer), ("10.0.0.1", 1))

    assert len(guest.got) == 1


async def test_an_address_is_not_taken_from_the_living(door: Door) -> None:
    living, dead, thief = Guest(time.monotonic() + 60), Guest(), Guest()
    door.claim(("10.0.0.1", 1), living)
    door.claim(("10.0.0.1", 2), dead)

    taken = [door.claim(("10.0.0.1", port), thief) for port in (1, 2)]

    assert taken == [False, True]
    door.take(MEDIA, ("10.0.0.1", 1))
    assert len(living.got) == 1


async def test_who_has_left_hears_nothing(door: Door) -> None:
    guest, other = Guest(), Guest()
    for one, name, port in ((guest, "abcd", 1), (other, "efgh", 2)):
        door.admit(name, one)
        door.claim(("10.0.0.1", port), one)
        door.ask(name.encode() * 3, one)

    door.leave(guest)

    for name, port in (("abcd", 1), ("efgh", 2)):
        door.take(request(f"{name}:them"), ("10.0.0.1", port))
        door.take(MEDIA, ("10.0.0.1", port))
    assert guest.got == []
    assert len(other.got) == 2
    assert door.guests == 1


async def test_one_port_is_one_socket_an_address() -> None:
    doors = SharedDoors(free_port("127.0.0.1"))

    first, again, other = (doors.open(host) for host in ("127.0.0.1", "127.0.0.1", "127.0.0.2"))
    doors.close()
    doors.close()

    assert first is again
    assert other is not None
    assert other is not first
    assert other.port == first.port


async def test_a_taken_port_is_said_so() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("0.0.0.0", 0))
        doors = SharedDoors(holder.getsockname()[1])

        assert doors.open("127.0.0.1") is None


async def test_a_range_is_used_up_and_given_back() -> None:
    start = free_port("127.0.0.1")
    doors = OwnDoors((start, start))
    first = doors.open("127.0.0.1")
    assert first is not None

    full = doors.open("127.0.0.1")
    doors.left(first)
    again = doors.open("127.0.0.1")

    assert full is None
    assert again is not None
    doors.left(again)


def test_one_port_and_a_range_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        MediaSettings(port=3478, port_range=(1, 2))


@contextlib.asynccontextmanager
async def sessions(
    settings: MediaSettings, doors: SharedDoors | None, *shapes: Shape
) -> AsyncIterator[tuple[list[Client], list[Peer], list[str]]]:
    """Connected clients of these shapes, their peers and answers."""
    clients, peers, answers = [Client(shape) for shape in shapes], [], []
    try:
        for client in clients:
            await client.connection.setLocalDescription(await client.connection.createOffer())
            sdp = client.connection.localDescription.sdp
            peer, answer = await Peer.answer(sdp, client.shape, settings, doors)
            peers.append(peer)
            answers.append(answer)
            await client.take(answer)
        for peer in peers:
            await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)
        yield clients, peers, answers
    finally:
        for client in clients:
            await client.leave()
        for peer in peers:
            await peer.close()


def ports(answers: list[str]) -> set[int]:
    media = [SessionDescription.parse(answer).media[0] for answer in answers]
    return {candidate.port for one in media for candidate in one.ice_candidates}


async def test_three_sessions_come_through_one_port() -> None:
    port = free_port("127.0.0.1")
    settings, doors = MediaSettings(("127.0.0.1",), port=port), SharedDoors(port)
    shapes = [LEARNER, INVIGILATOR] * 3
    async with sessions(settings, doors, *shapes) as (clients, peers, answers):
        for place in range(0, 6, 2):
            learner, invigilator = peers[place : place + 2]
            tracks = (Track.AUDIO, Track.CAMERA, Track.SCREEN)
            invigilator.receive_from({track: (learner, track) for track in tracks})
        seen = [client.got[Track.SCREEN].wait() for client in clients[1::2]]
        await asyncio.wait_for(asyncio.gather(*seen), PATIENCE_S)

        await peers[0].close()
        others = [peer.connected.is_set() and not peer.closed.is_set() for peer in peers[1:]]

        assert ports(answers) == {port}
        assert all(others)
    assert doors.guests == 0
    doors.close()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("shared", [False, True])
async def test_sessions_come_over_ipv6(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["::1"])
    port = free_port("::1") if shared else None
    doors = None if port is None else SharedDoors(port)
    async with sessions(MediaSettings(("::1",), port=port), doors, SECOND_CAMERA, SUPERVISOR) as (
        clients,
        (camera, watcher),
        answers,
    ):
        watcher.receive_from({Track.SECOND: (camera, Track.CAMERA)})
        await asyncio.wait_for(clients[1].got[Track.SECOND].wait(), PATIENCE_S)

        assert all(" ::1 " in answer for answer in answers)
    if doors is not None:
        doors.close()


async def test_each_session_takes_a_port_of_the_range() -> None:
    settings = MediaSettings(("127.0.0.1",), port_range=(42000, 42999))
    async with sessions(settings, None, SECOND_CAMERA, SECOND_CAMERA) as (_, _, answers):
        assert len(ports(answers)) == 2
        assert all(42000 <= port <= 42999 for port in ports(answers))


async def offer_of(shape: Shape) -> str:
    client = Client(shape)
    await client.connection.setLocalDescription(await client.connection.createOffer())
    sdp: str = client.connection.localDescription.sdp
    await client.leave()
    return sdp


@pytest.mark.parametrize("shared", [False, True])
async def test_fifty_peers_made_and_closed_leave_nothing(shared: bool) -> None:  # noqa: FBT001
    port = free_port("127.0.0.1") if shared else None
    doors = None if port is None else SharedDoors(port)
    settings = MediaSettings(("127.0.0.1",), port=port)
    offers = [(shape, await offer_of(shape)) for shape in (LEARNER, INVIGILATOR, SECOND_CAMERA)]

    def left() -> tuple[int, int]:
        gc.collect()
        kinds = Peer | Door | RTCPeerConnection
        held = sum(isinstance(found, kinds) for found in gc.get_objects())
        return held, len(asyncio.all_tasks())

    async def round_trip() -> None:
        for shape, offer in offers:
            peer, _ = await Peer.answer(offer, shape, settings, doors)
            await peer.close()

    if doors is not None:
        doors.open("127.0.0.1")
    before = left()
    for _ in range(17):
        await round_trip()

    # what the stack began ends by itself
    await until(lambda: left() == before, PATIENCE_S, "nothing to be left")
    if doors is not None:
        assert doors.guests == 0
        doors.close()
