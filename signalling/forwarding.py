"""Encoded media from peer to peer: nothing is decoded on the way.

An `IncomingStream` is what one participant sends us, an `OutgoingStream` what we send to one; a
`Media` has two of each, for sound and picture, and is fed with plain RTP and RTCP. All of it is
synchronous: a packet that comes in has gone out when `on_rtp` returns.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from aiortc import rtp as rtcp

from signalling.frames import starts_key_frame
from signalling.rtp import (
    Arrival,
    History,
    LossTracker,
    MalformedRtp,
    ReceptionStats,
    Rewriter,
    RtpPacket,
    SourceClock,
    Unwrapper,
    parse_rtp,
    unwrap_rtx,
    wrap_rtx,
)

KEY_FRAME_INTERVAL_S: Final = 1.0
"""A publisher is asked for a key frame no oftener; on a long way, once in 1.5 round trips."""
RESEND_S: Final = 0.02
"""The same packet is sent again no sooner, and no sooner than nearly a round trip after."""
FIRST_RTT_S: Final = 0.3
REPORT_EVERY_TICKS: Final = 10
TICK_S: Final = 0.1
PICTURE_LOSS: Final = (rtcp.RTCP_PSFB_PLI, rtcp.RTCP_PSFB_FIR)

Listener = Callable[[int, RtpPacket, float], None]
"""Takes (unwrapped sequence number, packet, monotonic time of arrival)."""


class Kind(StrEnum):
    """The two streams of a participant."""

    AUDIO = "audio"
    VIDEO = "video"


CLOCK_RATE: Final = {Kind.AUDIO: 48_000, Kind.VIDEO: 90_000}


@dataclass(frozen=True)
class Formats:
    """The payload types that were negotiated; `retransmission` is None without RTX."""

    payload_type: int
    retransmission: int | None


class Wire(Protocol):
    """The way to one participant: sends one plain RTP or RTCP packet, or loses it silently."""

    def send(self, packet: bytes) -> None:
        """Protect and send; never raises, never waits."""


class Trip:
    """The round-trip time to one participant, smoothed (RFC 6298, 2: one eighth of the new)."""

    def __init__(self) -> None:
        self.seconds = FIRST_RTT_S
        self._known = False

    def measured(self, seconds: float) -> None:
        """Note a measurement; what cannot be is left out."""
        if 0 <= seconds < 60:
            self.seconds = (self.seconds * 7 + seconds) / 8 if self._known else seconds
            self._known = True


class IncomingStream:
    """One stream that a participant sends: asks again for what is lost, feeds its listeners."""

    def __init__(self, kind: Kind, wire: Wire, trip: Trip, feedback_ssrc: int) -> None:
        self.kind = kind
        self.formats: Formats | None = None
        self.destination: OutgoingStream | None = None
        self.clock: SourceClock | None = None
        self.listeners: list[Listener] = []
        self._wire = wire
        self._trip = trip
        self._feedback_ssrc = feedback_ssrc
        self._ssrc: int | None = None
        self._key_wanted = False
        self._key_asked: float | None = None
        self._sequence = Unwrapper(16)
        self._timestamp = Unwrapper(32)
        self._losses = LossTracker()
        self._stats = ReceptionStats(CLOCK_RATE[kind])
        self._report_clock: tuple[int, float] | None = None

    def on_rtp(self, packet: RtpPacket, now: float) -> None:
        """Take a packet of one of this stream's payload types."""
        formats = self.formats
        if formats is None:
            return
        if packet.payload_type == formats.retransmission:
            original = unwrap_rtx(packet, formats.payload_type, self._ssrc or 0)
            if original is not None and self._ssrc is not None:
                self._take(original, now)
            return
        if self._ssrc is None:
            self._ssrc = packet.ssrc  # for good: there is no renegotiation that could change it
        if packet.ssrc == self._ssrc:
            self._take(packet, now)

    def _take(self, packet: RtpPacket, now: float) -> None:
        sequence = self._sequence(packet.sequence)
        arrival = self._losses.arrived(sequence, now)
        if arrival is Arrival.REPEAT:
            return
        if arrival is Arrival.AFTER_OUTAGE:
            self._key_wanted = self.kind is Kind.VIDEO
            if self.destination is not None:
                self.destination.begin_anew()
        self._stats.add(sequence, self._timestamp(packet.timestamp), now)
        if self.kind is Kind.VIDEO:
            if self._key_wanted and starts_key_frame(packet.payload):
                self._key_wanted = False
            self._ask_again(now)
        if self.destination is not None:
            self.destination.forward(sequence, packet, now)
        for listener in tuple(self.listeners):
            listener(sequence, packet, now)

    def _ask_again(self, now: float) -> None:
        lost = self._losses.due(now, max(0.1, 1.5 * self._trip.seconds))
        if lost and self._ssrc is not None:
            nack = rtcp.RtcpRtpfbPacket(
                fmt=rtcp.RTCP_RTPFB_NACK, ssrc=self._feedback_ssrc, media_ssrc=self._ssrc
            )
            nack.lost = lost
            self._wire.send(bytes(nack))

    def request_key_frame(self, now: float) -> None:
        """Want a key frame: asked for at once or as soon as the throttle allows, until it comes."""
        self._key_wanted = True
        self._ask_key_frame(now)

    def _ask_key_frame(self, now: float) -> None:
        interval = max(KEY_FRAME_INTERVAL_S, 1.5 * self._trip.seconds)
        waited = self._key_asked is None or now - self._key_asked >= interval
        if self._key_wanted and waited and self._ssrc is not None:
            self._key_asked = now
            pli = rtcp.RtcpPsfbPacket(
                fmt=rtcp.RTCP_PSFB_PLI, ssrc=self._feedback_ssrc, media_ssrc=self._ssrc
            )
            self._wire.send(bytes(pli))

    def send_to(self, destination: OutgoingStream | None) -> None:
        """Feed this outgoing stream from now on, in place of any other; None: feed nobody."""
        if self.destination is not None and self.destination is not destination:
            self.destination.attach(None)
        if destination is not None:
            destination.attach(self)
        self.destination = destination

    def on_sender_report(self, report: Any, now: float) -> None:
        """Take a sender report (of aiortc's kind) of this stream; others are passed over."""
        info = report.sender_info
        if report.ssrc == self._ssrc and info.ntp_timestamp:
            self.clock = SourceClock(info.ntp_timestamp, info.rtp_timestamp, now)
            self._report_clock = (info.ntp_timestamp >> 16) & 0xFFFFFFFF, now

    def tick(self, now: float) -> None:
        """Every TICK_S: repeat what was asked for in vain."""
        if self.kind is Kind.VIDEO:
            self._ask_again(now)
            self._ask_key_frame(now)
        else:
            self._losses.due(now, 60)

    def reception(self, now: float) -> Any | None:
        """Make the block of a receiver report (of aiortc's kind), or None when nothing came."""
        report = self._stats.report()
        if report is None or self._ssrc is None:
            return None
        last, delay = 0, 0
        if self._report_clock is not None:
            last = self._report_clock[0]
            delay = min(int((now - self._report_clock[1]) * 65536), 0xFFFFFFFF)
        return rtcp.RtcpReceiverInfo(
            ssrc=self._ssrc,
            fraction_lost=report.fraction_lost,
            packets_lost=report.packets_lost,
            highest_sequence=report.highest_sequence,
            jitter=report.jitter,
            lsr=last,
            dlsr=delay,
        )

    @property
    def ssrc(self) -> int | None:
        """The publisher's SSRC, once something has come."""
        return self._ssrc


