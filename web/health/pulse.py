"""Whether the clock's sweeps go on: by the times at which each of them last ended."""

from __future__ import annotations

from collections.abc import Iterable

from invigilation.ports import Clock
from scheduler.jobs import Job

MISSED = 2
"""So many runs in a row may be missed: a busy machine is no dead one."""


class Pulse:
    """Hears of every run of every sweep, and says which are late. Times are monotonic seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._patience: dict[str, float] = {}
        self._due_after: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._well: dict[str, float] = {}

    def expect(self, jobs: Iterable[Job]) -> None:
        """Expect these sweeps from now on."""
        now = self._clock.monotonic()
        for job in jobs:
            period, timeout = job.period.total_seconds(), job.timeout.total_seconds()
            self._due_after[job.name] = period + timeout
            self._patience[job.name] = MISSED * period + timeout
            self._ended[job.name] = self._well[job.name] = now

    def ran(self, job: str, good: bool) -> None:  # noqa: FBT001 - the runner's hook
        """Note that a sweep has ended, and whether well."""
        now = self._clock.monotonic()
        self._ended[job] = now
        if good:
            self._well[job] = now

    def late(self) -> dict[str, float]:
        """Return for each sweep by how many seconds its next good end is overdue; 0: it is not."""
        now = self._clock.monotonic()
        return {job: max(now - self._well[job] - due, 0.0) for job, due in self._due_after.items()}

    def standing(self) -> list[str]:
        """Return the sweeps that have not even ended badly for too long: nothing runs them."""
        now = self._clock.monotonic()
        late = (job for job, left in self._patience.items() if now - self._ended[job] > left)
        return sorted(late)
