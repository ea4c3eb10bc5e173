"""A small disk of its own, and what fills it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PAGE = 4096


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Let a folder be a disk of so many megabytes, in memory; needs root."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", f"test-{os.getpid()}", folder]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def can_mount(folder: Path) -> bool:
    """Say whether a disk may be mounted there: not everybody may, nor every container."""
    try:
        with small_disk(folder, 1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def fill(ballast: Path, *, free: int) -> None:
    """Take room on a disk until no more than so many bytes are free."""
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        more = shutil.disk_usage(ballast.parent).free - free
        size = os.fstat(descriptor).st_size
        while more > 0 and not _taken(descriptor, size, more):
            more -= PAGE  # somebody else has just taken some
    finally:
        os.close(descriptor)


def _taken(descriptor: int, size: int, more: int) -> bool:
    try:
        os.posix_fallocate(descriptor, size, more)
    except OSError:
        return False
    return True
