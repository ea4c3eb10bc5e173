"""The pool of processes that look at pictures: strangers' bytes are never decoded in the server.

A worker that takes too long is killed, one that dies is replaced, and a pool that no longer answers
is built anew. What may wait is bounded.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from pebble import ProcessPool

from invigilation.document import DocumentKind, Reading
from invigilation.errors import Busy
from invigilation.likeness import Likeness
from invigilation.ports import Clock
from recordings.errors import PictureUndecodable
from recordings.vision.capture import Picture
from recordings.vision.likeness import LikenessSettings
from recordings.vision.watch import Small

START_SECONDS = 20.0
"""What a new worker may take until it is ready: it loads its models, perhaps on a busy machine."""
TASKS = 200
"""A worker is replaced after so many, whatever its libraries have forgotten to free."""
MEMORY_BYTES = 3 * 1024**3
"""Of a worker's address space. A picture that wants more is refused, not swapped for."""
NICENESS = 5
"""Live sessions come first."""
MAX_PICTURES = 8
"""Of one document; further ones are not looked at."""
MAX_BYTES = 24 * 1024 * 1024
"""Of all pictures of one task."""
READING = 0.5
"""After this share of its seconds no further picture of a burst is begun: none is lost so."""
PR_SET_PDEATHSIG = 1
"""Of <linux/prctl.h>."""
WHAT = "picture reader"
WORKER = "recordings.vision.worker"


@dataclass(frozen=True, slots=True)
class EyeSettings:
    """How many processes, how many seconds for one task, and how many tasks may wait.

    `likeness` says how faces are compared, and is None where that is switched off.
    """

    processes: int = 1
    seconds: float = 8.0
    queue: int = 8
    likeness: LikenessSettings | None = None


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """What was read, the portrait as a JPEG, and in a plain clause what went wrong, if anything."""

    reading: Reading | None
    portrait: bytes | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """The largest face as a JPEG, upright and evenly lit; its print; how many faces there are."""

    aligned: bytes | None
    print: int
    faces: int


