"""The private names of the WebRTC stack, and what was mended in it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from importlib.metadata import version

import pylibsrtp
import pytest
from aioice import Connection, stun
from aioice.ice import StunProtocol
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtptransceiver import RTCRtpTransceiver

from signalling import consent, rtc
from signalling.peer import MediaSettings, Peer
from signalling.rtp import RtpPacket
from signalling.srtp import MAX_PACKET
from signalling.tracks import LEARNER
from signalling.udp import OwnDoors

pytestmark = pytest.mark.media


class Owner:
    """Stands where a room would."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def link(self, consent_expiry_s: float = 120.0) -> rtc.RtcLink:
        return rtc.RtcLink(
            shape=LEARNER,
            addresses=("127.0.0.1",),
            doors=OwnDoors(None),
            consent_expiry_s=consent_expiry_s,
            video_cap_bps=800_000,
            on_state=self.states.append,
        )


def test_the_versions_are_the_ones_that_were_read() -> None:
    assert {name: version(name) for name in rtc.UNDERSTOOD} == rtc.UNDERSTOOD, (
        "the WebRTC stack changed: read the new source against signalling/rtc.py, run every test "
        "marked media, then move UNDERSTOOD"
    )


def test_another_version_connects_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rtc.UNDERSTOOD, "aiortc", "0.0.1")

    with pytest.raises(ImportError, match="aiortc"):
        rtc.check_versions.__wrapped__()


async def test_the_private_names_are_there() -> None:
    link = Owner().link()
    stock = RTCPeerConnection()
    transceiver = stock.addTransceiver("audio")

    missing = [
        (type(thing).__name__, name)
        for thing, names in (
            (stock, ["_RTCPeerConnection__createTransceiver"]),
            (
                transceiver,
                ["_RTCRtpTransceiver__receiver", "_RTCRtpTransceiver__sender", "_codecs"],
            ),
            (transceiver.sender, ["_ssrc", "_rtx_ssrc", "_stream_id", "_track_id", "setTransport"]),
            (transceiver.receiver, ["_track", "setTransport", "_handle_disconnect"]),
            (link._dtls, ["_rx_srtp", "_tx_srtp"]),
            (link._dtls.transport, ["_connection"]),
            (pylibsrtp.Session(), ["_srtp"]),
            (rtc.lib, ["srtp_protect", "srtp_protect_rtcp"]),
            (rtc.lib, ["srtp_unprotect", "srtp_unprotect_rtcp"]),
            (link._ice, ["_nominated", "_protocols", "_queue", "_query_consent_task"]),
            (link._ice, ["build_request", "check_incoming", "get_component_candidates"]),
            (StunProtocol, ["request", "close", "datagram_received"]),
            (link._ice, ["query_consent", "remote_password", "local_candidates"]),
        )
        for name in names
        if not hasattr(thing, name)
    ]

    assert missing == []
    await link.close()
    await stock.close()


def test_the_stack_calls_what_we_replace() -> None:
    calls = {
        Connection.connect: ["self.query_consent()", "self.check_incoming("],
        Connection.request_received: ["self.check_incoming(message, addr, protocol)"],
        Connection.gather_candidates: ["self.get_component_candidates(component=component, addre"],
        RTCRtpTransceiver.stop: ["self.__receiver.stop()", "self.__sender.stop()"],
        RTCPeerConnection._RTCPeerConnection__connect: ["sender.send(", "receiver.receive("],
        RTCPeerConnection.addTransceiver: ["self.__createTransceiver("],
        RTCDtlsTransport._setup_srtp: ["self._rx_srtp = Session", "self._tx_srtp = Session"],
        StunProtocol.datagram_received: ["self.receiver.data_received(data, self.local_cand"],
        StunProtocol.send_stun: ["self.transport.sendto(bytes(message), addr)"],
        StunProtocol.send_data: ["self.transport.sendto(data, addr)"],
        Connection.close: ["await protocol.close()"],
        Connection.data_received: ["self._queue.put_nowait((data, component))"],
    }

    missing = [
        (function.__qualname__, text)
        for function, texts in calls.items()
        for text in texts
        if text not in " ".join(inspect.getsource(function).split())
    ]

    assert missing == []


