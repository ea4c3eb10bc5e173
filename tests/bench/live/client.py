"""One participant's connection: ICE, DTLS and SRTP of the usual stack, RTP written by hand.

Nothing is encoded or decoded here, so that one process can play many sessions. A lost packet is
not asked for again, and a wish for one is not granted: a loss shows in the counts.
"""

from __future__ import annotations

import asyncio
import random
import struct
from dataclasses import dataclass, field
from typing import Any

import aioice.ice
from aiortc import (
    RTCCertificate,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from aiortc.clock import current_ntp_time
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtcpSenderInfo, RtcpSrPacket
from aiortc.sdp import SessionDescription, candidate_to_sdp

from tests.bench.live.film import FPS, SOUND_S, Film, fragments

OPUS, VP8, RTX = 111, 96, 97
LEVEL_ID, MID_ID = 1, 4
LEVELS = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MIDS = "urn:ietf:params:rtp-hdrext:sdes:mid"
REPORT_S = 1.0
CONNECT_S = 15.0


@dataclass
class Line:
    """One m-line: `kind` audio or video, `direction` as we see it, the SSRC that we would use."""

    kind: str
    mid: str
    direction: str
    ssrc: int = field(default_factory=lambda: random.getrandbits(31))

    def text(self, client: Client, setup: str) -> list[str]:
        ice = client.gatherer.getLocalParameters()
        prints = client.dtls.getLocalParameters().fingerprints
        types = f"{OPUS}" if self.kind == "audio" else f"{VP8} {RTX}"
        lines = [
            f"m={self.kind} 9 UDP/TLS/RTP/SAVPF {types}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp-mux",
            f"a=mid:{self.mid}",
            f"a={self.direction}",
            f"a=ice-ufrag:{ice.usernameFragment}",
            f"a=ice-pwd:{ice.password}",
            *(f"a=fingerprint:{p.algorithm} {p.value}" for p in prints if p.algorithm == "sha-256"),
            f"a=setup:{setup}",
            f"a=extmap:{MID_ID} {MIDS}",
        ]
        if self.kind == "audio":
            lines += [f"a=extmap:{LEVEL_ID} {LEVELS}", f"a=rtpmap:{OPUS} opus/48000/2"]
        else:
            lines += [f"a=rtpmap:{VP8} VP8/90000", f"a=rtpmap:{RTX} rtx/90000"]
            lines += [f"a=fmtp:{RTX} apt={VP8}"]
            lines += [f"a=rtcp-fb:{VP8} {what}" for what in ("nack", "nack pli", "ccm fir")]
        if "send" in self.direction:
            lines += [f"a=msid:us {self.kind}{self.mid}", f"a=ssrc:{self.ssrc} cname:us"]
        return lines + client.candidates()


@dataclass
class Count:
    """What came under one SSRC; `ends` are packets with the marker, the last of their frame."""

    packets: int = 0
    ends: int = 0
    highest: int = 0


class Client:
    """A connection that sends a film and counts what comes.

    Offer with `offer` and `accept`, or answer with `answer` and `connect_by`; then `play`; `close`.
    """

    certificate: RTCCertificate | None = None

    def __init__(self) -> None:
        Client.certificate = Client.certificate or RTCCertificate.generateCertificate()
        self.gatherer = RTCIceGatherer([])
        self.ice = RTCIceTransport(self.gatherer)
        self.dtls = RTCDtlsTransport(self.ice, [Client.certificate])
        self.counts: dict[int, Count] = {}
        self.came = asyncio.Event()
        self.sent = self.sent_ends = self.key_wishes = self.resend_wishes = 0
        self.lines: list[Line] = []
        self._connection: Any = self.ice._connection
        self._rewind = True
        self._player: asyncio.Task[None] | None = None

    def candidates(self) -> list[str]:
        """Give the candidates' lines."""
        return [f"a=candidate:{candidate_to_sdp(c)}" for c in self.gatherer.getLocalCandidates()]

    async def offer(self, lines: list[Line]) -> str:
        """Make an offer of these m-lines."""
        self._connection.ice_controlling = True
        await self.gatherer.gather()
        return self._describe(lines, "actpass")

    async def accept(self, answer: str) -> None:
        """Connect by the answer to our offer."""
        theirs = SessionDescription.parse(answer)
        ours = "server" if theirs.media[0].dtls.role == "client" else "client"
        await self._connect(theirs, ours)

    async def answer(self, offer: str) -> tuple[str, SessionDescription]:
        """Answer an offer of media that we only receive; `connect_by` follows."""
        self._connection.ice_controlling = False
        theirs = SessionDescription.parse(offer)
        await self.gatherer.gather()
        lines = [Line(m.kind, m.rtp.muxId, "recvonly") for m in theirs.media]
        return self._describe(lines, "active"), theirs

    async def connect_by(self, theirs: SessionDescription) -> None:
        """Connect by the offer that we have answered."""
        await self._connect(theirs, "client")

    def _describe(self, lines: list[Line], setup: str) -> str:
        self.lines = lines
        group = " ".join(line.mid for line in lines)
        head = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {group}"]
        body = [text for line in lines for text in line.text(self, setup)]
        return "\r\n".join([*head, *body, ""])

    async def _connect(self, theirs: SessionDescription, role: str) -> None:
        media = theirs.media[0]
        for candidate in media.ice_candidates:
            await self.ice.addRemoteCandidate(candidate)
        await self.ice.addRemoteCandidate(None)
        self._connection.data_received = self._received
        self.dtls._set_role(role)
        async with asyncio.timeout(CONNECT_S):
            name = media.ice.usernameFragment
            await self.ice.start(RTCIceParameters(name, media.ice.password))
            await self.dtls.start(media.dtls)
        if self.dtls.state != "connected":
            raise ConnectionError(f"ICE {self.ice.state}, DTLS {self.dtls.state}")

    def _received(self, data: bytes, component: int) -> None:
        if not 128 <= data[0] < 192:
            self._connection._queue.put_nowait((data, component))
        elif (session := self.dtls._rx_srtp) is None:
            return
        elif 192 <= data[1] < 224:
            self._report(session.unprotect_rtcp(data))
        else:
            packet = session.unprotect(data)
            second, sequence = struct.unpack_from("!BH", packet, 1)
            count = self.counts.setdefault(int.from_bytes(packet[8:12]), Count())
            count.packets += 1
            count.ends += second >> 7
            self.came.set()
            count.highest = sequence

    def _report(self, data: bytes) -> None:
        while len(data) >= 4:
            first, kind, words = struct.unpack_from("!BBH", data)
            if kind == 206 and first & 31 in (1, 4):
                self.key_wishes += 1
                self._rewind = True
            elif kind == 205 and first & 31 == 1:
                self.resend_wishes += 1
            data = data[4 * (words + 1) :]

    def _send(self, packet: bytes) -> None:
        pair = self._connection._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(packet, pair.remote_addr)

    def play(self, pictures: list[bytes], film: Film, sending: list[Line]) -> None:
        """Send these pictures and the voice on our first sound and picture line, until closed."""
        self._player = asyncio.create_task(self._play(pictures, film, sending))

    async def _play(self, pictures: list[bytes], film: Film, sending: list[Line]) -> None:
        tracks = [
            _Sound(line, film.voice) if line.kind == "audio" else _Picture(line, pictures)
            for line in sending
        ]
        loop = asyncio.get_running_loop()
        began = loop.time() + random.uniform(0, SOUND_S)
        step = 0
        while True:
            await asyncio.sleep(began + step * SOUND_S - loop.time())
            for track in tracks:
                for packet in track.due(step * SOUND_S, rewind=self._rewind):
                    self._send(self.dtls._tx_srtp.protect(packet))
                    self.sent += 1
                    self.sent_ends += packet[1] >> 7
                if isinstance(track, _Picture) and track.rewound:
                    self._rewind = False
            if step % round(REPORT_S / SOUND_S) == 0:
                self._send_reports(tracks)
            step += 1

    def _send_reports(self, tracks: list[_Sound | _Picture]) -> None:
        seen = [
            RtcpReceiverInfo(ssrc, 0, 0, count.highest, 0, 0, 0)
            for ssrc, count in self.counts.items()
        ]
        reports: list[Any] = [
            RtcpSrPacket(
                track.ssrc,
                RtcpSenderInfo(current_ntp_time(), track.timestamp, track.packets, track.octets),
            )
            for track in tracks
        ]
        if seen:
            reports.append(RtcpRrPacket(self.lines[0].ssrc, seen))
        if reports:
            data = b"".join(bytes(report) for report in reports)
            self._send(self.dtls._tx_srtp.protect_rtcp(data))

    async def close(self) -> None:
        """Say goodbye and free the sockets."""
        if self._player is not None:
            self._player.cancel()
            await asyncio.wait([self._player])
        await self.dtls.stop()
        await self.ice.stop()


class _Track:
    """RTP of one SSRC: its numbers go on where the film begins again."""

    payload_type: int
    extension = b""

    def __init__(self, line: Line) -> None:
        self.ssrc = line.ssrc
        self.packets = self.octets = 0
        self.timestamp = random.getrandbits(31)
        self._sequence = random.getrandbits(15)

    def packet(self, payload: bytes, *, last: bool) -> bytes:
        first = 0x90 if self.extension else 0x80
        head = struct.pack(
            "!BBHLL",
            first,
            self.payload_type | (0x80 if last else 0),
            self._sequence,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return head + self.extension + payload


class _Sound(_Track):
    """Opus, 20 ms a packet, with its loudness (RFC 6464) as browsers send it."""

    payload_type = OPUS
    extension = struct.pack("!HHBBxx", 0xBEDE, 1, LEVEL_ID << 4, 0x80 | 30)

    def __init__(self, line: Line, packets: list[bytes]) -> None:
        super().__init__(line)
        self._film = packets
        self._at = random.randrange(len(packets))

    def due(self, now: float, *, rewind: bool) -> list[bytes]:
        self._at = (self._at + 1) % len(self._film)
        self.timestamp += 960
        return [self.packet(self._film[self._at], last=True)]


class _Picture(_Track):
    """VP8 with picture numbers (RFC 7741); begins anew with the key frame when one is wanted."""

    payload_type = VP8

    def __init__(self, line: Line, frames: list[bytes]) -> None:
        super().__init__(line)
        self._film = [fragments(frame) for frame in frames]
        self._at = self._number = 0
        self._next = random.uniform(0, 1 / FPS)
        self.rewound = False

    def due(self, now: float, *, rewind: bool) -> list[bytes]:
        self.rewound = False
        if now < self._next:
            return []
        self._next += 1 / FPS
        if rewind:
            self._at, self.rewound = 0, True
        pieces = self._film[self._at]
        self._at = (self._at + 1) % len(self._film)
        self._number = (self._number + 1) & 0x7FFF
        self.timestamp += 90_000 // FPS
        last = len(pieces) - 1
        return [
            self.packet(
                struct.pack("!BBH", 0x80 | (0x10 if i == 0 else 0), 0x80, 0x8000 | self._number)
                + piece,
                last=i == last,
            )
            for i, piece in enumerate(pieces)
        ]


def use_one_address() -> str:
    """Let the stack of this process have one address, this machine's own; give it.

    Not loopback where there is another: Janus offers none.
    """
    found = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    address = next(iter(found), "127.0.0.1")
    aioice.ice.get_host_addresses = lambda **_: [address]
    return address
