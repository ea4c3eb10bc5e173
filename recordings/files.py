"""Files of ours: held, made unreadable, dated, and swept when a kill has left them half-written."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from invigilation.errors import Busy, NotFound
from recordings import stream

STALE_SECONDS = 3600


def open_disk(path: Path, evidence_id: str) -> stream.Disk:
    """Open a file to be read; whoever calls closes it. Raises NotFound."""
    try:
        return stream.Disk(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        raise NotFound("evidence", evidence_id) from None


def destroy(path: Path) -> bool:
    """Make a file of ours unreadable for ever and remove it; say whether there was one."""
    try:
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(stream.HEADER_BYTES))
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def written(path: Path) -> float:
    """Return when a file was written; one that has gone meanwhile was never."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def sweep(path: Path) -> None:
    """Remove a half-written file, unless it may be in another process's hands."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            path.unlink()


@contextlib.contextmanager
def locked(descriptor: int) -> Iterator[bool]:
    """Hold an open file or folder, and close it; say whether nobody else holds it.

    The kernel frees the lock of a dead process.
    """
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def seize(file: stream.Disk | int) -> None:
    """Hold an open file until it is closed. Raises Busy while its writer lives."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy("recording") from None


def held(path: Path) -> bool:
    """Say whether a living writer holds the file, or has just ended it."""
    try:
        with locked(os.open(path, os.O_RDONLY | os.O_CLOEXEC)) as free:
            return not free
    except FileNotFoundError:
        return True
