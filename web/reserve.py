"""Room on the disk for what must be written even when the disk is full.

Recordings stop while there is still room (`Vault`): events, mails and keys then have that room.
Where something else fills the disk to the last byte, a database could write nothing any more. So
a file that holds nothing takes its place on the disk in good time; it is given up when the disk is
full, and taken again when there is room.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)
NAME: Final = "reserve"
MIB: Final = 1024 * 1024
SHARE: Final = 4
"""The file is one in so many parts of what recordings leave free."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """The file under `folder`, of `size` bytes; `plenty` is free on a disk where it is taken."""

    folder: Path
    size: int
    plenty: int

    @classmethod
    def under(cls, folder: Path, evidence_reserve: int) -> Reserve:
        """Return the reserve beside evidence that leaves so many bytes free."""
        return cls(folder, evidence_reserve // SHARE, evidence_reserve)

    @property
    def held(self) -> bool:
        """Whether the file is there."""
        return self._file.exists()

    def free(self) -> int:
        """Return how many bytes are free on this disk, beside the reserve."""
        return shutil.disk_usage(self.folder).free

    def look(self) -> bool:
        """Take or give up the file, as the disk is; say whether it is held. Blocks on the disk."""
        free = self.free()
        if self.held:
            if free < self.size // 2:
                self._file.unlink(missing_ok=True)
                log.error("the disk is full: its reserve is given up", free=free)
        elif free >= self.plenty + self.size:
            self._take()
        return self.held

    async def sweep(self) -> None:
        """Look, off the loop; the clock asks for this."""
        await asyncio.to_thread(self.look)

    @property
    def _file(self) -> Path:
        return self.folder / NAME

    def _take(self) -> None:
        draft = self._file.with_suffix(".new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
            finally:
                os.close(descriptor)
            draft.replace(self._file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            log.warning("no reserve could be taken on the disk", why=error.strerror)
