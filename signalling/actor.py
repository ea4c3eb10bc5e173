"""An actor: a bounded mailbox, one task that takes commands in order, and its children."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from invigilation.errors import Busy, InvigilationError
from invigilation.ports import Clock
from signalling.commands import (
    Answer,
    Command,
    Envelope,
    Internal,
    Look,
    RoomClosed,
    Tick,
    TooSlow,
)

MAILBOX_LIMIT: Final = 64
COMMAND_S: Final = 7.5
"""From the mailbox to the answer; shorter than a client waits, and than a ping may take."""
TICK_S: Final = 1.0
ANY_TIME: Final = float("inf")

log = structlog.get_logger(__name__)


class Actor:
    """The life of a room, whatever its commands mean; `name` is for the log.

    Nothing that a command raises ends it, and nothing that a child raises.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.closed = asyncio.Event()
        self._name = name
        self._clock = clock
        self._mailbox: asyncio.Queue[Envelope] = asyncio.Queue(MAILBOX_LIMIT)
        self._children: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._stop = False

    async def do(self, command: Command) -> Answer:
        """Hand in a command and return its answer.

        Raises `Busy` when the mailbox is full or the command's turn came too late, `TooSlow`,
        `RoomClosed` when the room has ended, and what the command itself is refused with.
        """
        if self._stop:
            raise RoomClosed
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        by = self._clock.monotonic() + COMMAND_S
        try:
            self._mailbox.put_nowait(Envelope(command, by, answer))
        except asyncio.QueueFull:
            raise Busy("room") from None
        return await answer

    def close(self) -> None:
        """End the room after the command that is being done."""
        self._stop = True
        self._nudge(Look())

    async def run(self) -> None:
        """Live until `close`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._spawn(self._ticking())
                while not self._stop:
                    await self._one(await self._mailbox.get())
                for child in [*self._children]:
                    child.cancel()
        finally:
            self._stop = True
            while not self._mailbox.empty():
                self._mailbox.get_nowait().settle(RoomClosed())
            try:
                await self._clear()
            finally:
                self.closed.set()

    async def _one(self, envelope: Envelope) -> None:
        try:
            outcome = await self._outcome(envelope)
            outcome = await self._settle(envelope.command, outcome)
        except BaseException:
            envelope.settle(RoomClosed())
            raise
        if outcome is not None:
            envelope.settle(outcome)

    async def _outcome(self, envelope: Envelope) -> Answer | Exception | None:
        left = min(envelope.by - self._clock.monotonic(), COMMAND_S)
        if left <= 0:
            return Busy("room")
        scope = asyncio.timeout(left)
        try:
            async with scope:
                return await self._obey(envelope)
        except InvigilationError as refusal:
            return refusal
        except Exception:
            if scope.expired():
                log.warning("a command was too slow", session=self._name)
                return TooSlow()
            log.exception("a command failed", session=self._name)
            return Internal()

    async def _obey(self, envelope: Envelope) -> Answer | None:
        """Do what the command says; None when it is answered later."""
        raise NotImplementedError

    async def _settle(
        self, command: Command, outcome: Answer | Exception | None
    ) -> Answer | Exception | None:
        """Bring everything up to date after a command; return its outcome. Raises nothing."""
        raise NotImplementedError

    async def _clear(self) -> None:
        """Give back all that is held; the last thing that happens."""
        raise NotImplementedError

    async def _ticking(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._nudge(Tick())

    def _nudge(self, command: Command) -> None:
        """Wake the actor; a full mailbox keeps it awake anyway."""
        if not self._mailbox.full():
            self._mailbox.put_nowait(Envelope(command, ANY_TIME))

    async def _post(self, command: Command, answer: asyncio.Future[Answer] | None = None) -> None:
        """Hand in a child's command: it waits for its place, and is never too late."""
        await self._mailbox.put(Envelope(command, ANY_TIME, answer))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("a room works only while it runs")
        child = self._group.create_task(self._guarded(work))
        self._children.add(child)
        child.add_done_callback(self._children.discard)
        child.add_done_callback(lambda _: work.close())  # it may have been cancelled unbegun
        return child

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("a task of a room failed", session=self._name)
