"""Takes still pictures off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from invigilation.errors import Busy
from recordings.errors import PictureUndecodable
from recordings.vision.capture import Picture, decode_key_frame
from recordings.vision.watch import Small, decode_small

Read = TypeVar("Read")
WORKERS = 2
MAX_AT_ONCE = 8
TIMEOUT_SECONDS = 5.0


class Snapshots:
    """Decodes pictures in `WORKERS` threads; at most `MAX_AT_ONCE` are running or waiting.

    They are key frames, unless `decode` reads something else; `what` is busy when there are too
    many. Close it when the service ends.
    """

    def __init__(
        self,
        decode: Callable[[bytes], Picture] = decode_key_frame,
        timeout_seconds: float = TIMEOUT_SECONDS,
        what: str = "camera",
    ) -> None:
        self._decode = decode
        self._timeout = timeout_seconds
        self._what = what
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="snapshot")
        self._free = BoundedSemaphore(MAX_AT_ONCE)

    async def take(self, key_frame: bytes) -> Picture:
        """Return the picture in a VP8 key frame (or what `decode` reads).

        Raises PictureUndecodable, also when it takes longer than `timeout_seconds`, and Busy.
        """
        return await self._read(self._decode, key_frame)

    async def small(self, key_frame: bytes) -> Small:
        """Return the picture small and grey, to be judged; raises as `take` does."""
        return await self._read(decode_small, key_frame)

    async def _read(self, how: Callable[[bytes], Read], key_frame: bytes) -> Read:
        if not self._free.acquire(blocking=False):
            raise Busy(self._what)
        decoding: Future[Read] = self._threads.submit(how, key_frame)
        # A thread cannot be stopped: its place is free when it is done, not when we give up.
        decoding.add_done_callback(lambda _: self._free.release())
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(decoding)
        except TimeoutError:
            raise PictureUndecodable("it took too long") from None

    def close(self) -> None:
        """Let go of the threads; pictures that wait are not taken."""
        self._threads.shutdown(wait=False, cancel_futures=True)
