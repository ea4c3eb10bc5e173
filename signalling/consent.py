"""Asking for consent to go on sending (RFC 7675), with a satellite's patience.

The RFC's 30 s would end a session at each passage under a bridge; here it is as long as the caller
says. While nothing is answered, the questions become many: the first one that gets through brings
media back, also to a browser that has forgotten this address by then (Chromium does after some
30 s, and knows it again by a check).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Final

INTERVAL_S: Final = 5.0
RETRY_S: Final = 1.0
"""A question that is not answered is joined by the next one."""
RETRANSMISSIONS: Final = 2
"""Sent at 0, 0.5 and 1.5 s, answered up to 3.5 s: longer than a full queue and a satellite. With
the questions that join it, one goes out every half a second."""


async def keep(ask: Callable[[], Awaitable[bool]], expiry_s: float) -> None:
    """Ask again and again; return when nothing was answered for `expiry_s`.

    `ask` asks once, and says whether it was answered; it never raises. The first time is now.
    """
    loop = asyncio.get_running_loop()
    answered, pause = loop.time(), 0.0
    heard = asyncio.Event()
    asking: set[asyncio.Task[None]] = set()

    async def once() -> None:
        if await ask():
            heard.set()

    try:
        while loop.time() - answered < expiry_s:
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            asking = {task for task in asking if not task.done()}
            asking.add(asyncio.create_task(once()))
            pause = 0.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S):
                    await heard.wait()
            if heard.is_set():
                heard.clear()
                answered, pause = loop.time(), INTERVAL_S
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
