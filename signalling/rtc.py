"""The one module that knows the insides of the WebRTC stack: connections with our media in them.

aiortc keeps SDP, ICE, DTLS and SRTP's keys; its receivers, senders and media queues are replaced.
`UNDERSTOOD` names the versions whose insides these are; beside others nothing is connected.
See docs/decisions/0003-encoded-forwarding.md.
"""

# ruff: noqa: SLF001 - private names are what this module is for, and it alone

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Final

from aioice import Candidate
from aioice.ice import CandidatePair, StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy
from pylibsrtp._binding import ffi, lib

from signalling import consent
from signalling.addresses import default_addresses, host_candidate
from signalling.flow import Inflow
from signalling.forwarding import Formats
from signalling.media import Marks, Media
from signalling.sdp import SdpRefused, offered_ssrcs
from signalling.srtp import InPlace
from signalling.tracks import Kind, Shape, Track
from signalling.udp import Address, Door, Doors

UNDERSTOOD: Final = {"aiortc": "1.16.0", "aioice": "0.13.0", "pylibsrtp": "1.0.0"}
CODECS: Final = {Kind.AUDIO: ("audio/opus",), Kind.VIDEO: ("video/vp8", "video/rtx")}
MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
OPUS_PARAMETERS: Final = {"minptime": 10, "useinbandfec": 1}

SILENCE_S: Final = 6.0
"""Whoever gave no sign for so long is sent nothing but checks: browsers check every 2.5 s. What is
sent into an outage waits in a modem, and would keep those for seconds who come back by another way.
"""
MAX_ADDRESSES: Final = 256
"""Addresses one participant may have come from, over all changes of network."""
MAX_QUEUE: Final = 256
"""DTLS datagrams waiting to be read."""
HEADERS: Final = 28
"""Bytes of IPv4 and UDP around each datagram."""
COMPONENT: Final = 1
"""Of ICE: with multiplexed RTCP there is one."""
CLOSE_S: Final = 5.0
PROTECT, PROTECT_RTCP = lib.srtp_protect, lib.srtp_protect_rtcp
UNPROTECT, UNPROTECT_RTCP = lib.srtp_unprotect, lib.srtp_unprotect_rtcp

log = logging.getLogger(__name__)


@functools.cache
def check_versions() -> None:
    """Refuse to run on insides that nobody has looked at: raises ImportError."""
    for package, expected in UNDERSTOOD.items():
        if (found := version(package)) != expected:
            raise ImportError(f"{package} is {found}; signalling/rtc.py understands {expected}")


class _Receiver:
    """Stands in aiortc's place for a receiver: the media go to `Media`, not to a decoder."""

    def __init__(self, track: Track, stock: Any, media: Media) -> None:
        self.track: Any = None
        self.transport = stock.transport
        self.ssrcs: tuple[int, ...] = ()
        self._track: Any = None
        self._enabled = True
        self._our_track = track
        self._media = media

    def setTransport(self, transport: Any) -> None:  # noqa: N802 - aiortc's name
        self.transport = transport

    async def receive(self, parameters: Any) -> None:
        extensions = {found.uri: found.id for found in parameters.headerExtensions}
        marks = Marks(
            ssrcs=self.ssrcs,
            mid=parameters.muxId.encode(),
            mid_extension=extensions.get(MID),
            level_extension=extensions.get(AUDIO_LEVEL),
        )
        self._media.receive(self._our_track, _formats(parameters.codecs), marks)

    async def stop(self) -> None:
        """Nothing runs here."""

    def _handle_disconnect(self) -> None:
        """Nothing runs here."""


class _Sender:
    """Stands in aiortc's place for a sender."""

    def __init__(self, track: Track, stock: Any, media: Media) -> None:
        outgoing = media.outgoing[track]
        self.track: Any = None
        self.transport = stock.transport
        self._enabled = True
        self._ssrc = outgoing.ssrc
        self._rtx_ssrc = outgoing.retransmission_ssrc
        # a browser holds back all of a stream for its slowest track: only a face has a voice
        together = track in (Track.AUDIO, Track.CAMERA)
        self._stream_id = stock._stream_id if together else str(uuid.uuid4())
        self._track_id = stock._track_id
        self._outgoing = outgoing

    def setTransport(self, transport: Any) -> None:  # noqa: N802 - aiortc's name
        self.transport = transport

    async def send(self, parameters: Any) -> None:
        self._outgoing.configure(_formats(parameters.codecs))

    async def stop(self) -> None:
        """Nothing runs here."""


