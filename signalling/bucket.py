"""A bucket that fills again: so much at once, and so much a second."""

from __future__ import annotations

from invigilation.ports import Clock


class Bucket:
    """Lets `rate` a second pass, and `burst` at once."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._level = burst
        self._at = clock.monotonic()

    @property
    def level(self) -> float:
        """How much is in it."""
        self._fill()
        return self._level

    @property
    def full(self) -> bool:
        """Whether it is as if nothing had ever been taken."""
        return self.level >= self._burst

    def take(self) -> bool:
        """Take one; say whether there was one."""
        self._fill()
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
