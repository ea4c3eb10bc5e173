"""A brake on guessing: few wrong passwords for one address from one place."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

TRIES = 5
SECONDS = 15 * 60.0
MAX_KEPT = 10_000


@dataclass(slots=True)
class Throttle:
    """Counts failures in memory; `now` is a monotonic time in seconds. The oldest are forgotten."""

    _failures: OrderedDict[tuple[str, str], deque[float]] = field(default_factory=OrderedDict)

    def wait(self, email: str, place: str, now: float) -> float:
        """Return for how many seconds nobody may try for this address from this place."""
        failed = self._failures.get((email, place))
        if failed is None or len(failed) < TRIES:
            return 0.0
        return max(0.0, failed[0] + SECONDS - now)

    def fail(self, email: str, place: str, now: float) -> None:
        """Note a wrong password."""
        failed = self._failures.setdefault((email, place), deque(maxlen=TRIES))
        failed.append(now)
        self._failures.move_to_end((email, place))
        while len(self._failures) > MAX_KEPT:
            self._failures.popitem(last=False)

    def forget(self, email: str, place: str) -> None:
        """Start anew after a right password."""
        self._failures.pop((email, place), None)
