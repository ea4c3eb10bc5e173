"""All streams of one participant on one transport: which packet belongs to which, and feedback."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from aiortc import rtp as rtcp

from signalling.forwarding import (
    PICTURE_LOSS,
    REPORT_EVERY_TICKS,
    Formats,
    IncomingStream,
    OutgoingStream,
    Trip,
    Wire,
)
from signalling.loudness import Loudness
from signalling.quality import LinkQuality, ask_round_trip, round_trips
from signalling.rtp import MalformedRtp, RtpPacket, header_extension, parse_rtp
from signalling.tracks import Kind, Shape, Track

MAX_SSRCS: Final = 32
"""Sources told apart on one transport: a track has one, and one of retransmissions."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How the packets of one m-line are recognised (RFC 8843, 9.2), and what else they carry.

    `ssrcs` are those that its `a=ssrc` lines name. `mid_extension` and `level_extension` are the
    identifiers of the header extensions with the MID and the audio level; None without them.
    """

    ssrcs: tuple[int, ...] = ()
    mid: bytes = b""
    mid_extension: int | None = None
    level_extension: int | None = None


class Media:
    """All streams of one participant; fed with plain RTP and RTCP."""

    def __init__(self, wire: Wire, video_cap_bps: int, shape: Shape) -> None:
        self._wire = wire
        self._cap = video_cap_bps
        self.carried = 0
        """Bytes on the wire so far, both directions; the transport counts them."""
        self._ticks = 0
        trip = self._trip = Trip()
        self.outgoing = {track: OutgoingStream(track.kind, wire, trip) for track in shape.lines}
        self.incoming = {
            track: IncomingStream(track.kind, wire, trip, self.outgoing[track].ssrc)
            for track in shape.lines
        }
        self.loudness = Loudness()
        self._level_extension: int | None = None
        self._by_ssrc: dict[int, IncomingStream] = {}
        self._marks: list[tuple[Marks, IncomingStream]] = []

    @property
    def last_packet_at(self) -> float | None:
        """Monotonic time of the last packet of any track, None before the first."""
        times = [one.packet_at for one in self.incoming.values() if one.packet_at is not None]
        return max(times, default=None)

    def link(self, now: float) -> LinkQuality:
        """Judge the way from this participant over the last five seconds."""
        loss = max(stream.loss for stream in self.incoming.values())
        return LinkQuality(loss, self._trip.known(now))

    def limit(self, bps: int, *, thin: bool) -> None:
        """Let the participant send no more pictures than this, and a `thin` one few whole ones."""
        self._cap = bps
        for stream in self.incoming.values():
            stream.thin = thin

    def lost_on_the_way(self, now: float) -> float:
        """Return the share of what was sent that the participant reports as lost."""
        return max(stream.reported_loss(now) for stream in self.outgoing.values())

    def connected(self, now: float) -> None:
        """From now on the wire carries what it is given: ask for the pictures waited for."""
        for stream in self.outgoing.values():
            stream.wire_is_ready(now)

    def receive(self, track: Track, formats: Formats, marks: Marks) -> None:
        """Accept what the participant sends as this track."""
        stream = self.incoming[track]
        stream.formats = formats
        self._marks.append((marks, stream))
        for ssrc in marks.ssrcs:
            self._remember(ssrc, stream)
        if track is Track.AUDIO:
            self._level_extension = marks.level_extension

    def on_rtp(self, data: bytes, now: float) -> None:
        """Take one plain RTP packet from the participant; what makes no sense is dropped."""
        try:
            packet = parse_rtp(data)
        except MalformedRtp:
            return
        stream = self._by_ssrc.get(packet.ssrc) or self._recognise(packet, data)
        if stream is None:
            return
        if stream.kind is Kind.AUDIO:
            identifier = self._level_extension
            level = None if identifier is None else header_extension(data, identifier)
            self.loudness.packet(level, now)
        stream.on_rtp(packet, now)

    def _recognise(self, packet: RtpPacket, data: bytes) -> IncomingStream | None:
        """Find the stream of an SSRC that no `a=ssrc` line named: by MID, else by payload type."""
        named = (
            stream
            for marks, stream in self._marks
            if marks.mid_extension is not None
            and header_extension(data, marks.mid_extension) == marks.mid
        )
        stream = next(named, None)
        if stream is None:
            taking = [
                stream
                for stream in self.incoming.values()
                if stream.formats is not None and packet.payload_type in stream.formats
            ]
            if len(taking) != 1:
                return None
            [stream] = taking
        self._remember(packet.ssrc, stream)
        return stream

    def _remember(self, ssrc: int, stream: IncomingStream) -> None:
        if len(self._by_ssrc) < MAX_SSRCS:
            self._by_ssrc.setdefault(ssrc, stream)

    def on_rtcp(self, data: bytes, now: float) -> None:
        """Take one plain compound RTCP packet; what makes no sense is dropped."""
        try:
            packets = rtcp.RtcpPacket.parse(data)
        except (ValueError, struct.error, IndexError):
            return
        for packet in packets:
            self._on_rtcp(packet, now)
        for seconds in round_trips(data, now):
            self._trip.measured(seconds, now)

    def _on_rtcp(self, packet: Any, now: float) -> None:
        if isinstance(packet, rtcp.RtcpSrPacket):
            for incoming in self.incoming.values():
                incoming.on_sender_report(packet, now)
        if isinstance(packet, rtcp.RtcpSrPacket | rtcp.RtcpRrPacket):
            for report in packet.reports:
                if (stream := self._outgoing_of(report.ssrc)) is not None:
                    stream.on_reception(report, now)
        elif isinstance(packet, rtcp.RtcpRtpfbPacket) and packet.fmt == rtcp.RTCP_RTPFB_NACK:
            stream = self._outgoing_of(packet.media_ssrc)
            if stream is not None and stream.kind is Kind.VIDEO:
                stream.on_nack(packet.lost, now)
        elif isinstance(packet, rtcp.RtcpPsfbPacket) and packet.fmt in PICTURE_LOSS:
            # a FIR (RFC 5104, 4.3.1) names its stream elsewhere: then all are meant
            lost = self._outgoing_of(packet.media_ssrc)
            for stream in self.outgoing.values() if lost is None else (lost,):
                stream.on_picture_loss(now)

    def _outgoing_of(self, ssrc: int) -> OutgoingStream | None:
        return next((stream for stream in self.outgoing.values() if stream.ssrc == ssrc), None)

    def tick(self, now: float) -> None:
        """Every TICK_S: repeat requests, and once a second report."""
        for stream in self.incoming.values():
            stream.tick(now)
        self._ticks += 1
        if self._ticks % REPORT_EVERY_TICKS == 0:
            for stream in self.incoming.values():
                stream.sample()
            self._report(now)

    def _report(self, now: float) -> None:
        """Send all reports in one packet (RFC 3550, 6.1), the sender's first, and a question."""
        received = [stream.reception(now) for stream in self.incoming.values()]
        blocks = [block for block in received if block is not None]
        report = b"".join(stream.sender_report(now) for stream in self.outgoing.values())
        ours = next(iter(self.outgoing.values())).ssrc
        if blocks:
            report += bytes(rtcp.RtcpRrPacket(ssrc=ours, reports=blocks))
        pictures = [
            stream.ssrc
            for stream in self.incoming.values()
            if stream.kind is Kind.VIDEO and stream.ssrc is not None
        ]
        if pictures:
            # one budget for the whole transport: a browser takes each REMB as that
            remb = rtcp.RtcpPsfbPacket(
                fmt=rtcp.RTCP_PSFB_APP,
                ssrc=ours,
                media_ssrc=0,
                fci=rtcp.pack_remb_fci(self._cap, pictures),
            )
            report += bytes(remb)
        if report:
            # who is sent nothing gives no reports from which the round trip could be learned
            self._wire.send(report + ask_round_trip(ours, now))
