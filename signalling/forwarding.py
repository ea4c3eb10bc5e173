"""Encoded media from peer to peer: nothing is decoded on the way.

An `IncomingStream` is one track that a participant sends us, an `OutgoingStream` one that we send
to somebody; one source may feed many. All of it is synchronous: a packet that comes in has gone out
to all when `on_rtp` returns.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiortc import rtp as rtcp

from signalling.frames import starts_key_frame
from signalling.quality import FIRST_RTT_S, RTT_KNOWN_S, LossWindow
from signalling.rtp import (
    LEAST_WAIT_S,
    Arrival,
    History,
    LossTracker,
    ReceptionStats,
    Rewriter,
    RtpPacket,
    SourceClock,
    Unwrapper,
    unwrap_rtx,
    wrap_rtx,
)
from signalling.tracks import Kind

KEY_FRAME_INTERVAL_S: Final = 1.0
"""A publisher is asked for a key frame no oftener; on a long way, once in 1.5 round trips."""
NEW_WATCHER_INTERVAL_S: Final = 0.25
"""But for somebody who begins to watch, who has nothing to see until then."""
ROUTINE_S: Final = 10.0
"""Who keeps a stream has a key frame so often: a recording can be sought through in such steps."""
ROUTINE_THIN_S: Final = 30.0
"""And so often where the link is thin: one key frame takes some seconds of it."""
FAR_S: Final = 0.4
"""A round trip over a satellite, whose links are thin."""
RESEND_S: Final = 0.02
"""The same packet is sent again no sooner, and no sooner than nearly a round trip after."""
REPORT_EVERY_TICKS: Final = 10
TICK_S: Final = 0.1
ANSWERED: Final = 1.1
"""Round trips after which what was asked for should be here."""
REPORTED_S: Final = 6.0
"""What a receiver has reported holds for so long: they report every second or five."""
PICTURE_LOSS: Final = (rtcp.RTCP_PSFB_PLI, rtcp.RTCP_PSFB_FIR)

Listener = Callable[[int, int, RtpPacket, float], None]
"""Takes (sequence number and timestamp, both unwrapped, packet, monotonic time of arrival)."""


CLOCK_RATE: Final = {Kind.AUDIO: 48_000, Kind.VIDEO: 90_000}


@dataclass(frozen=True)
class Formats:
    """The payload types that were negotiated; `retransmission` is None without RTX."""

    payload_type: int
    retransmission: int | None

    def __contains__(self, payload_type: int) -> bool:
        """Say whether a packet of this payload type is one of these."""
        return payload_type in (self.payload_type, self.retransmission)


class Wire(Protocol):
    """The way to one participant: sends one plain RTP or RTCP packet, or loses it silently."""

    def send(self, packet: bytes) -> None:
        """Protect and send; never raises, never waits."""

    @property
    def ready(self) -> bool:
        """Whether anything can be sent yet: before the handshake is over, all would be lost."""


class Trip:
    """The round-trip time to one participant, smoothed (RFC 6298, 2: one eighth of the new)."""

    def __init__(self) -> None:
        self.seconds = FIRST_RTT_S
        self._measured_at: float | None = None

    def measured(self, seconds: float, now: float) -> None:
        """Note a measurement; what cannot be is left out."""
        if 0 <= seconds < 60:
            known = self._measured_at is not None
            self.seconds = (self.seconds * 7 + seconds) / 8 if known else seconds
            self._measured_at = now

    def known(self, now: float) -> float:
        """Return the round-trip time if it was measured of late, else what it is usually."""
        at = self._measured_at
        return FIRST_RTT_S if at is None or now - at > RTT_KNOWN_S else self.seconds


class IncomingStream:
    """One stream that a participant sends: asks again for what is lost, feeds its listeners."""

    def __init__(self, kind: Kind, wire: Wire, trip: Trip, feedback_ssrc: int) -> None:
        self.kind = kind
        self.formats: Formats | None = None
        self.clock: SourceClock | None = None
        self.packet_at: float | None = None
        self.thin = False
        # never changed, only replaced: a packet's way through them is not disturbed by that
        self.destinations: tuple[OutgoingStream, ...] = ()
        self.listeners: tuple[Listener, ...] = ()
        self._wire = wire
        self._trip = trip
        self._feedback_ssrc = feedback_ssrc
        self._ssrc: int | None = None
        self._key_wanted = False
        self._key_asked: float | None = None
        self._key_hurry = False
        self._timestamp = Unwrapper(32)
        self._losses = LossTracker()
        self._window = LossWindow()
        self._stats = ReceptionStats(CLOCK_RATE[kind])
        self._report_clock: tuple[int, float] | None = None

    @property
    def routine_s(self) -> float:
        """How often who keeps this stream asks for a key frame, in seconds."""
        return ROUTINE_THIN_S if self.thin or self._trip.seconds >= FAR_S else ROUTINE_S

    def on_rtp(self, packet: RtpPacket, now: float) -> None:
        """Take a packet that is meant for this stream; other payload types are dropped."""
        formats = self.formats
        if formats is None:
            return
        if packet.payload_type == formats.payload_type:
            if self._ssrc is None:
                self._ssrc = packet.ssrc  # for good: nothing is renegotiated that could change it
            if packet.ssrc == self._ssrc:
                self._take(packet, now)
        elif packet.payload_type == formats.retransmission:
            original = unwrap_rtx(packet, formats.payload_type, self._ssrc or 0)
            if original is not None and self._ssrc is not None:
                self._take(original, now)

    def _take(self, packet: RtpPacket, now: float) -> None:
        self.packet_at = now
        sequence = self._losses.follows(packet.sequence, now)
        if sequence is None:  # not just the next one, with nothing missing
            sequence = self._losses.unwrapped(packet.sequence)
            arrival = self._losses.arrived(sequence, now)
            if arrival is Arrival.REPEAT:
                return
            if arrival is Arrival.AFTER_OUTAGE:
                self._key_wanted = self.kind is Kind.VIDEO
                for destination in self.destinations:
                    destination.begin_anew()
            if self.kind is Kind.VIDEO:
                self._ask_again(now)
        self._stats.add(sequence, packet.timestamp, now)
        if self._key_wanted and starts_key_frame(packet.payload):
            self._key_wanted = self._key_hurry = False
        for destination in self.destinations:
            destination.forward(sequence, packet, now)
        if self.listeners:
            timestamp = self._timestamp(packet.timestamp)
            for listener in self.listeners:
                listener(sequence, timestamp, packet, now)

    def _ask_again(self, now: float) -> None:
        lost = self._losses.due(now, max(LEAST_WAIT_S, ANSWERED * self._trip.seconds))
        if lost and self._ssrc is not None:
            nack = rtcp.RtcpRtpfbPacket(
                fmt=rtcp.RTCP_RTPFB_NACK, ssrc=self._feedback_ssrc, media_ssrc=self._ssrc
            )
            nack.lost = lost
            self._wire.send(bytes(nack))

    def request_key_frame(self, now: float, *, hurry: bool = False) -> None:
        """Want a key frame: asked for at once or as soon as the throttle allows, until it comes.

        The throttle is a shorter one, for the next asking, where there is reason to `hurry`.
        """
        self._key_wanted = self.kind is Kind.VIDEO
        self._key_hurry = self._key_hurry or hurry
        self._ask_key_frame(now)

    def _ask_key_frame(self, now: float) -> None:
        if not self._key_wanted or self._ssrc is None:
            return
        usual = max(KEY_FRAME_INTERVAL_S, 1.5 * self._trip.seconds)
        interval = NEW_WATCHER_INTERVAL_S if self._key_hurry else usual
        if self._key_asked is None or now - self._key_asked >= interval:
            self._key_hurry = False
            self._key_asked = now
            pli = rtcp.RtcpPsfbPacket(
                fmt=rtcp.RTCP_PSFB_PLI, ssrc=self._feedback_ssrc, media_ssrc=self._ssrc
            )
            self._wire.send(bytes(pli))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell somebody of every packet, too; call what is returned to end that."""
        self.listeners = (*self.listeners, listener)

        def end() -> None:
            self.listeners = tuple(one for one in self.listeners if one is not listener)

        return end

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

    def sample(self) -> None:
        """Once a second: note how much was lost so far."""
        self._window.sample(self._losses.highest, self._losses.lost)

    @property
    def loss(self) -> float:
        """The share (0 to 1) that was lost for good over the last five seconds."""
        return self._window.loss(self._losses.highest, self._losses.lost)

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
        self._needs_key_frame = self._key_hurry = kind is Kind.VIDEO
        self._packets = self._octets = 0
        self._report: tuple[int, float] | None = None
        self._lost: tuple[float, float] = (0.0, float("-inf"))

    def configure(self, formats: Formats) -> None:
        """Begin to send, in these formats."""
        self._formats = formats
        self._rewriter = Rewriter(
            self.ssrc, formats.payload_type, CLOCK_RATE[self.kind], secrets.randbits(15)
        )

    def attach(self, source: IncomingStream | None) -> None:
        """Take packets from this source from now on, and from no other; None: from nobody.

        The same source again changes nothing. A new one begins with a key frame.
        """
        old, self._source = self._source, source
        if source is old:
            return
        if old is not None:
            old.destinations = tuple(one for one in old.destinations if one is not self)
        if source is not None:
            source.destinations = (*source.destinations, self)
            self.begin_anew()

    def begin_anew(self) -> None:
        """Show no hole before the next packet, and begin a picture with a key frame."""
        self._needs_key_frame = self._key_hurry = self.kind is Kind.VIDEO
        if self._rewriter is not None:
            self._rewriter.switch()

    def forward(self, sequence: int, packet: RtpPacket, now: float) -> None:
        """Send a packet of the source on, rewritten."""
        if self._rewriter is None or self._source is None:
            return
        if self._needs_key_frame:
            if not self._wire.ready:
                return  # a key frame would be lost, and the next one is long in coming
            if not starts_key_frame(packet.payload):
                self._ask_key_frame(now)
                return
            self._needs_key_frame = False
        rewritten = self._rewriter.rewrite(sequence, packet, now)
        if rewritten is None:
            return
        self._packets += 1
        self._octets += len(packet.payload)
        if self.kind is Kind.VIDEO:  # nobody asks for a sound again
            self._history.keep(rewritten, now)
        self._wire.send(rewritten)

    def wire_is_ready(self, now: float) -> None:
        """Ask for the picture that is waited for: none before now could have been sent on."""
        if self._needs_key_frame and self._rewriter is not None:
            self._ask_key_frame(now)

    def _ask_key_frame(self, now: float) -> None:
        """Ask for the first picture of a source; the first time without much patience."""
        if self._source is not None:
            self._source.request_key_frame(now, hurry=self._key_hurry)
            self._key_hurry = False

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
            self._wire.send(packet)

    def on_picture_loss(self, now: float) -> None:
        """Pass the wish for a key frame on to the publisher."""
        if self._source is not None:
            self._source.request_key_frame(now)

    @property
    def source(self) -> IncomingStream | None:
        """Whose packets are sent."""
        return self._source

    def on_reception(self, report: Any, now: float) -> None:
        """Learn loss and round-trip time from a block of a receiver report (RFC 3550, 6.4.1)."""
        self._lost = report.fraction_lost / 256, now
        if self._report is not None and report.lsr and report.lsr == self._report[0]:
            self._trip.measured(now - self._report[1] - report.dlsr / 65536, now)

    def reported_loss(self, now: float) -> float:
        """Return the share that the receiver says was lost, as long as that is not old."""
        loss, at = self._lost
        return loss if now - at < REPORTED_S else 0.0

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