def _formats(codecs: list[Any]) -> Formats:
    """Pick the payload types: the first codec, and the RTX that belongs to it."""
    main = codecs[0].payloadType
    again = (c.payloadType for c in codecs if c.name == "rtx" and c.parameters["apt"] == main)
    return Formats(payload_type=main, retransmission=next(again, None))


def _check_payload_types(transceivers: list[Any]) -> None:
    """Refuse a payload type of two meanings: pictures on one transport may share theirs."""
    meanings: dict[int, tuple[Any, ...]] = {}
    for transceiver in transceivers:
        for place, codec in enumerate(transceiver._codecs):
            meaning = place, codec.mimeType.lower(), codec.parameters.get("apt")
            if meanings.setdefault(codec.payloadType, meaning) != meaning:
                raise SdpRefused("A payload type of the offer has two meanings.")


class _PeerConnection(RTCPeerConnection):  # type: ignore[misc]
    """An aiortc connection whose transceivers carry our receivers and senders."""

    def __init__(self, media: Media, shape: Shape) -> None:
        super().__init__(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._our_media = media
        self._our_tracks = list(shape.lines)
        for track in shape.lines:
            transceiver = self.addTransceiver(track.kind.value, direction=shape.direction(track))
            capable = RTCRtpReceiver.getCapabilities(track.kind.value).codecs
            wanted = [codec for codec in capable if codec.mimeType.lower() in CODECS[track.kind]]
            transceiver.setCodecPreferences(wanted)

    def _RTCPeerConnection__createTransceiver(  # noqa: N802 - aiortc's name, mangled
        self, direction: str, kind: str, sender_track: Any = None
    ) -> Any:
        transceiver = super()._RTCPeerConnection__createTransceiver(
            direction=direction, kind=kind, sender_track=sender_track
        )
        ours = self._our_tracks.pop(0), transceiver.sender, self._our_media
        transceiver._RTCRtpTransceiver__receiver = _Receiver(*ours)
        transceiver._RTCRtpTransceiver__sender = _Sender(*ours)
        return transceiver


class _Protocol(StunProtocol):  # type: ignore[misc]
    """One address of a link, as the stack sees it: sends through a door, hears what is passed on.

    The stack's own `datagram_received` is called for STUN alone.
    """

    def __init__(self, link: RtcLink, door: Door, candidate: Candidate) -> None:
        super().__init__(link._ice)
        self.transport = door
        self.local_candidate = candidate
        self._link = link

    async def request(self, request: Any, *args: Any, **named: Any) -> Any:
        self.transport.ask(request.transaction_id, self._link)
        try:
            return await super().request(request, *args, **named)
        finally:
            self.transport.answered(request.transaction_id)

    async def close(self) -> None:
        self._link.leave(self.transport)
        # the stack's own takes a turn of the loop; without, what watches the connection and has
        # not begun yet misses its end, and spins
        await asyncio.sleep(0)


class _Srtp(InPlace):
    """One direction of SRTP, with the keys of a session of the library's."""

    def __init__(self, session: Any) -> None:
        super().__init__(session._srtp[0], ffi)
        self._session = session  # owns what the line before points to


class RtcLink:
    """One connection to one participant: negotiates, protects and unprotects, stays alive.

    `on_state` is called with aiortc's connection states: connecting, connected, failed, closed.
    `dropped` counts, by kind, the datagrams that were more than one participant may send.
    """

    def __init__(
        self,
        *,
        shape: Shape,
        addresses: tuple[str, ...],
        doors: Doors,
        consent_expiry_s: float,
        video_cap_bps: int,
        on_state: Callable[[str], None],
        dropped: Counter[str] | None = None,
    ) -> None:
        check_versions()
        self._inflow = Inflow(Counter() if dropped is None else dropped)
        self.media = Media(self, video_cap_bps, shape)
        self.known: set[Address] = set()
        self.heard_at = float("-inf")
        self._sign_at = time.monotonic()
        self._protect: _Srtp | None = None
        self._unprotect: _Srtp | None = None
        self._addresses = addresses or default_addresses()
        self._doors = doors
        self._protocols: dict[Door, _Protocol] = {}
        self._consent_expiry = consent_expiry_s
        self._connection = _PeerConnection(self.media, shape)
        self._dtls = self._connection.getTransceivers()[0].receiver.transport
        self._ice = self._dtls.transport._connection
        self._hook_ice()
        self._connection.on(
            "connectionstatechange", lambda: on_state(self._connection.connectionState)
        )

    async def answer(self, offer: str) -> str:
        """Answer an offer that `clean_offer` has passed.

        Raises SdpRefused when the stack cannot make sense of it, OSError when no address of the
        settings can be used.
        """
        description = RTCSessionDescription(sdp=offer, type="offer")
        transceivers = self._connection.getTransceivers()
        try:
            for transceiver, ssrcs in zip(transceivers, offered_ssrcs(offer), strict=True):
                transceiver.receiver.ssrcs = ssrcs
            await self._connection.setRemoteDescription(description)
            for transceiver in transceivers:
                if transceiver.kind == Kind.AUDIO:
                    transceiver._codecs[0].parameters = dict(OPUS_PARAMETERS)
            answer = await self._connection.createAnswer()
        except Exception as error:
            # the parser meets hostile text with errors of many kinds
            raise SdpRefused("The offer could not be understood.") from error
        _check_payload_types(transceivers)
        await self._connection.setLocalDescription(answer)
        if not self._ice.local_candidates:
            raise OSError(f"no media address of {self._addresses} could be bound")
        return str(self._connection.localDescription.sdp)

    async def close(self) -> None:
        """Close and release the sockets; never raises but for cancellation."""
        # a half-built connection can raise or hang in there
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._connection.close()
        except Exception:
            log.debug("closing a connection failed", exc_info=True)
        with contextlib.suppress(Exception):
            await self._ice.close()

    @property
    def ready(self) -> bool:
        """Whether the handshake is over, so that something can be sent."""
        return self._protect is not None or self._keyed() is not None

    def send(self, packet: bytes) -> None:
        """Protect and send one plain RTP or RTCP packet, or lose it silently."""
        pair = self._ice._nominated.get(COMPONENT)
        protect = self._protect or self._keyed()
        if pair is None or protect is None:
            return
        if time.monotonic() - self._sign_at > SILENCE_S:
            return
        rtcp = 192 <= packet[1] <= 208
        protected = protect(PROTECT_RTCP if rtcp else PROTECT, packet)
        if protected is not None:  # else a retransmission older than the replay window
            self.media.carried += len(protected) + HEADERS
            pair.protocol.transport.sendto(protected, pair.remote_addr)

    def _keyed(self) -> _Srtp | None:
        """Take the keys over, once the handshake has made them; gives those to send with."""
        if self._dtls._tx_srtp is not None:
            self._protect = _Srtp(self._dtls._tx_srtp)
            self._unprotect = _Srtp(self._dtls._rx_srtp)
        return self._protect

    def on_srtp(self, data: bytes) -> None:
        """Take one SRTP or SRTCP datagram; what cannot be authenticated is dropped."""
        if self._unprotect is None:
            self._keyed()
        unprotect = self._unprotect
        if unprotect is None or len(data) < 12:
            return
        now = time.monotonic()
        if not self._inflow.media(len(data), now):
            return
        rtcp = 192 <= data[1] <= 208
        packet = unprotect(UNPROTECT_RTCP if rtcp else UNPROTECT, data)
        if packet is None:
            return
        self.heard_at = now
        self.media.carried += len(data) + HEADERS
        if rtcp:
            self.media.on_rtcp(packet, now)
        else:
            self.media.on_rtp(packet, now)

    def on_dtls(self, data: bytes) -> None:
        """Hand a datagram of the handshake to its reader, unless too many come or wait there."""
        within = self._inflow.handshake(len(data), time.monotonic())
        if within and self._ice._queue.qsize() < MAX_QUEUE:
            self._ice._queue.put_nowait((data, COMPONENT))

    def on_stun(self, door: Door, data: bytes, sender: Address) -> None:
        """Hand a STUN message to the stack, which authenticates it, unless too many come."""
        if self._inflow.check(len(data), time.monotonic(), known=sender in self.known):
            self._protocols[door].datagram_received(data, sender)

    def leave(self, door: Door) -> None:
        """Hear nothing more by this door."""
        door.leave(self)
        if self._protocols.pop(door, None) is not None:
            self._doors.left(door)

    def _hook_ice(self) -> None:
        ice = self._ice
        stock_check: Callable[..., None] = ice.check_incoming

        def check_incoming(message: Any, addr: Address, protocol: Any) -> None:
            if addr not in self.known and len(self.known) >= MAX_ADDRESSES:
                return
            if not protocol.transport.claim(addr, self):
                return
            self.known.add(addr)
            self._sign_at = time.monotonic()
            for pair in self._pairs(protocol, addr):
                if pair.task is not None and pair.task.done():  # given up when another was first
                    pair.task, pair.state = None, CandidatePair.State.FAILED
            stock_check(message, addr, protocol)
            if "USE-CANDIDATE" in message.attributes and not ice._check_list_done:
                self._begin(protocol, addr)

        ice.check_incoming = check_incoming
        # what looked like STUN and is not comes here from strangers, too
        ice.data_received = lambda *_: None
        ice.get_component_candidates = self._gather
        ice.query_consent = self._keep_consent

    def _begin(self, protocol: Any, addr: Address) -> None:
        """Begin the handshake where a participant's check came from: it is theirs, and chosen.

        To wait until our own check was answered, too, would cost them a round trip. Nothing but
        checks and the handshake goes there until then: there are no keys before that is answered.
        """
        for pair in self._pairs(protocol, addr):
            pair.state, pair.nominated = CandidatePair.State.SUCCEEDED, True
            self._ice._nominated[COMPONENT] = pair
            self._ice._check_list_maybe_complete()

    def _pairs(self, protocol: Any, addr: Address) -> list[Any]:
        """Find the pair of these ends, if it is known."""
        known = self._ice._check_list
        return [pair for pair in known if pair.protocol is protocol and pair.remote_addr == addr]

    async def _gather(self, component: int, addresses: list[str], timeout: int = 5) -> list[Any]:  # noqa: ARG002, ASYNC109 - aioice's signature
        candidates = []
        for address in self._addresses:
            door = self._doors.open(address)
            if door is None:
                log.warning("no media socket on %s", address)
                continue
            candidate = host_candidate(address, door.port, component)
            candidates.append(candidate)
            if door not in self._protocols:  # two addresses may share one that is open to all
                self._protocols[door] = _Protocol(self, door, candidate)
                self._ice._protocols.append(self._protocols[door])
                door.admit(self._ice.local_username, self)
        return candidates

    async def _keep_consent(self) -> None:
        """Ask for consent to go on sending; end the connection where nobody gives it any more."""
        await consent.keep(self._ask_consents, self._consent_expiry)
        self._ice._query_consent_task = None
        await self._ice.close()

    async def _ask_consents(self) -> bool:
        """Ask once at each address in use; say whether one answered."""
        pairs = list(self._ice._nominated.values())
        answers = await asyncio.gather(*map(self._ask_consent, pairs), return_exceptions=True)
        return any(not isinstance(answer, BaseException) for answer in answers)

    def _ask_consent(self, pair: Any) -> Awaitable[Any]:
        request: Awaitable[Any] = pair.protocol.request(
            self._ice.build_request(pair, nominate=False),
            pair.remote_addr,
            integrity_key=self._ice.remote_password.encode(),
            retransmissions=consent.RETRANSMISSIONS,
        )
        return request
