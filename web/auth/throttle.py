"""A brake: only so often in a quarter of an hour (or another time), such as wrong passwords."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

TRIES = 5
SECONDS = 15 * 60.0
MAX_KEPT = 10_000


@dataclass(slots=True)
class Throttle:
    """Counts in memory what went wrong, or was done, for `who` from a place.

    `now` is a monotonic time in seconds. When there are too many to keep, the oldest are forgotten.
    """

    tries: int = TRIES
    seconds: float = SECONDS
    _failures: OrderedDict[tuple[str, str], deque[float]] = field(default_factory=OrderedDict)

    def wait(self, who: str, place: str, now: float) -> float:
        """Return for how many seconds `who` may not try from this place; 0 when they may."""
        failed = self._failures.get((who, place))
        if failed is None or len(failed) < self.tries:
            return 0.0
        return max(0.0, failed[0] + self.seconds - now)

    def fail(self, who: str, place: str, now: float) -> None:
        """Note one more."""
        failed = self._failures.setdefault((who, place), deque(maxlen=self.tries))
        failed.append(now)
        self._failures.move_to_end((who, place))
        while len(self._failures) > MAX_KEPT:
            self._failures.popitem(last=False)

    def forget(self, who: str, place: str) -> None:
        """Start anew."""
        self._failures.pop((who, place), None)
