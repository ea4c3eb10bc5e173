"""What the service needs, asked one by one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from recordings.lanes import Lanes
from recordings.vault import RESERVE_BYTES
from web.health.pulse import Pulse
from web.health.readiness import CHECK_S, Check

DATABASE, VAULT, DISK, SWEEPS, REDIS = "database", "vault", "disk", "sweeps", "redis"
KEYS = "keys"
WORDS = {
    DATABASE: ("Database", "It does not answer."),
    VAULT: ("Evidence store", "Nothing can be written there: no picture can be taken."),
    DISK: ("Disk space", "Less than the reserve is free: nothing is recorded."),
    KEYS: (
        "Keys of evidence",
        "A wrap key is missing: some evidence does not open. Nothing is lost; bring the key back.",
    ),
    SWEEPS: ("Work by the clock", "It stands still: nothing is delivered, nobody is reminded."),
    REDIS: ("Redis", "It does not answer: other processes hear of changes some seconds later."),
    "draining": ("Shutting down", "The service is about to end, and takes nobody new."),
}
"""Of each check its name for people, and what it means when it fails."""


class Unwell(Exception):
    """A check that fails; the message is for the log."""


def database(ping: Callable[[], Awaitable[None]]) -> Check:
    """Ask whether the database answers."""
    return Check(DATABASE, ping, stops=True)


def vault(root: Path) -> Check:
    """Ask whether something can be written where evidence lies, and taken away again."""
    return writable(lambda: _write(root))


def writable(try_it: Callable[[], object]) -> Check:
    """Ask whether evidence can be kept: `try_it` may block, and raises when it cannot.

    It has a thread of its own: this is about the disk, and not about whatever else may hang.
    """
    lane = Lanes("evidence store", 1)

    async def ask() -> None:
        await lane.run(try_it)

    return Check(VAULT, ask, stops=True)


def disk(root: Path, reserve: int = RESERVE_BYTES) -> Check:
    """Ask whether more than the reserve is free."""
    lane = Lanes("disk", 1)

    async def ask() -> None:
        if await lane.run(free_bytes, root) < reserve:
            raise Unwell("less than the reserve is free")

    return Check(DISK, ask, stops=False)


def keys(unknown: Callable[[], int]) -> Check:
    """Ask whether every key of a session opens; `unknown` counts those that did not."""

    async def ask() -> None:
        if count := unknown():
            raise Unwell(f"the keys of {count} sessions do not open")

    return Check(KEYS, ask, stops=False)


def sweeps(pulse: Pulse) -> Check:
    """Ask whether anything still runs the sweeps."""

    async def ask() -> None:
        if standing := pulse.standing():
            raise Unwell(f"not run: {', '.join(standing)}")

    return Check(SWEEPS, ask, stops=True)


def redis(url: str) -> Check:
    """Ask whether Redis answers. Without it there is still one process, and it tells itself."""

    async def ask() -> None:
        retry = Retry(NoBackoff(), 0)
        async with Redis.from_url(
            url, retry=retry, socket_timeout=CHECK_S, socket_connect_timeout=CHECK_S
        ) as client:
            await client.ping()

    return Check(REDIS, ask, stops=False)


def free_bytes(root: Path) -> int:
    """Return how many bytes are free where a folder is, or will be."""
    there = root
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free


def _write(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = root / f".well-{os.getpid()}"
    try:
        probe.write_bytes(b"well")
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
