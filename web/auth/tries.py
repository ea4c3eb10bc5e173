"""A brake on wrong tries that all processes of the service count together.

With Redis they share the count, else each has its own (`Throttle`). What goes wrong is counted in
both, so that a process that loses Redis knows at least what it has seen itself.
"""

from __future__ import annotations

import time

from limits import RateLimitItemPerSecond
from limits.aio.strategies import MovingWindowRateLimiter

from web.auth.shared import Shared
from web.auth.throttle import SECONDS, Throttle


class Tries:
    """So many wrong tries in so many seconds, for `who` from a place; `name` tells counts apart.

    `now` is a monotonic time in seconds; Redis goes by its own clock.
    """

    def __init__(
        self, name: str, tries: int, seconds: float = SECONDS, shared: Shared | None = None
    ) -> None:
        self.tries = tries
        self._name = name
        self._own = Throttle(tries, seconds)
        self._shared = shared
        self._item = RateLimitItemPerSecond(tries, int(seconds))
        self._window = None if shared is None else MovingWindowRateLimiter(shared.storage)

    async def wait(self, who: str, place: str, now: float) -> float:
        """Return for how many seconds `who` may not try from this place; 0 when they may."""
        if self._shared is not None and self._window is not None:
            found = await self._shared.ask(
                self._window.get_window_stats(self._item, self._name, who, place)
            )
            if found is not None:
                reset, remaining = found
                return 0.0 if remaining > 0 else max(0.0, reset - time.time())
        return self._own.wait(who, place, now)

    async def fail(self, who: str, place: str, now: float) -> None:
        """Note one more."""
        self._own.fail(who, place, now)
        if self._shared is not None and self._window is not None:
            await self._shared.ask(self._window.hit(self._item, self._name, who, place))

    async def forget(self, who: str, place: str) -> None:
        """Start anew."""
        self._own.forget(who, place)
        if self._shared is not None and self._window is not None:
            await self._shared.ask(self._window.clear(self._item, self._name, who, place))
