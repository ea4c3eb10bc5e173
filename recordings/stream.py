"""The encrypted file format of one piece of evidence.

The STREAM construction over AES-256-GCM: V. T. Hoang, R. Reyhanitabar, P. Rogaway and D. Vizár,
"Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015, section 7.
Each segment has the nonce `prefix (7) | counter (4) | last (1)`, so that order, truncation and
lengthening are all authenticated. Key and prefix are derived (HKDF-SHA256, RFC 5869) from the
session's key and a random salt, so that no two files ever share a nonce, and a file without its
salt is noise even to the holder of the session's key.

```
file    = magic (8) salt (32) record*
record  = word (4, big-endian: bit 31 = last, the rest = length of the plaintext)
          ciphertext (length) tag (16)
associated data of a record = "invigilation-evidence/1" NUL session NUL id NUL offset (8)
```

`offset` is where the record's plaintext begins. It binds every record to its place, so that a
range can be read without touching what lies before it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recordings.errors import EvidenceDamaged

MAGIC = b"INVEVID1"
SALT_BYTES = 32
HEADER_BYTES = len(MAGIC) + SALT_BYTES
KEY_BYTES = 32
CHUNK_BYTES = 64 * 1024
MAX_RECORD_BYTES = 16 * 1024 * 1024
MAX_RECORDS = 2**32 - 1
_PREFIX_BYTES = 7
_TAG_BYTES = 16
_WORD = struct.Struct(">I")
_LAST = 1 << 31
OVERHEAD_BYTES = _WORD.size + _TAG_BYTES
"""What a record has beside its ciphertext: `position = HEADER_BYTES + offset + index * this`."""
FULL_BYTES = CHUNK_BYTES + OVERHEAD_BYTES
"""A record of what `sealed` wrote, its last one excepted."""


class Source(Protocol):
    """Where the bytes of a file lie: on the disk, or elsewhere."""

    def size(self) -> int:
        """Return how many bytes there are."""
        ...

    def read(self, position: int, length: int) -> bytes:
        """Return so many bytes from there; fewer where the file ends."""
        ...

    def doubt(self) -> None:
        """Hear that what was read does not verify."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Disk:
    """A file of this disk; it owns the descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor, for who locks the file."""
        return self._descriptor

    def size(self) -> int:
        """Return how long the file is at this moment."""
        return os.fstat(self._descriptor).st_size

    def read(self, position: int, length: int) -> bytes:
        """Return so many bytes from there; fewer where the file ends."""
        return os.pread(self._descriptor, length, position)

    def doubt(self) -> None:
        """Read the same again the next time: there is no other."""

    def close(self) -> None:
        """Close the file; once is enough."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one record lies: its number, file position, plaintext offset and length in bytes."""

    index: int
    position: int
    offset: int
    length: int
    last: bool

    @property
    def end(self) -> int:
        """The file position behind the record."""
        return self.position + self.length + OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Layout:
    """The records of a file in order; `torn` is the number of bytes behind the last whole one."""

    slots: tuple[Slot, ...]
    torn: int

    @property
    def complete(self) -> bool:
        """Whether the last record says that it is the last (not yet authenticated)."""
        return bool(self.slots) and self.slots[-1].last

    @property
    def size(self) -> int:
        """The plaintext's bytes in whole records."""
        return self.slots[-1].offset + self.slots[-1].length if self.slots else 0


class Cipher:
    """Seals and opens the records of one file."""

    def __init__(self, session_key: bytes, salt: bytes, session: str, evidence_id: str) -> None:
        self._id = evidence_id
        self._context = b"\0".join(
            (b"invigilation-evidence/1", session.encode(), evidence_id.encode(), b"")
        )
        derive = HKDF(SHA256(), KEY_BYTES + _PREFIX_BYTES, salt=salt, info=self._context)
        material = derive.derive(session_key)
        self._aead = AESGCM(material[:KEY_BYTES])
        self._prefix = material[KEY_BYTES:]

    def seal(self, index: int, offset: int, data: bytes, *, last: bool) -> bytes:
        """Return the whole record number `index` (from 0) for plaintext at `offset`."""
        if len(data) > MAX_RECORD_BYTES or index > MAX_RECORDS:
            raise ValueError("a record is at most 16 MB, a file at most 2^32 records")
        word = _word(len(data), last=last)
        return word + self._aead.encrypt(self._nonce(index, last), data, self._bound(offset))

    def open(self, slot: Slot, source: Source, *, by_word: bool = True) -> bytes:
        """Return the plaintext of the record at `slot`, and see that its length word says the same.

        Not `by_word`: the slot is known otherwise. Raises EvidenceDamaged when it is not the record
        that was sealed for this place.
        """
        record = source.read(slot.position, slot.end - slot.position)
        word, body = record[: _WORD.size], record[_WORD.size :]
        try:
            if not by_word or word == _word(slot.length, last=slot.last):
                nonce = self._nonce(slot.index, slot.last)
                return self._aead.decrypt(nonce, body, self._bound(slot.offset))
        except (InvalidTag, ValueError):
            pass
        source.doubt()
        raise EvidenceDamaged(self._id, f"part {slot.index + 1} does not verify")

    def _nonce(self, index: int, last: bool) -> bytes:  # noqa: FBT001 - private
        return self._prefix + index.to_bytes(4, "big") + bytes((last,))

    def _bound(self, offset: int) -> bytes:
        return self._context + offset.to_bytes(8, "big")


