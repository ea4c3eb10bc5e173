"""A gate before a server: shut, slow, or standing still, as a network or a server may be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.harness.process import free_port

PIECE = 65_536


@dataclass(slots=True)
class _Turn:
    """Who of the two ends of a connection spoke last."""

    asked: bool = False


class Gate:
    """Passes TCP on to one port of this machine; `delay_s` holds each piece back, each way.

    `round_trips` counts how often somebody who had been answered asked for something again.
    """

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.port = free_port()
        self.delay_s = 0.0
        self.round_trips = 0
        self._moves = asyncio.Event()
        self._moves.set()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Let connections through, from now on."""
        if self._server is None:
            self._server = await asyncio.start_server(self._came, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Refuse new connections and end those that are there."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for writer in [*self._writers]:
            writer.close()
        lines = [*self._lines]
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    def freeze(self) -> None:
        """Let nothing pass any more; connections stay."""
        self._moves.clear()

    def thaw(self) -> None:
        """Let everything pass again, also what came meanwhile."""
        self._moves.set()

    def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self.behind)
            self._writers.add(back)
            turn = _Turn()
            try:
                await asyncio.gather(
                    self._pass(reader, back, turn, asks=True),
                    self._pass(there, writer, turn, asks=False),
                )
            finally:
                back.close()
                self._writers.discard(back)
        writer.close()
        self._writers.discard(writer)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        turn: _Turn,
        *,
        asks: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                self.round_trips += asks and not turn.asked
                turn.asked = asks
                await asyncio.sleep(self.delay_s)
                await self._moves.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def gate(behind: int) -> AsyncIterator[Gate]:
    """Hold a gate open."""
    one = Gate(behind)
    await one.open()
    try:
        yield one
    finally:
        one.thaw()
        await one.shut()
