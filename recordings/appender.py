"""A growing piece of evidence: one encrypted record a call, on the disk before it returns."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from invigilation.errors import NotFound
from invigilation.hole import Hole
from recordings import stream
from recordings.errors import EvidenceStoreFull


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: the hex SHA-256 of the plaintext, its size in bytes, and what it lacks."""

    sha256: str
    size: int
    holes: tuple[Hole, ...] = ()


class Digest:
    """Counts and hashes the plaintext that passes."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self._hash = hashlib.sha256()
        self.size = 0
        self.count = 0
        for piece in pieces:
            self.add(piece)

    def add(self, data: bytes) -> None:
        """Take these bytes into account."""
        self._hash.update(data)
        self.size += len(data)
        self.count += 1

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces unchanged, each taken into account."""
        for piece in pieces:
            self.add(piece)
            yield piece

    @property
    def stored(self) -> Stored:
        """Digest and size of all that passed so far."""
        return Stored(self._hash.hexdigest(), self.size)


class Appender:
    """Writes one object, a record a call; each is on the disk when `append` returns.

    Made by `Vault.open_append`. It owns `descriptor`, which holds the lock of the object.
    """

    def __init__(
        self,
        part: Path,
        whole: Path,
        descriptor: int,
        cipher: stream.Cipher,
        check_space: Callable[[], None],
        written: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._part = part
        self._whole = whole
        self._descriptor = descriptor
        self._cipher = cipher
        self._check_space = check_space
        self._written = written
        self._position = stream.HEADER_BYTES
        self._index = 0
        self._digest = Digest()
        self._ended = False
        self._broken = False

    def resume(self, found: stream.Layout, written: Digest) -> None:
        """Stand behind the verified records of an orphan; only `finish` may follow.

        `written` has seen the records that verify, `found` may list a torn one more.
        """
        whole = found.slots[: written.count]
        self._position = whole[-1].end if whole else stream.HEADER_BYTES
        self._index = written.count
        self._digest = written
        self._ended = bool(whole) and whole[-1].last
        self._broken = True

    def append(self, data: bytes) -> None:
        """Add one record (at most 16 MB).

        Raises EvidenceStoreFull, and NotFound when the session was forgotten; from then on only
        `finish` and `close` are possible.
        """
        if self._broken:
            raise EvidenceStoreFull(0)
        # The same counter must never seal other bytes, so a failed write is never repeated; a
        # last record has a nonce of its own.
        self._broken = True
        self._check_space()
        self._write(data, last=False)
        self._broken = False

    def finish(self) -> Stored:
        """End the object: from now on it can be read, and never changed."""
        try:
            if not self._ended:
                self._write(b"", last=True)
            with disk_errors(self._whole.stem):
                os.link(self._part, self._whole)
                self._part.unlink()
                sync_folder(self._whole.parent)
        finally:
            self.close()
        return self._digest.stored

    def close(self) -> None:
        """Let go of the file without ending it; `Vault.recover` or `settle` may end it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes, *, last: bool) -> None:
        record = self._cipher.seal(self._index, self._digest.size, data, last=last)
        with disk_errors(self._whole.stem):
            os.ftruncate(self._descriptor, self._position)
            written = 0
            while written < len(record):
                place = self._position + written
                written += os.pwrite(self._descriptor, record[written:], place)
            os.fsync(self._descriptor)
        self._position += len(record)
        self._index += 1
        self._digest.add(data)
        self._written(len(data))


@contextlib.contextmanager
def disk_errors(evidence_id: str) -> Iterator[None]:
    """Name two errors of the disk as ours: it is full, or the session was forgotten meanwhile."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound("evidence", evidence_id) from None
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise EvidenceStoreFull(0) from error
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
