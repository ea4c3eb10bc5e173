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
"""How often a condition is looked at."""


def wait_until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Return the first true answer of `condition`; `TimeoutError` naming `what` after `seconds`."""
    limit = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        pause.wait(PERIOD_S)


async def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Do the same inside the event loop; `condition` may be a coroutine function."""
    limit = time.monotonic() + seconds
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        await asyncio.sleep(PERIOD_S)
