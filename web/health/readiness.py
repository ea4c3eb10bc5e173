"""Whether the service can do its work: a few checks, each short, asked for together.

Some of what fails stops the work: then a load balancer should send nobody here. The rest only
weakens it, and taking the service away would be worse: sessions are running in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from invigilation.ports import Clock

CHECK_S: Final = 2.0
"""For one check: a database that answers later is away."""
KEPT_S: Final = 1.0
"""An answer is good for so long: whoever asks all the time costs nothing."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """A question to something that the service needs; `ask` raises when it is not well.

    `stops`: without it no work can be done here.
    """

    name: str
    ask: Callable[[], Awaitable[None]]
    stops: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How everything stood when it was last looked at: the names of the checks that failed."""

    stopped: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Say whether work can be done."""
        return not self.stopped

    @property
    def failing(self) -> tuple[str, ...]:
        """Return everything that failed."""
        return self.stopped + self.weak


class Readiness:
    """Asks the checks, never twice at once; remembers the answer for `KEPT_S`."""

    def __init__(self, checks: Sequence[Check], clock: Clock) -> None:
        self.checks = tuple(checks)
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known = Standing()
        self._at = float("-inf")
        self._draining = False
        self._hanging: dict[str, asyncio.Task[None]] = {}

    @property
    def draining(self) -> bool:
        """Say whether the service says good-bye."""
        return self._draining

    def drain(self) -> None:
        """Be ready for nobody any more, from now on: the service ends soon."""
        self._draining = True

    async def look(self) -> Standing:
        """Return how everything stands; takes `CHECK_S` at most."""
        async with self._turn:
            if self._clock.monotonic() - self._at >= KEPT_S:
                found = await asyncio.gather(*(self._fails(one) for one in self.checks))
                failed = [one for one, bad in zip(self.checks, found, strict=True) if bad]
                known = Standing(
                    tuple(one.name for one in failed if one.stops),
                    tuple(one.name for one in failed if not one.stops),
                )
                self._tell(known)
                self._known, self._at = known, self._clock.monotonic()
        if self._draining:
            return Standing(("draining", *self._known.stopped), self._known.weak)
        return self._known

    async def close(self) -> None:
        """End the questions that nothing has answered yet."""
        for task in self._hanging.values():
            task.cancel()
        await asyncio.gather(*self._hanging.values(), return_exceptions=True)

    async def _fails(self, check: Check) -> bool:
        """Ask, and wait for `CHECK_S`; one that still hangs is not asked again meanwhile."""
        task = self._hanging.get(check.name)
        if task is None:
            task = asyncio.create_task(_ask(check))
            self._hanging[check.name] = task
        done, _ = await asyncio.wait({task}, timeout=CHECK_S)
        if not done:
            return True
        del self._hanging[check.name]
        return task.cancelled() or task.exception() is not None

    def _tell(self, now: Standing) -> None:
        before, after = set(self._known.failing), set(now.failing)
        if gone := sorted(after - before):
            log.warning("health.failing", checks=gone)
        if back := sorted(before - after):
            log.info("health.well_again", checks=back)


async def _ask(check: Check) -> None:
    await check.ask()