class Eye:
    """Looks at pictures in other processes. Open it before its first use, and close it.

    At most `settings.queue` tasks wait beside those that run; one more raises Busy. `worker` is the
    module whose functions do the work, in the workers alone.
    """

    def __init__(self, settings: EyeSettings, clock: Clock, worker: str = WORKER) -> None:
        self._worker = worker
        self._settings = settings
        self._clock = clock
        self._pool: ProcessPool | None = None
        self._tasks = 0
        self._works: set[Future[_Done]] = set()
        self._stopping: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start the workers; they get ready while the service goes on."""
        self._started()

    async def close(self) -> None:
        """Kill the workers, and what they were doing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            self._put_away(pool)
        while self._stopping:
            await asyncio.gather(*self._stopping)

    async def draw(self, data: bytes) -> Picture:
        """Return the picture in a JPEG or PNG file, drawn anew as `upload.decode_upload` does.

        Raises PictureUndecodable, also when it takes too long, and Busy.
        """
        return await self._drawn("draw", data)

    async def still(self, data: bytes) -> Picture:
        """Return the small picture in a JPEG of a live session, drawn anew; raises as `draw`."""
        return await self._drawn("still", data)

    async def glance(self, data: bytes) -> Small:
        """Return such a picture small and grey, to be judged; raises as `draw`."""
        small: Small = await self._picture("glance", data)
        return small

    async def _drawn(self, task: str, data: bytes) -> Picture:
        picture: Picture = await self._picture(task, data)
        return picture

    async def _picture(self, task: str, data: bytes) -> Any:
        try:
            return await self._do(task, data)
        except (_Failed, _TooLong) as why:
            raise PictureUndecodable(str(why)) from None

    async def document(
        self, pictures: Sequence[bytes], kind: DocumentKind | None = None
    ) -> SeenDocument:
        """Return what a burst of JPEGs of one side of a document says; the first is the best one.

        The reading is what they agree on, the portrait is from the first. Nothing is raised for a
        bad picture: then there is less in the answer. Raises Busy.
        """
        today = self._clock.now().date()
        seconds = self._settings.seconds
        sent = _capped(pictures)
        try:
            seen: SeenDocument = await self._do("document", sent, kind, today, seconds * READING)
        except (_Failed, _TooLong, PictureUndecodable) as why:
            return SeenDocument(None, None, str(why))
        return seen

    async def face(self, picture: bytes) -> SeenFace:
        """Return the largest face in a JPEG, or none; nothing else is raised than Busy."""
        try:
            seen: SeenFace = await self._do("face", picture)
        except (_Failed, _TooLong, PictureUndecodable):
            return SeenFace(None, 0, 0)
        return seen

    async def likeness(self, portrait: bytes, face: bytes) -> Likeness | None:
        """Return how alike two faces are; None when that is switched off, or one has no face.

        Raises Busy.
        """
        if self._settings.likeness is None:
            return None
        try:
            found: Likeness | None = await self._do(
                "likeness", self._settings.likeness, portrait, face
            )
        except (_Failed, _TooLong, PictureUndecodable):
            return None
        return found

    async def _do(self, task: str, *arguments: object) -> Any:
        """Return what the worker's function `task` returns.

        Raises Busy, PictureUndecodable, _Failed and _TooLong.
        """
        settings = self._settings
        if self._tasks >= settings.processes + settings.queue:
            raise Busy(WHAT)
        pool = self._started()
        self._tasks += 1
        # So long it waits at most until those before it have run, each with a new worker.
        longest = START_SECONDS + (settings.seconds + 1) * (self._tasks / settings.processes + 1)
        try:
            work = pool.schedule(_run, (self._worker, task, *arguments), timeout=settings.seconds)
            self._works.add(work)
            async with asyncio.timeout(longest) as waiting:
                done: _Done = await asyncio.wrap_future(work)
        except TimeoutError:
            if waiting.expired():  # it never ran: that says nothing of the picture
                self._renew(pool)
                raise Busy(WHAT) from None
            raise _TooLong from None
        except asyncio.CancelledError:
            if _asked_to_end():
                raise
            raise Busy(WHAT) from None  # the pool was put away, for another's picture perhaps
        except Exception as error:  # whatever a hostile picture did to a worker
            if not pool.active:
                self._renew(pool)
            raise _Failed from error
        finally:
            self._tasks -= 1
            self._works.difference_update([one for one in self._works if one.done()])
        if done.refused is not None:
            raise PictureUndecodable(done.refused)
        if done.failed:
            raise _Failed
        return done.answer

    def _started(self) -> ProcessPool:
        pool = self._pool
        if pool is not None and not pool.active:
            self._renew(pool)
            pool = None
        if pool is None:
            pool = self._pool = ProcessPool(
                max_workers=self._settings.processes,
                max_tasks=TASKS,
                initializer=_prepare,
                initargs=(self._worker,),
                context=multiprocessing.get_context("spawn"),
            )
            # Asking whether it is active is what starts a pool's workers.
            if not pool.active:
                raise Busy(WHAT)
        return pool

    def _renew(self, broken: ProcessPool) -> None:
        """Have the next task start a new pool."""
        if self._pool is broken:
            self._pool = None
            self._put_away(broken)

    def _put_away(self, pool: ProcessPool) -> None:
        # A pool that is stopped answers none of those who still wait.
        for work in list(self._works):
            work.cancel()
        task = asyncio.create_task(asyncio.to_thread(_stop, pool))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


@dataclass(frozen=True, slots=True)
class _Done:
    """How a task ended: with an answer, with a clause that says why not, or badly."""

    answer: Any = None
    refused: str | None = None
    failed: bool = False


class _Failed(Exception):
    def __str__(self) -> str:
        return "the picture could not be looked at"


class _TooLong(Exception):
    def __str__(self) -> str:
        return "it took too long"


def _asked_to_end() -> bool:
    """Whether the task that runs is being cancelled, and not merely what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _capped(pictures: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the first pictures, as many as are looked at."""
    kept: list[bytes] = []
    for picture in pictures[:MAX_PICTURES]:
        if sum(map(len, kept)) + len(picture) <= MAX_BYTES:
            kept.append(picture)
    return tuple(kept)


def _stop(pool: ProcessPool) -> None:
    pool.stop()
    pool.join()


def _prepare(worker: str) -> None:
    """Make a new process a worker."""
    # Pebble would have the signal handled by Python, which a library that hangs never returns to.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # When the server is killed, what hangs here would outlive it: prctl(2).
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ["OMP_THREAD_LIMIT"] = "1"
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a picture must not be left lying about
    importlib.import_module(worker)


def _run(worker: str, task: str, *arguments: object) -> _Done:
    """Do a task in a worker; the server itself never loads what that needs.

    No error leaves it: not every one can be sent from one process to another.
    """
    try:
        function: Callable[..., object] = getattr(importlib.import_module(worker), task)
        return _Done(answer=function(*arguments))
    except PictureUndecodable as refused:
        return _Done(refused=refused.why)
    except Exception:  # noqa: BLE001 - whatever a library makes of a hostile picture
        return _Done(failed=True)