class Wire:
    """A socket's protocol that answers consent checks until it does not."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.tries: list[int] = []
        self.busy = asyncio.Event()

    async def request(self, *_: object, retransmissions: int, **__: object) -> None:
        self.tries.append(retransmissions)
        if len(self.tries) == 100:
            self.busy.set()
        await asyncio.sleep(0)
        if len(self.tries) > self.answers:
            raise stun.TransactionTimeout


class Pair:
    component = 1
    remote_addr = ("127.0.0.1", 9)

    def __init__(self, protocol: Wire) -> None:
        self.protocol = protocol


async def test_consent_is_asked_for_with_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "INTERVAL_S", 0.0)
    monkeypatch.setattr(consent, "RETRY_S", 0.0)
    link, wire = Owner().link(), Wire(answers=10**9)
    link._ice._nominated = {1: Pair(wire)}
    link._ice.remote_username = link._ice.remote_password = "x" * 22
    task = asyncio.create_task(link._ice.query_consent())

    async with asyncio.timeout(5):
        await wire.busy.wait()

    assert not task.done()
    assert set(wire.tries) == {consent.RETRANSMISSIONS}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await link.close()


async def test_consent_ends_when_nothing_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "INTERVAL_S", 0.0)
    monkeypatch.setattr(consent, "RETRY_S", 0.0)
    link, wire = Owner().link(consent_expiry_s=0.05), Wire(answers=3)
    link._ice._nominated = {1: Pair(wire)}
    link._ice.remote_username = link._ice.remote_password = "x" * 22

    async with asyncio.timeout(5):
        await link._ice.query_consent()

    assert link._ice._closed
    assert len(wire.tries) > 3
    await link.close()


async def stranger_sends(link: rtc.RtcLink, datagrams: list[bytes]) -> None:
    """From another address; returns when the link's socket has read all of them."""
    link._ice._local_candidates = await link._gather(1, [])
    [door] = link._protocols
    seen = asyncio.Event()
    count, stock = 0, door.take

    def counted(data: bytes, sender: tuple[str, int]) -> None:
        nonlocal count
        stock(data, sender)
        count += 1
        if count == len(datagrams):
            seen.set()

    door.take = counted
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in datagrams:
            stranger.sendto(datagram, ("127.0.0.1", door.port))
        await asyncio.wait_for(seen.wait(), 5)


async def test_a_strangers_datagrams_go_nowhere() -> None:
    link = Owner().link()
    forged = [b"\x16\xfe\xff" + b"\x00" * 50, b"\x80\x60" + b"\x00" * 20, b"\x00\x01junk", b"\x50"]

    await stranger_sends(link, forged)

    assert link._ice._queue.qsize() == 0
    assert link.known == set()
    await link.close()


async def test_an_unauthenticated_check_does_not_make_an_address_known() -> None:
    link = Owner().link()
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{link._ice.local_username}:them"
    request.attributes["PRIORITY"] = 1
    request.add_message_integrity(b"guessed")

    await stranger_sends(link, [bytes(request), b"\x16\xfe\xff" + b"\x00" * 50])

    assert link._ice._queue.qsize() == 0
    assert link.known == set()
    await link.close()


async def test_addresses_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtc, "MAX_ADDRESSES", 2)
    link = Owner().link()
    link._ice._local_candidates = await link._gather(1, [])
    [protocol] = link._ice._protocols
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["PRIORITY"] = 1
    link._ice.remote_username = link._ice.remote_password = "x" * 22

    for port in (1, 2, 3):
        link._ice.check_incoming(message, ("127.0.0.1", port), protocol)

    assert link.known == {("127.0.0.1", 1), ("127.0.0.1", 2)}
    assert len(link._ice.remote_candidates) == 2
    await link.close()


def keys() -> tuple[rtc._Srtp, rtc._Srtp]:
    """Two ends of one direction."""
    ways = pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND
    policies = [pylibsrtp.Policy(key=bytes(range(30)), ssrc_type=way) for way in ways]
    out, back = (rtc._Srtp(pylibsrtp.Session(policy)) for policy in policies)
    return out, back


def rtp(sequence: int, size: int = 100) -> bytes:
    return RtpPacket(96, False, sequence, 0, 7, bytes(size)).to_bytes()


def test_srtp_in_place_is_the_librarys_own() -> None:
    out, _ = keys()
    theirs = pylibsrtp.Session(
        pylibsrtp.Policy(key=bytes(range(30)), ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND)
    )

    packets = [out(rtc.lib.srtp_protect, rtp(sequence)) for sequence in (1, 2)]

    assert [theirs.unprotect(packet) for packet in packets] == [rtp(1), rtp(2)]


def test_srtp_refuses_repeats_forgeries_and_giants() -> None:
    out, back = keys()
    packet = out(rtc.lib.srtp_protect, rtp(1))
    assert packet is not None

    got = [back(rtc.lib.srtp_unprotect, data) for data in (packet, packet, rtp(2))]

    assert got == [rtp(1), None, None]
    assert back(rtc.lib.srtp_unprotect, b"\x80") is None
    assert out(rtc.lib.srtp_protect, rtp(2, MAX_PACKET)) is None


async def test_closing_survives_what_the_stack_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Owner().link()

    async def broken() -> None:
        raise AttributeError("half built")

    monkeypatch.setattr(link._connection, "close", broken)

    await link.close()
    await link.close()

    assert link._ice._closed


async def test_closing_an_unanswered_peer_twice_is_fine() -> None:
    peer = Peer(LEARNER, MediaSettings(host_addresses=("127.0.0.1",)))

    await peer.close()
    await peer.close()

    assert peer.closed.is_set()
