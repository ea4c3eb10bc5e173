"""What another service says of itself, asked for anew from time to time, and used meanwhile.

One asks at a time. Whoever needs it while that takes long, or after it failed, has what was said
last; so a service that hangs holds up nobody who comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from invigilation.errors import InvigilationError
from invigilation.ports import Clock

T = TypeVar("T")
KEPT_S: Final = 3_600.0
"""So long is it good."""
STALE_S: Final = 24 * 3_600.0
"""So long at most is it used when nothing newer is to be had."""
FAILED_S: Final = 5.0
"""So long is a service left alone that did not answer: nobody queues up behind it."""
AGAIN_S: Final = 30.0
"""What is not in the last answer is looked for again, but not more often than this."""


class Refreshed(Generic[T]):
    """The last good answer of `ask`, which has its own time limit and may raise our refusals."""

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._said: tuple[float, T] | None = None
        self._asked: float | None = None
        self._refusal: InvigilationError | None = None
        self._asking: asyncio.Task[None] | None = None

    async def get(self, lacks: Callable[[T], bool] | None = None) -> T:
        """Return what is known, as new as need be; `lacks` says that something is not in it.

        Raises what `ask` raised when nothing is known.
        """
        said, now = self._said, self._clock.monotonic()
        old = said is None or now - said[0] >= KEPT_S
        wanting = said is not None and lacks is not None and lacks(said[1])
        if old or wanting:
            under_way = self._asking is not None and not self._asking.done()
            if not under_way and now - self._last_asked(now) >= self._pause(old=old):
                self._asked = now
                self._asking = asyncio.create_task(self._refresh())
                under_way = False
            usable = said is not None and now - said[0] < STALE_S and not wanting
            if self._asking is not None and not (under_way and usable):
                await asyncio.shield(self._asking)
        if self._said is not None and self._clock.monotonic() - self._said[0] < STALE_S:
            return self._said[1]
        raise self._refusal or InvigilationError("This did not answer.")

    def _last_asked(self, now: float) -> float:
        return now - AGAIN_S if self._asked is None else self._asked

    def _pause(self, *, old: bool) -> float:
        return FAILED_S if old else AGAIN_S

    async def _refresh(self) -> None:
        try:
            said = await self._ask()
        except InvigilationError as refusal:
            self._refusal = refusal
        else:
            self._said = self._clock.monotonic(), said

    async def close(self) -> None:
        """End what is still being asked."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
