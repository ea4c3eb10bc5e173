"""Waiting for a condition, with a limit and a name for what did not come."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

PERIOD_S = 0.02
"""How often a condition is looked at, first."""
LONGEST_S = 0.15
"""And later on: a look may cost a browser and three more processes some milliseconds."""
SLOWER = 1.2


def wait_until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Return the first true answer of `condition`; `TimeoutError` naming `what` after `seconds`."""
    limit = time.monotonic() + seconds
    pause = threading.Event()
    period = PERIOD_S
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        pause.wait(period)
        period = min(SLOWER * period, LONGEST_S)


async def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Do the same inside the event loop; `condition` may be a coroutine function."""
    limit = time.monotonic() + seconds
    period = PERIOD_S
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        await asyncio.sleep(period)
        period = min(SLOWER * period, LONGEST_S)
