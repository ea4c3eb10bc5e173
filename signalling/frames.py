"""From RTP packets to whole pictures and sounds in order, for those who keep or look at them.

Sources: RFC 7741 (VP8 payload), RFC 6386 (VP8), RFC 7587 (Opus payload).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from signalling.rtp import REPAIR_WINDOW_S, MalformedRtp, RtpPacket

WINDOW_PACKETS: Final = 1024
"""Packets held while waiting for a missing one, or for the end of a frame; more, and what they wait
for is given up."""
AUDIO_WINDOW_PACKETS: Final = 8
"""Sounds held back for a late one: a lost one is a gap in time and is not waited for long."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One complete VP8 frame.

    `rtp_timestamp` is unwrapped, 90 kHz; `received` is the monotonic time of its last packet.
    """

    data: bytes
    rtp_timestamp: int
    key_frame: bool
    received: float


class _Part(NamedTuple):
    """What a packet holds of a frame; without data it is padding, or nothing of VP8."""

    starts: bool
    marker: bool
    timestamp: int
    data: bytes
    received: float

    @property
    def key(self) -> bool:
        """Whether a key frame begins here (RFC 6386, 9.1: the first bit is 0)."""
        return self.starts and bool(self.data) and not self.data[0] & 0x01


def descriptor_length(payload: bytes) -> int:
    """Length in bytes of the VP8 payload descriptor (RFC 7741, 4.2). Raises MalformedRtp."""
    length = 1
    try:
        if payload[0] & 0x80:
            extended = payload[1]
            length = 2
            if extended & 0x80:
                length += 2 if payload[2] & 0x80 else 1
            if extended & 0x40:
                length += 1
            if extended & 0x30:
                length += 1
    except IndexError:
        raise MalformedRtp("the VP8 descriptor is cut off") from None
    if length >= len(payload):
        raise MalformedRtp("no VP8 data")
    return length


def starts_frame(payload: bytes) -> bool:
    """Whether this payload is the first of a frame: partition 0 begins here."""
    return bool(payload) and payload[0] & 0x1F == 0x10


def starts_key_frame(payload: bytes) -> bool:
    """Whether a key frame begins with this payload (RFC 6386, 9.1: the first bit is 0)."""
    if not starts_frame(payload):
        return False
    try:
        return not payload[descriptor_length(payload)] & 0x01
    except MalformedRtp:
        return False


def key_frame_width(frame: bytes) -> int:
    """Width in pixels of a VP8 key frame (RFC 6386, 9.1); 0 when it says nothing of that kind."""
    if len(frame) < 10 or frame[3:6] != b"\x9d\x01\x2a":
        return 0
    return int.from_bytes(frame[6:8], "little") & 0x3FFF


class FrameAssembler:
    """Puts VP8 packets together, in order, beginning with a key frame.

    A frame with a hole that is not mended in time is dropped, with all that follow it, up to the
    next key frame: `broken` then says that somebody should ask for one.
    """

    def __init__(self) -> None:
        self._next: int | None = None
        # of the frame that has begun and has no hole up to here
        self._run: list[bytes] = []
        self._timestamp = 0
        self._received = 0.0
        # what lies behind a hole
        self._parts: dict[int, _Part] = {}
        self._blocked: float | None = None

    @property
    def broken(self) -> bool:
        """Whether nothing can come out before another key frame has come in."""
        return self._next is None

    def add(self, sequence: int, timestamp: int, packet: RtpPacket, now: float) -> list[Frame]:
        """Take a packet, with its unwrapped numbers; give the frames that it completes."""
        if self._next is not None and sequence < self._next:
            return []
        payload = packet.payload
        try:
            data = payload[descriptor_length(payload) :] if payload else b""
        except MalformedRtp:
            data = b""
        starts = starts_frame(payload)
        if (
            sequence == self._next
            and data
            and not self._parts
            and len(self._run) < WINDOW_PACKETS
            and self._fits(starts, timestamp)
        ):
            # nearly all come so
            return self._put(data, timestamp, packet.marker, now)
        return self._add(sequence, _Part(starts, packet.marker, timestamp, data, now))

    def _add(self, sequence: int, part: _Part) -> list[Frame]:
        """Take what is out of order, or ends a frame that cannot be had whole."""
        self._parts[sequence] = part
        if self._next is None:
            if not part.key:
                self._forget_oldest()
                return []
            self._begin(sequence)
        frames = self._drain()
        if self._hopeless(part.received):
            self._give_up()
            frames += self._drain()
        return frames

    def _begin(self, sequence: int) -> None:
        self._next = sequence
        self._run = []
        self._blocked = None
        for old in [number for number in self._parts if number < sequence]:
            del self._parts[old]

    def _drain(self) -> list[Frame]:
        frames: list[Frame] = []
        while self._next is not None and (part := self._parts.get(self._next)) is not None:
            if not part.data and not self._run:
                del self._parts[self._next]  # padding between frames
                self._next += 1
            elif not self._fits(part.starts, part.timestamp):
                self._give_up()
            else:
                del self._parts[self._next]
                frames += self._put(part.data, part.timestamp, part.marker, part.received)
        return frames

    def _fits(self, starts: bool, timestamp: int) -> bool:  # noqa: FBT001 - what a packet says
        """Whether a part may stand at the next place."""
        return not starts and timestamp == self._timestamp if self._run else starts

    def _put(self, data: bytes, timestamp: int, marker: bool, received: float) -> list[Frame]:  # noqa: FBT001 - what a packet says
        """Add to the frame that has begun, or begin one; give it when this is its end."""
        self._next = (self._next or 0) + 1
        self._timestamp = timestamp
        self._received = max(self._received, received) if self._run else received
        self._run.append(data)
        if not marker:
            return []
        data, self._run = b"".join(self._run), []
        self._blocked = None
        return [Frame(data, timestamp, not data[0] & 0x01, self._received)]

    def _hopeless(self, now: float) -> bool:
        """Whether a hole, or the end of a frame, has been waited for long enough."""
        if len(self._parts) + len(self._run) > WINDOW_PACKETS:
            return True
        if self._next is None or not self._parts:
            self._blocked = None
            return False
        if self._blocked is None:
            self._blocked = now
        return now - self._blocked > REPAIR_WINDOW_S

    def _give_up(self) -> None:
        """Go on from the next key frame that is here already, or wait for one."""
        keys = [number for number, part in self._parts.items() if part.key]
        self._next, self._run = None, []
        if keys:
            self._begin(min(keys))
        else:
            self._parts.clear()

    def _forget_oldest(self) -> None:
        # while broken, only a reordered tail of the key frame to come is worth keeping
        while len(self._parts) > 32:
            del self._parts[min(self._parts)]


class AudioOrder:
    """Gives Opus packets in the order of their sequence numbers; late ones are dropped."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[bytes, int, float]] = {}
        self._next: int | None = None

    def add(
        self, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> list[tuple[bytes, int, float]]:
        """Take a packet, unwrapped numbers; give (payload, timestamp, received) in order."""
        if self._next is None:
            self._next = sequence
        if sequence == self._next and not self._held:
            self._next += 1
            return [(payload, timestamp, now)]
        if sequence < self._next:
            return []
        self._held[sequence] = (payload, timestamp, now)
        if len(self._held) > AUDIO_WINDOW_PACKETS:
            self._next = min(self._held)
        ready = []
        while (packet := self._held.pop(self._next, None)) is not None:
            ready.append(packet)
            self._next += 1
        return ready
