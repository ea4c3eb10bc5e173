"""Processes that are measured: started, asked a line at a time, and ended for certain."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
ANSWER_S = 60.0
END_S = 15.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A program of ours that speaks in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def heard(self) -> dict[str, Any]:
        """Wait for the next line."""
        line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S)
        if not line:
            raise RuntimeError("a program of the measurement has ended early")
        return json.loads(line)

    async def ask(self) -> dict[str, Any]:
        """Send an empty line and wait for the answer."""
        self._process.stdin.write(b"\n")
        return await self.heard()

    def cpu(self) -> float:
        """Processor seconds so far, of all its threads (proc(5), stat)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> float:
        """Megabytes that it holds in memory now (proc(5), statm)."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


@contextlib.asynccontextmanager
async def started(*command: str, folder: Path = ROOT) -> AsyncIterator[Process]:
    """Start a program; end it by the end of its input, or else by force."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Process(process)
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Close its input, then ask it to go, then make it."""
    process.stdin.close()
    for insist in (lambda: None, process.terminate, process.kill):
        if process.returncode is None:
            insist()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_S)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Give the command that runs a module of ours."""
    return sys.executable, "-m", module, *arguments
