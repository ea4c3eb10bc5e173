"""Leaps of the wall clock: seen, logged, and no reason to stand still.

APScheduler keeps the next run of each job as a time of day. A clock that is set back by an hour
would let every job rest for that hour: no heartbeat, no mail, no report.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

log = structlog.get_logger(__name__)
LOOK_S = 5.0
LEAP_S = 2.0
"""Less than this is drift, or a machine that was busy."""


def _of_day() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Leaps:
    """Compares the time of day with the time that has passed."""

    of_day: Callable[[], datetime] = _of_day
    passed: Callable[[], float] = time.monotonic
    _before: tuple[datetime, float] | None = field(default=None)

    def look(self) -> float:
        """Return by how many seconds the time of day has leapt since the last look, else 0."""
        now = self.of_day(), self.passed()
        before, self._before = self._before or now, now
        leap = (now[0] - before[0]).total_seconds() - (now[1] - before[1])
        return leap if abs(leap) >= LEAP_S else 0.0


async def mind(leaps: Leaps, back: Callable[[], None], every: float = LOOK_S) -> None:
    """Log every leap, and call `back` after one backwards, until cancelled."""
    while True:
        leap = leaps.look()
        if leap:
            log.warning("the clock has leapt", seconds=round(leap))
        if leap < 0:
            back()
        await asyncio.sleep(every)
