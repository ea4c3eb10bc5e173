"""From RTP timestamps to the time of the recording."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

JUMP_SECONDS = 5.0
HELD_SECONDS, NEXT_SECONDS = 1.0, 0.25
WINDOW_SECONDS = 15.0
FALL, RISE = 0.1, 0.002


@dataclass(slots=True)
class Line:
    """The timestamps of one connection, laid on the receiver's clock.

    What arrives was captured no later than it arrived: the smallest difference between arrival
    and media time, of the last 15 to 30 s, is where the line belongs (the minimum filter of RFC
    5905, section 10, kept in two windows). It follows slowly, so that packets keep their
    distance: a tenth of the time that passes towards earlier, a five-hundredth towards later.
    """

    _anchor: float | None = None
    _goal: float = math.inf
    _media: float = -math.inf
    _window: int = 0
    _lowest: float = math.inf
    _before: float = math.inf

    def observe(self, media: float, received: float) -> None:
        """Learn from a packet, recorded or not."""
        window = math.floor(received / WINDOW_SECONDS)
        if window != self._window:
            # The windows of all tracks begin together, so that they move together.
            self._before = self._lowest if window == self._window + 1 else math.inf
            self._window, self._lowest = window, math.inf
        self._lowest = min(self._lowest, received - media)

    def fits(self, media: float, received: float) -> bool:
        """Whether a packet with this media time may have arrived then."""
        known = self._lowest if self._anchor is None else self._anchor
        return abs(received - media - known) <= JUMP_SECONDS

    def settle(self) -> None:
        """Decide where the line belongs by all that was observed."""
        lowest = min(self._lowest, self._before)
        # Only a whole window proves that the way has become longer.
        if self._anchor is None or lowest < self._anchor or self._before < math.inf:
            self._goal = lowest
        else:
            self._goal = self._anchor

    def place(self, media: float, floor: float) -> float:
        """Return when the packet was captured; call in order of media time.

        The first is not before `floor`, where the line before has ended.
        """
        if self._anchor is None:
            self.settle()
            self._anchor = max(self._goal, floor - media)
        else:
            passed = max(0.0, media - self._media)
            wanted = self._goal - self._anchor
            self._anchor += max(-FALL * passed, min(wanted, RISE * passed))
        self._media = max(self._media, media)
        return media + self._anchor


class Spot(NamedTuple):
    """A packet's place: its media time in seconds, on its line."""

    line: Line
    media: float


@dataclass(slots=True)
class RtpClock:
    """Places the packets of one track in seconds of the receiver's monotonic clock.

    RTP timestamps are RFC 3550, section 5.1; 32 bits, unwrapped. A packet whose timestamp is
    more than 5 s away from where it arrived belongs to a new connection with a random start. One
    that follows the last at once by its timestamp, yet a second late, comes from a source that
    stood still meanwhile (a microphone taken away and given back). Both begin a new line.

    Call `observe` for every packet as it arrives, and about every 2 s `settle`, then `place` for
    those to be recorded. By then a late first packet has been seen to be late.
    """

    rate: int
    jumped: bool = False
    """Whether the packet observed last was the first of a new connection."""
    _line: Line = field(default_factory=Line)
    _timestamp: int | None = None
    _media: float = 0.0
    _received: float = 0.0
    _newest: float = -math.inf

    def observe(self, timestamp: int, received: float) -> Spot:
        """Take a packet into account; return its place."""
        first = self._timestamp is None
        before, since = self._media, received - self._received
        media = self._unwrap(timestamp)
        held = not first and since > HELD_SECONDS and 0 < media - before < NEXT_SECONDS
        self.jumped = not (first or held or self._line.fits(media, received))
        if self.jumped or held:
            self._line = Line()
        self._received = max(received, self._received)
        self._line.observe(media, received)
        return Spot(self._line, media)

    def settle(self) -> None:
        """Decide where the packets observed until now belong."""
        self._line.settle()

    def place(self, spot: Spot) -> float:
        """Return when a packet was captured, in seconds of the clock of `received`."""
        placed = spot.line.place(spot.media, self._newest)
        self._newest = max(self._newest, placed)
        return placed

    def _unwrap(self, timestamp: int) -> float:
        """Return the media time in seconds; steps are read as the shorter way round."""
        if self._timestamp is None:
            self._timestamp = timestamp
        step = (timestamp - self._timestamp + 2**31) % 2**32 - 2**31
        self._timestamp = timestamp % 2**32
        self._media += step / self.rate
        return self._media
