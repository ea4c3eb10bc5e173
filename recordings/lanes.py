"""Threads for what may wait long for somebody else, apart from those that everything shares.

A store that hangs would use up the threads of the event loop, and whatever needs one would stand
still with it. So what may ask a store has lanes of its own: only that waits, and only so many.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from invigilation.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")
IDLE_S = 5.0
"""So long a thread waits for more to do."""


class Lanes:
    """At most `width` calls at once, and `line` more that wait for a turn.

    The threads are daemons: the end of the process waits for none of them. So only what a kill may
    break off, too, belongs here. `what` is busy when there are too many.
    """

    def __init__(self, what: str, width: int, line: int = 0) -> None:
        self._what = what
        self._width = width
        self._most = width + line
        self._lock = threading.Lock()
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._under_way = 0
        self._threads = 0

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """Have it done; raises Busy."""
        future: Future[T] = Future()
        with self._lock:
            if self._under_way >= self._most:
                raise Busy(self._what)
            self._under_way += 1
            self._work.put((future, work))
            if self._threads < min(self._width, self._under_way):
                self._threads += 1
                threading.Thread(target=self._serve, name=self._what, daemon=True).start()
        return future

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what it returns, as `asyncio.to_thread` does; raises Busy.

        When the caller is cancelled, what has begun goes on, and nobody waits for it.
        """
        context = contextvars.copy_context()
        call = partial(work, *args, **kwargs)
        return await asyncio.wrap_future(self.begin(lambda: context.run(call)))

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Return what it returns, for a caller who may block; raises TimeoutError and Busy.

        What takes longer goes on, and nobody waits for it.
        """
        future = self.begin(work)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def _serve(self) -> None:
        while True:
            try:
                future, work = self._work.get(timeout=IDLE_S)
            except Empty:
                with self._lock:
                    if self._work.empty():
                        self._threads -= 1
                        return
                continue
            told = _done(work) if future.set_running_or_notify_cancel() else _nobody
            with self._lock:
                self._under_way -= 1
            told(future)
            del future, work, told  # nothing is held for whoever has had it


def _done(work: Callable[[], Any]) -> Callable[[Future[Any]], None]:
    """Do it; return what tells of it."""
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        kept = error
        return lambda future: future.set_exception(kept)
    return lambda future: future.set_result(result)


def _nobody(_: Future[Any]) -> None:
    """Tell nobody: who waited has gone."""
