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
        return self.position + _WORD.size + self.length + _TAG_BYTES


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
        word = _WORD.pack(len(data) | (_LAST if last else 0))
        return word + self._aead.encrypt(self._nonce(index, last), data, self._bound(offset))

    def open(self, slot: Slot, descriptor: int) -> bytes:
        """Return the plaintext of the record at `slot`.

        Raises EvidenceDamaged when it is not the record that was sealed for this place.
        """
        start = slot.position + _WORD.size
        body = os.pread(descriptor, slot.length + _TAG_BYTES, start)
        try:
            nonce = self._nonce(slot.index, slot.last)
            return self._aead.decrypt(nonce, body, self._bound(slot.offset))
        except (InvalidTag, ValueError):
            raise EvidenceDamaged(self._id, f"part {slot.index + 1} does not verify") from None

    def _nonce(self, index: int, last: bool) -> bytes:  # noqa: FBT001 - private
        return self._prefix + index.to_bytes(4, "big") + bytes((last,))

    def _bound(self, offset: int) -> bytes:
        return self._context + offset.to_bytes(8, "big")


def new_header() -> bytes:
    """Return the first bytes of a new file, with a fresh salt."""
    return MAGIC + os.urandom(SALT_BYTES)


def salt_of(descriptor: int, evidence_id: str) -> bytes:
    """Return the salt of an open file; raises EvidenceDamaged when it has no header of ours."""
    header = os.pread(descriptor, HEADER_BYTES, 0)
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        raise EvidenceDamaged(evidence_id, "the file has no valid header")
    return header[len(MAGIC) :]


def layout(descriptor: int, evidence_id: str) -> Layout:
    """Return the records of an open file, from their length words alone.

    The words are authenticated only when a record is opened. Raises EvidenceDamaged when
    something follows a last record or a word makes no sense.
    """
    end = os.fstat(descriptor).st_size
    slots: list[Slot] = []
    position, offset = HEADER_BYTES, 0
    while position + _WORD.size + _TAG_BYTES <= end:
        (word,) = _WORD.unpack(os.pread(descriptor, _WORD.size, position))
        length = word & ~_LAST
        if length > MAX_RECORD_BYTES:
            raise EvidenceDamaged(evidence_id, f"part {len(slots) + 1} has an impossible length")
        slot = Slot(len(slots), position, offset, length, bool(word & _LAST))
        if slot.end > end:
            break
        slots.append(slot)
        position, offset = slot.end, offset + length
        if slot.last:
            break
    found = Layout(tuple(slots), max(0, end - position))
    if found.complete and found.torn:
        raise EvidenceDamaged(evidence_id, "something was added behind its end")
    return found


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