def new_header() -> bytes:
    """Return the first bytes of a new file, with a fresh salt."""
    return MAGIC + os.urandom(SALT_BYTES)


def salt_of(source: Source, evidence_id: str) -> bytes:
    """Return the salt of a file; raises EvidenceDamaged when it has no header of ours."""
    header = source.read(0, HEADER_BYTES)
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        raise EvidenceDamaged(evidence_id, "the file has no valid header")
    return header[len(MAGIC) :]


def slot_at(source: Source, position: int, index: int) -> Slot | None:
    """Return where record number `index` lies if it begins there, by its length word alone.

    None where there is no word, or no possible one; the file may end before the record does.
    """
    word = source.read(position, _WORD.size)
    if len(word) < _WORD.size:
        return None
    (number,) = _WORD.unpack(word)
    length = number & ~_LAST
    offset = position - HEADER_BYTES - index * OVERHEAD_BYTES
    if length > MAX_RECORD_BYTES or offset < 0:
        return None
    return Slot(index, position, offset, length, bool(number & _LAST))


def layout(source: Source, evidence_id: str) -> Layout:
    """Return the records of a file, from their length words alone.

    The words are authenticated only when a record is opened. Raises EvidenceDamaged when
    something follows a last record or a word makes no sense.
    """
    end = source.size()
    slots: list[Slot] = []
    position = HEADER_BYTES
    while position + OVERHEAD_BYTES <= end:
        slot = slot_at(source, position, len(slots))
        if slot is None:
            raise EvidenceDamaged(evidence_id, f"part {len(slots) + 1} has an impossible length")
        if slot.end > end:
            break
        slots.append(slot)
        position = slot.end
        if slot.last:
            break
    found = Layout(tuple(slots), max(0, end - position))
    if found.complete and found.torn:
        raise EvidenceDamaged(evidence_id, "something was added behind its end")
    return found


def even_layout(size: int) -> Layout | None:
    """Return the records of a file of this size, if it is one that `sealed` wrote.

    That is a guess, without looking at the file; whoever opens the last record proves it, for a
    record opens only at the number and offset for which it was sealed. None where `sealed` writes
    no file of this size.
    """
    records = size - HEADER_BYTES
    full = max(0, -(-records // FULL_BYTES) - 1)
    rest = records - full * FULL_BYTES - OVERHEAD_BYTES
    if rest < 0 or (rest == 0 and full):
        return None
    places = (HEADER_BYTES + index * FULL_BYTES for index in range(full))
    slots = [
        Slot(index, position, index * CHUNK_BYTES, CHUNK_BYTES, last=False)
        for index, position in enumerate(places)
    ]
    end = Slot(full, HEADER_BYTES + full * FULL_BYTES, full * CHUNK_BYTES, rest, last=True)
    return Layout((*slots, end), 0)


def sealed(cipher: Cipher, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the records of a whole file: the pieces joined and cut into chunks of 64 KB."""
    index, offset, held = 0, 0, b""
    for piece in pieces:
        data, at = held + piece, 0
        while len(data) - at > CHUNK_BYTES:
            yield cipher.seal(index, offset, data[at : at + CHUNK_BYTES], last=False)
            index, offset, at = index + 1, offset + CHUNK_BYTES, at + CHUNK_BYTES
        held = data[at:]
    yield cipher.seal(index, offset, held, last=True)


def _word(length: int, *, last: bool) -> bytes:
    return _WORD.pack(length | (_LAST if last else 0))
