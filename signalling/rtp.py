"""RTP as values: packets, sequence arithmetic, loss and its repair, one stream made of another.

Nothing here sends, sleeps or reads a clock: times are monotonic seconds handed in.
Sources: RFC 3550 (RTP), RFC 4585 (feedback), RFC 4588 (retransmission payload), RFC 8285 (header
extensions).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("!BBHLL")
NTP_SECOND: Final = 1 << 32
HISTORY_PACKETS: Final = 512
"""Packets kept for retransmission: 5 s of a 1 Mbit/s picture."""
REPAIR_WINDOW_S: Final = 2.5
"""A packet missing for longer is given up: three round trips of a geostationary satellite."""
NACK_TRIES: Final = 6
SOONER: Final = 0.4
"""At first a whole answer is waited for, then this part of it. Asking too soon costs next to
nothing: browsers send nothing again within a round trip."""
LEAST_WAIT_S: Final = 0.1
MAX_MISSING: Final = 256
"""More missing packets are an outage: a new key frame repairs it better than so many NACKs."""
OUTAGE_S: Final = 1.5
"""After such a silence the past is not asked for: it would only stuff a narrow link again."""


class MalformedRtp(ValueError):
    """These bytes are not the packet that they should be; drop them."""


class RtpPacket(NamedTuple):
    """One RTP packet without CSRCs, header extensions and padding; fields as on the wire."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """Serialise: a header of 12 bytes, then the payload."""
        second = self.payload_type | (0x80 if self.marker else 0)
        return HEADER.pack(0x80, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def parse_rtp(data: bytes) -> RtpPacket:
    """Parse a plain (decrypted) RTP packet (RFC 3550, 5.1).

    Raises MalformedRtp, and nothing else, for any other bytes.
    """
    length = len(data)
    if length < 12:
        raise MalformedRtp("shorter than a header")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedRtp("not version 2")
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if length < start + 4:
            raise MalformedRtp("the header extension is cut off")
        start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
    end = length
    if first & 0x20:
        if not data[-1]:
            raise MalformedRtp("padding of no length")
        end -= data[-1]
    if end < start:
        raise MalformedRtp("the payload is cut off")
    return RtpPacket(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, data[start:end])


def header_extension(data: bytes, identifier: int) -> bytes | None:
    """Find one element of a packet's header extensions (RFC 8285, 4.2 and 4.3).

    `data` is a packet that `parse_rtp` has taken; None when the element is not there.
    """
    if not data[0] & 0x10:
        return None
    place = HEADER.size + 4 * (data[0] & 0x0F)
    profile, words = data[place] << 8 | data[place + 1], data[place + 2] << 8 | data[place + 3]
    place += 4
    end = place + 4 * words
    one_byte = profile == 0xBEDE
    if not one_byte and profile >> 4 != 0x100:
        return None
    while place < end - 1:
        first = data[place]
        if not first:  # padding
            place += 1
            continue
        if one_byte:
            found, length, start = first >> 4, (first & 0x0F) + 1, place + 1
        else:
            found, length, start = first, data[place + 1], place + 2
        place = start + length
        if found == identifier:
            return data[start:place] if place <= end else None
    return None


class Unwrapper:
    """Turns a counter that wraps after `bits` bits into one that does not.

    A value is taken as the nearest one to the highest seen, so late packets get their own place.
    """

    def __init__(self, bits: int) -> None:
        self._modulus = 1 << bits
        self._highest: int | None = None

    def __call__(self, value: int) -> int:
        """Unwrap one value; the first stays as it is."""
        highest = self._highest
        if highest is None:
            self._highest = value
            return value
        ahead = (value - highest) % self._modulus
        if ahead < self._modulus >> 1:
            self._highest = highest + ahead
            return highest + ahead
        return highest + ahead - self._modulus


@dataclass(slots=True)
class _Missing:
    since: float
    asked: float = float("-inf")
    tries: int = 0

    def wait(self, retry_s: float) -> float:
        """Return for how long what was asked last is waited for."""
        return retry_s if self.tries < 2 else max(LEAST_WAIT_S, SOONER * retry_s)


class Arrival(StrEnum):
    """What a packet is to those who wait for it."""

    NEW = "new"
    REPEAT = "repeat"
    """Or given up already."""
    AFTER_OUTAGE = "after an outage"
    """New, but what lies before it will not be had any more."""


class LossTracker:
    """Knows which packets are missing, which have come before, and what to ask for again.

    `lost` is how many were given up so far.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._highest: int | None = None
        self._highest_at = 0.0
        self._missing: dict[int, _Missing] = {}

    @property
    def highest(self) -> int | None:
        """The highest sequence number that has come, unwrapped."""
        return self._highest

    def unwrapped(self, sequence: int) -> int:
        """Turn a sequence number of 16 bits into the nearest one to the highest that has come."""
        highest = self._highest
        if highest is None:
            return sequence
        return highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000

    def follows(self, sequence: int, now: float) -> int | None:
        """Note and unwrap 16 bits if they are the next and none is missing; else give None."""
        highest = self._highest
        if highest is None or self._missing or (sequence - highest) & 0xFFFF != 1:
            return None
        self._highest, self._highest_at = highest + 1, now
        return highest + 1

    def arrived(self, sequence: int, now: float) -> Arrival:
        """Note an unwrapped sequence number."""
        highest, silence = self._highest, now - self._highest_at
        if highest is not None and sequence == highest + 1:
            self._highest, self._highest_at = sequence, now
            return Arrival.NEW
        if highest is not None and sequence <= highest:
            known = self._missing.pop(sequence, None)
            return Arrival.REPEAT if known is None else Arrival.NEW
        self._highest, self._highest_at = sequence, now
        if highest is None:
            return Arrival.NEW
        if silence > OUTAGE_S or sequence - highest + len(self._missing) > MAX_MISSING:
            self.lost += sequence - highest - 1 + len(self._missing)
            self._missing.clear()
            return Arrival.AFTER_OUTAGE
        for lost in range(highest + 1, sequence):
            self._missing[lost] = _Missing(now)
        return Arrival.NEW

    def due(self, now: float, retry_s: float) -> list[int]:
        """Sequence numbers (16 bits, ascending) to ask for now; gives up the old ones.

        `retry_s`: so long after the first time an answer would have come.
        """
        if not self._missing:
            return []
        asked = []
        for sequence, missing in list(self._missing.items()):
            if now - missing.since > REPAIR_WINDOW_S:
                del self._missing[sequence]
                self.lost += 1
            elif missing.tries < NACK_TRIES and now - missing.asked >= missing.wait(retry_s):
                missing.tries += 1
                missing.asked = now
                asked.append(sequence & 0xFFFF)
        # a NACK is packed from ascending 16-bit numbers, whatever has wrapped
        return sorted(asked)