class OutgoingStream:
    """One stream to a participant: the rewritten packets of whatever source is attached."""

    def __init__(self, kind: Kind, wire: Wire, trip: Trip) -> None:
        self.kind = kind
        self.ssrc = secrets.randbits(32)
        self.retransmission_ssrc = secrets.randbits(32)
        self._wire = wire
        self._trip = trip
        self._formats: Formats | None = None
        self._source: IncomingStream | None = None
        self._rewriter: Rewriter | None = None
        self._history = History()
        # the lower half: a wrap right after the start would break SRTP's rollover counter
        self._rtx_sequence = secrets.randbits(15)
        self._needs_key_frame = kind is Kind.VIDEO
        self._packets = self._octets = 0
        self._report: tuple[int, float] | None = None

    def configure(self, formats: Formats) -> None:
        """Begin to send, in these formats."""
        self._formats = formats
        self._rewriter = Rewriter(
            self.ssrc, formats.payload_type, CLOCK_RATE[self.kind], secrets.randbits(15)
        )

    def attach(self, source: IncomingStream | None) -> None:
        """Take packets from this source from now on, and from no other; None: from nobody."""
        old, self._source = self._source, source
        if old is not None and old is not source and old.destination is self:
            old.destination = None
        if source is not None and old is not source:
            self.begin_anew()

    def begin_anew(self) -> None:
        """Show no hole before the next packet, and begin a picture with a key frame."""
        self._needs_key_frame = self.kind is Kind.VIDEO
        if self._rewriter is not None:
            self._rewriter.switch()

    def forward(self, sequence: int, packet: RtpPacket, now: float) -> None:
        """Send a packet of the source on, rewritten."""
        if self._rewriter is None or self._source is None:
            return
        if self._needs_key_frame:
            if not starts_key_frame(packet.payload):
                self._source.request_key_frame(now)
                return
            self._needs_key_frame = False
        rewritten = self._rewriter.rewrite(sequence, packet, now)
        if rewritten is None:
            return
        self._history.keep(rewritten, now)
        self._packets += 1
        self._octets += len(rewritten.payload)
        self._wire.send(rewritten.to_bytes())

    def on_nack(self, lost: list[int], now: float) -> None:
        """Send again what the receiver misses and can still use.

        What is too old, after an outage, is not sent again: it would stuff a narrow link for
        longer than the outage was. A key frame takes its place.
        """
        interval = max(RESEND_S, 0.9 * self._trip.seconds)
        if any(self._history.too_late(sequence, now) for sequence in lost):
            self.on_picture_loss(now)
        for sequence in lost:
            packet = self._history.again(sequence, now, interval)
            if packet is None:
                continue
            if self._formats is not None and self._formats.retransmission is not None:
                packet = wrap_rtx(
                    packet,
                    self._formats.retransmission,
                    self._rtx_sequence,
                    self.retransmission_ssrc,
                )
                self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
            self._wire.send(packet.to_bytes())

    def on_picture_loss(self, now: float) -> None:
        """Pass the wish for a key frame on to the publisher."""
        if self._source is not None:
            self._source.request_key_frame(now)

    def on_reception(self, report: Any, now: float) -> None:
        """Learn the round-trip time from a block of a receiver report (RFC 3550, 6.4.1)."""
        if self._report is not None and report.lsr and report.lsr == self._report[0]:
            self._trip.measured(now - self._report[1] - report.dlsr / 65536)

    def sender_report(self, now: float) -> bytes:
        """Make a sender report on the publisher's clocks; empty as long as they are unknown."""
        source = self._source
        if self._rewriter is None or not self._rewriter.started:
            return b""
        if source is None or source.clock is None:
            return b""
        ntp, timestamp = source.clock.at(now, CLOCK_RATE[self.kind])
        self._report = (ntp >> 16) & 0xFFFFFFFF, now
        report = rtcp.RtcpSrPacket(
            ssrc=self.ssrc,
            sender_info=rtcp.RtcpSenderInfo(
                ntp_timestamp=ntp,
                rtp_timestamp=(timestamp + self._rewriter.timestamp_shift) & 0xFFFFFFFF,
                packet_count=self._packets & 0xFFFFFFFF,
                octet_count=self._octets & 0xFFFFFFFF,
            ),
        )
        return bytes(report)


