"""Counts that the processes of one service share, in Redis; without it each counts for itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from typing import Final, TypeVar

import structlog
from limits.aio.storage import RedisStorage
from redis.exceptions import RedisError

T = TypeVar("T")
SHARED_S: Final = 0.5
"""How long Redis may take; then this process counts by itself."""
AWAY_S: Final = 5.0
"""So long a Redis that did not answer is not asked again: nobody waits for it at every request."""
PREFIX: Final = "invigilation:rates"

log = structlog.get_logger(__name__)


class Shared:
    """The counts in one Redis; nothing is connected before the first question."""

    def __init__(self, redis_url: str) -> None:
        self.storage = RedisStorage(
            f"async+{redis_url}",
            implementation="redispy",
            key_prefix=PREFIX,
            socket_timeout=SHARED_S,
            socket_connect_timeout=SHARED_S,
        )
        self._away_until = 0.0

    async def ask(self, answer: Awaitable[T]) -> T | None:
        """Return what Redis says; None while it is away, and for some seconds after that."""
        now = time.monotonic()
        if now < self._away_until:
            if asyncio.iscoroutine(answer):
                answer.close()
            return None
        try:
            async with asyncio.timeout(SHARED_S):
                return await answer
        except (RedisError, OSError) as error:  # a time-out is an OSError, too
            self._away_until = now + AWAY_S
            log.warning("counts are kept by this process alone", why=repr(error)[:200])
            return None

    async def close(self) -> None:
        """Let go of Redis."""
        client = getattr(getattr(self.storage, "bridge", None), "storage", None)
        if client is not None:
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()
