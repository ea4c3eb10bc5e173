"""The bundle: a session's record, its pictures and its report as one file to take away.

Its form is that of `recordings.verify.archive`. Pieces are read twice, a chunk at a time, so that a
recording never stands in memory as a whole: once for its check sum, once to be written.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from recordings.errors import BundleTooLarge, EvidenceDamaged
from recordings.reader import Reader
from recordings.verify import RECORD, REPORT, file_name
from recordings.verify.archive import MAX_BYTES, Entry, directory, local_header

log = logging.getLogger(__name__)
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """One member of a bundle; each call of `read` yields its bytes anew, from the beginning."""

    name: str
    read: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, name: str, data: bytes) -> Piece:
        """Return a member that is in memory already."""
        return cls(name, lambda: iter((data,)))


def record_piece(record: bytes) -> Piece:
    """Return the record (`record_file`) as a member."""
    return Piece.of(RECORD, record)


def report_piece(pdf: bytes) -> Piece:
    """Return the report for people as a member."""
    return Piece.of(REPORT, pdf)


def evidence_piece(
    ident: str, kind: str, media: str, opened: Callable[[], AbstractContextManager[Reader]]
) -> Piece:
    """Return a piece of evidence of this media type as a member; `opened` opens it in the vault."""

    def read() -> Iterator[bytes]:
        with opened() as reader:
            for start in range(0, reader.size, CHUNK):
                yield reader.read(start, start + CHUNK)

    return Piece(file_name(ident, kind, media), read)


def write(file: BinaryIO, pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Write a bundle without those pieces that are damaged; return the names of these.

    The record in it says what they were. Blocks; raises BundleTooLarge over 4 GiB, and what else
    the pieces raise.
    """
    entries: list[Entry] = []
    damaged: list[str] = []
    at = 0
    for piece in sorted(pieces, key=lambda one: one.name):
        try:
            crc, size = _measured(piece)
        except EvidenceDamaged:
            log.exception("%s is damaged: a bundle goes without it", piece.name)
            damaged.append(piece.name)
            continue
        header = local_header(piece.name, crc, size)
        entries.append(Entry(piece.name, crc, size, at))
        at += len(header) + size
        if at > MAX_BYTES:
            raise BundleTooLarge
        file.write(header)
        file.writelines(piece.read())
    file.write(directory(entries, at))
    return tuple(damaged)


def packed(pieces: Iterable[Piece]) -> bytes:
    """Return a bundle that fits into memory, without what is damaged."""
    file = io.BytesIO()
    write(file, pieces)
    return file.getvalue()


def _measured(piece: Piece) -> tuple[int, int]:
    crc = size = 0
    for chunk in piece.read():
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
        if size > MAX_BYTES:
            raise BundleTooLarge
    return crc, size