class Media:
    """All streams of one participant, and the feedback that belongs to them."""

    def __init__(self, wire: Wire, video_cap_bps: int) -> None:
        self._wire = wire
        self._cap = video_cap_bps
        self._ticks = 0
        trip = Trip()
        self.outgoing = {kind: OutgoingStream(kind, wire, trip) for kind in Kind}
        self.incoming = {
            kind: IncomingStream(kind, wire, trip, self.outgoing[kind].ssrc) for kind in Kind
        }
        self._by_payload_type: dict[int, IncomingStream] = {}
        self.last_packet_at: float | None = None

    def receive(self, kind: Kind, formats: Formats) -> None:
        """Accept what the participant sends in these formats."""
        stream = self.incoming[kind]
        stream.formats = formats
        self._by_payload_type[formats.payload_type] = stream
        if formats.retransmission is not None:
            self._by_payload_type[formats.retransmission] = stream

    def on_rtp(self, data: bytes, now: float) -> None:
        """Take one plain RTP packet from the participant; what makes no sense is dropped."""
        try:
            packet = parse_rtp(data)
        except MalformedRtp:
            return
        stream = self._by_payload_type.get(packet.payload_type)
        if stream is not None:
            self.last_packet_at = now
            stream.on_rtp(packet, now)

    def on_rtcp(self, data: bytes, now: float) -> None:
        """Take one plain compound RTCP packet; what makes no sense is dropped."""
        try:
            packets = rtcp.RtcpPacket.parse(data)
        except (ValueError, struct.error, IndexError):
            return
        for packet in packets:
            self._on_rtcp(packet, now)

    def _on_rtcp(self, packet: Any, now: float) -> None:
        if isinstance(packet, rtcp.RtcpSrPacket):
            for incoming in self.incoming.values():
                incoming.on_sender_report(packet, now)
        if isinstance(packet, rtcp.RtcpSrPacket | rtcp.RtcpRrPacket):
            for report in packet.reports:
                if (stream := self._outgoing_of(report.ssrc)) is not None:
                    stream.on_reception(report, now)
        elif isinstance(packet, rtcp.RtcpRtpfbPacket) and packet.fmt == rtcp.RTCP_RTPFB_NACK:
            if (stream := self._outgoing_of(packet.media_ssrc)) is not None:
                stream.on_nack(packet.lost, now)
        elif isinstance(packet, rtcp.RtcpPsfbPacket) and packet.fmt in PICTURE_LOSS:
            self.outgoing[Kind.VIDEO].on_picture_loss(now)

    def _outgoing_of(self, ssrc: int) -> OutgoingStream | None:
        return next((stream for stream in self.outgoing.values() if stream.ssrc == ssrc), None)

    def tick(self, now: float) -> None:
        """Every TICK_S: repeat requests, and once a second report."""
        for stream in self.incoming.values():
            stream.tick(now)
        self._ticks += 1
        if self._ticks % REPORT_EVERY_TICKS == 0:
            self._report(now)

    def _report(self, now: float) -> None:
        for kind in Kind:
            reception = self.incoming[kind].reception(now)
            report = self.outgoing[kind].sender_report(now)
            if reception is not None:
                ssrc = self.outgoing[kind].ssrc
                report += bytes(rtcp.RtcpRrPacket(ssrc=ssrc, reports=[reception]))
            if report:
                self._wire.send(report)
        video = self.incoming[Kind.VIDEO].ssrc
        if video is not None:
            # one budget for the whole transport: a browser takes each REMB as that
            remb = rtcp.RtcpPsfbPacket(
                fmt=rtcp.RTCP_PSFB_APP,
                ssrc=self.outgoing[Kind.VIDEO].ssrc,
                media_ssrc=0,
                fci=rtcp.pack_remb_fci(self._cap, [video]),
            )
            self._wire.send(bytes(remb))
