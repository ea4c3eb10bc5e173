"""From RTP timestamps to the time of the recording."""

from __future__ import annotations

JUMP_SECONDS = 5.0
CATCH_UP = 0.1


class RtpClock:
    """Places the packets of one track in seconds of the receiver's monotonic clock.

    The first packet is placed where it arrived, the others by their RTP timestamps (RFC 3550,
    section 5.1; 32 bits, unwrapped). A packet whose timestamp is more than 5 s away from where
    it arrived belongs to a new connection with a random start, and is placed anew by arrival.

    The first frame of a thin link is a large key frame that arrives late. With `catch_up`, a
    later frame that arrives earlier than expected pulls the track forward to where it belongs,
    by at most a tenth of the time that passes.
    """

    def __init__(self, rate: int, *, catch_up: bool) -> None:
        self._rate = rate
        self._slope = CATCH_UP if catch_up else 0.0
        self._timestamp: int | None = None
        self._media = 0.0
        self._anchor = 0.0
        self._newest = float("-inf")
        self.jumped = False
        """Whether the last packet placed was the first of a new connection."""

    def listen(self, timestamp: int, received: float) -> None:
        """Learn from a packet that is not recorded, before the first that is."""
        observed = received - self._unwrap(timestamp)
        if self._newest == float("-inf"):
            self._anchor = observed
            self._newest = received
        self._anchor = min(self._anchor, observed)

    def place(self, timestamp: int, received: float) -> float:
        """Return when the packet belongs, in seconds of the clock of `received`."""
        before = self._media
        media = self._unwrap(timestamp)
        observed = received - media
        self.jumped = False
        if self._newest == float("-inf"):
            self._anchor = observed
        elif abs(observed - self._anchor) > JUMP_SECONDS:
            # Time in the file goes on: the new connection begins behind the old one.
            self._anchor = max(observed, self._newest - media)
            self.jumped = True
        elif observed < self._anchor:
            self._anchor -= min(self._anchor - observed, self._slope * max(0.0, media - before))
        placed = media + self._anchor
        self._newest = max(self._newest, placed)
        return placed

    def _unwrap(self, timestamp: int) -> float:
        """Return the media time in seconds; steps are read as the shorter way round."""
        if self._timestamp is None:
            self._timestamp = timestamp
        step = (timestamp - self._timestamp + 2**31) % 2**32 - 2**31
        self._timestamp = timestamp % 2**32
        self._media += step / self._rate
        return self._media
