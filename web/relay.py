"""Lets several processes of the service hear of one another's changes, by Redis.

What goes through it are nudges, never facts: "this session changed", "this invigilator's lobby
changed". Each process then reads the database. A nudge that is lost costs seconds, not truth:
rooms and lobbies look again by themselves, and all at once when Redis is back after a loss. Without
Redis there is one process, and it nudges itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from invigilation.store.views import Sitting

log = structlog.get_logger(__name__)
CHANNEL = "invigilation:nudges"
RETRY_SECONDS = 1.0
LISTEN_SECONDS = 5.0
SPEAK_SECONDS = 2.0
MAX_WAITING = 1_000

Hear = Callable[[str], None]


class Relay:
    """Passes nudges on, to this process at once and to the others when Redis is there.

    `session` hears the ids of sessions that changed, `staff` those of invigilators, `signed_out`
    those of staff, or of learners' requests, whose login ended. `again` is called when Redis is
    heard again after a loss: what was said meanwhile nobody has heard.
    """

    def __init__(
        self,
        url: str,
        session: Hear,
        staff: Hear,
        signed_out: Hear,
        again: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._hear = {"session": session, "staff": staff, "signed_out": signed_out}
        self._again = again
        self._heard = False
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING)

    def changed(self, *sittings: Sitting) -> None:
        """Tell all processes that these sittings changed."""
        for sitting in sittings:
            self.session_changed(sitting.session)
            self.lobby_changed(sitting.staff)

    def session_changed(self, session: str) -> None:
        """Tell all processes that this session changed."""
        self._tell("session", session)

    def lobby_changed(self, staff: str) -> None:
        """Tell all processes that this invigilator's day looks different."""
        self._tell("staff", staff)

    def signed_out(self, person: str) -> None:
        """Tell all processes that somebody of the staff, or a request's learner, has signed out."""
        self._tell("signed_out", person)

    def _tell(self, kind: str, ident: str) -> None:
        self._hear[kind](ident)
        if not self._url:
            return
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(json.dumps({"kind": kind, "id": ident}))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Talk to Redis, if there is one, while the block lasts."""
        if not self._url:
            yield
            return
        tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._listen())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _speak(self) -> None:
        # A nudge is worth one more try at once, on a fresh connection: the library's own waits, of
        # many seconds, would hold up all the nudges behind it.
        retry = Retry(NoBackoff(), 1)
        async with Redis.from_url(self._url, decode_responses=True, retry=retry) as redis:
            while True:
                nudge = await self._waiting.get()
                try:
                    async with asyncio.timeout(SPEAK_SECONDS):
                        await redis.publish(CHANNEL, nudge)
                except (RedisError, OSError) as error:  # a time-out is an OSError, too
                    log.warning("nudge lost", error=str(error))

    async def _listen(self) -> None:
        while True:
            try:
                async with Redis.from_url(self._url, decode_responses=True) as redis:
                    await self._hear_out(redis)
            except (RedisError, OSError) as error:
                log.warning("redis away", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear_out(self, redis: Redis) -> None:
        async with redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            while True:
                message = await channel.get_message(timeout=LISTEN_SECONDS)
                if message is not None and message["type"] == "subscribe":
                    # The library comes back by itself from short losses, and subscribes anew.
                    if self._heard:
                        self._again()
                    self._heard = True
                elif message is not None:
                    self._take(message["data"])

    def _take(self, raw: str) -> None:
        try:
            nudge = json.loads(raw)
            hear = self._hear[nudge["kind"]]
            hear(str(nudge["id"]))
        except (ValueError, KeyError, TypeError):
            log.warning("nudge not understood")