@dataclass(frozen=True, slots=True)
class Reception:
    """What a receiver report says of one stream (RFC 3550, 6.4.1)."""

    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int


class ReceptionStats:
    """Counts loss and jitter of one stream as RFC 3550, A.3 and A.8, do."""

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._base: int | None = None
        self._highest = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._timestamp = 0
        self._arrived: float | None = None
        self._jitter = 0.0

    def add(self, sequence: int, timestamp: int, now: float) -> None:
        """Count a packet: its unwrapped sequence number, its timestamp as on the wire."""
        if self._base is None:
            self._base = self._highest = sequence
        self._received += 1
        if sequence < self._highest:
            return
        self._highest = sequence
        if self._arrived is not None:
            # signed, of 32 bits: a picture's packets share a timestamp, and it wraps
            apart = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            late = (now - self._arrived) * self._rate - apart
            self._jitter += (abs(late) - self._jitter) / 16
        self._timestamp, self._arrived = timestamp, now

    def report(self) -> Reception | None:
        """Sum up since the last report; None when nothing has come at all."""
        if self._base is None:
            return None
        expected = self._highest - self._base + 1
        wanted = expected - self._expected_before
        got = self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost = max(0, wanted - got)
        return Reception(
            fraction_lost=min(255, (lost << 8) // wanted) if wanted > 0 else 0,
            packets_lost=max(-0x800000, min(0x7FFFFF, expected - self._received)),
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=min(int(self._jitter), 0xFFFFFFFF),
        )


@dataclass(frozen=True, slots=True)
class SourceClock:
    """The pair of clocks of a publisher's sender report, and when it came.

    `ntp` is 64-bit fixed point of the publisher's own wall clock, which its sound and its picture
    share: that is what keeps lips and voice together.
    """

    ntp: int
    rtp: int
    received: float

    def at(self, now: float, clock_rate: int) -> tuple[int, int]:
        """Both clocks as they would read now: NTP (64 bits) and RTP (not wrapped)."""
        elapsed = now - self.received
        ntp = (self.ntp + int(elapsed * NTP_SECOND)) & 0xFFFFFFFFFFFFFFFF
        return ntp, self.rtp + int(elapsed * clock_rate)


class Rewriter:
    """Makes one unbroken outgoing stream of the packets of one source after another.

    Holes of the source stay holes, so that the receiver can ask for what is missing.
    """

    def __init__(self, ssrc: int, payload_type: int, clock_rate: int, sequence: int) -> None:
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._rate = clock_rate
        self._next = sequence
        self._last_timestamp = 0
        self._last_at: float | None = None
        self._first: int | None = None
        self._sequence_shift = 0
        self.timestamp_shift = 0
        """Outgoing less incoming timestamp of the present source."""

    @property
    def started(self) -> bool:
        """Whether a packet of the present source has come."""
        return self._first is not None

    def switch(self) -> None:
        """Take the next packet as the first one of a new source."""
        self._first = None

    def rewrite(self, sequence: int, packet: RtpPacket, now: float) -> bytes | None:
        """Rewrite one packet, whose unwrapped sequence number is given; None: older than all.

        Gives it as on the wire: 12 bytes of header and the payload.
        """
        if self._first is None:
            self._first = sequence
            self._sequence_shift = self._next - sequence
            if self._last_at is not None:
                gone = max(1, int((now - self._last_at) * self._rate))
                self.timestamp_shift = self._last_timestamp + gone - packet.timestamp
        elif sequence < self._first:
            return None
        outgoing = sequence + self._sequence_shift
        timestamp = (packet.timestamp + self.timestamp_shift) & 0xFFFFFFFF
        if outgoing >= self._next:
            self._next = outgoing + 1
            self._last_timestamp, self._last_at = timestamp, now
        second = self._payload_type | 0x80 if packet.marker else self._payload_type
        header = HEADER.pack(0x80, second, outgoing & 0xFFFF, timestamp, self._ssrc)
        return header + packet.payload


class History:
    """The last 512 packets sent, as they were, for those who ask again soon enough."""

    def __init__(self) -> None:
        self._kept: list[bytes | None] = [None] * HISTORY_PACKETS
        self._sent = [0.0] * HISTORY_PACKETS
        self._resent: list[float | None] = [None] * HISTORY_PACKETS
        self._last = 0

    def keep(self, packet: bytes, now: float) -> None:
        """Remember a packet in place of the one 512 before it."""
        sequence = sequence_of(packet)
        place = sequence % HISTORY_PACKETS
        self._kept[place] = packet
        self._sent[place] = now
        self._resent[place] = None
        if (sequence - self._last) & 0xFFFF < 0x8000:
            self._last = sequence

    def again(self, sequence: int, now: float, interval_s: float) -> bytes | None:
        """Find a packet to send again; None: not here, too old, or sent again a moment ago."""
        place = sequence % HISTORY_PACKETS
        packet, resent = self._kept[place], self._resent[place]
        if packet is None or sequence_of(packet) != sequence or self.too_late(sequence, now):
            return None
        if resent is not None and now - resent < interval_s:
            return None
        self._resent[place] = now
        return packet

    def too_late(self, sequence: int, now: float) -> bool:
        """Whether a packet was sent so long ago that it is of no use any more."""
        if (self._last - sequence) & 0xFFFF >= HISTORY_PACKETS:
            return True
        packet = self._kept[sequence % HISTORY_PACKETS]
        age = now - self._sent[sequence % HISTORY_PACKETS]
        return packet is not None and sequence_of(packet) == sequence and age > REPAIR_WINDOW_S


def sequence_of(packet: bytes) -> int:
    """Sequence number of a packet as on the wire."""
    return packet[2] << 8 | packet[3]


def wrap_rtx(packet: bytes, payload_type: int, sequence: int, ssrc: int) -> bytes:
    """Put a packet of ours, whose header has 12 bytes, into a retransmission (RFC 4588, 4)."""
    timestamp = int.from_bytes(packet[4:8])
    second = payload_type | (packet[1] & 0x80)
    header = HEADER.pack(0x80, second, sequence, timestamp, ssrc)
    return header + packet[2:4] + packet[HEADER.size :]


def unwrap_rtx(packet: RtpPacket, payload_type: int, ssrc: int) -> RtpPacket | None:
    """Take the original out of a retransmission packet; None when it is only padding."""
    if len(packet.payload) <= 2:
        return None
    sequence = int.from_bytes(packet.payload[:2])
    return RtpPacket(
        payload_type, packet.marker, sequence, packet.timestamp, ssrc, packet.payload[2:]
    )
