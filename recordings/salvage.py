"""What still opens of an unfinished object of which a part was changed.

Records are sealed one by one, each for its number and its offset. So one that does not open says
nothing of the others: those before it open, and those behind it do as soon as it is known where one
begins, and which number it has. Its offset follows from these two (`stream.OVERHEAD_BYTES`).

What can be found out need not be lost: a record between two others has a known length, whatever its
length word says; and of a salt in which one bit was changed there are 256.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from recordings import stream
from recordings.errors import EvidenceDamaged
from recordings.stream import HEADER_BYTES, OVERHEAD_BYTES, Slot

LINKS = 3
"""So many length words must follow each other before a place is tried."""
PLACES, NUMBERS = 256, 256
"""So many places, and so many lost records, are tried for one hole."""
EFFORT_BYTES = 2 * 1024**3
"""So much is decrypted in vain, at most, before the rest of an object is given up."""
WINDOW = 1024 * 1024
SECTOR_BYTES = 512
TAIL_BYTES = 8
"""That so many zeros end a record is no chance: they were never written."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Records that do not open: their bytes of plaintext, or of the file where nothing follows."""

    size: int


@dataclass(frozen=True, slots=True)
class Mended:
    """A record that is whole, though its length word was changed."""

    data: bytes


def opening(
    source: stream.Source, cipher_of: Callable[[bytes], stream.Cipher]
) -> tuple[stream.Cipher, bool]:
    """Return what opens an object, by its salt, and whether its header is as it was written.

    Where one bit of the salt was changed, the one is found with which the first record opens. What
    stands before the salt is always the same.
    """
    header = source.read(0, HEADER_BYTES)
    salt, known = header[len(stream.MAGIC) :], header.startswith(stream.MAGIC)
    first, end = stream.slot_at(source, HEADER_BYTES, 0), source.size()
    cipher = cipher_of(salt)
    if first is None or first.length > stream.CHUNK_BYTES:  # ours begin with a short one
        return cipher, known
    if _opened(cipher, first, source, end) is not None:
        return cipher, known
    for other in _neighbours(salt):
        found = cipher_of(other)
        if _opened(found, first, source, end) is not None:
            return found, False
    return cipher, known


def _neighbours(salt: bytes) -> Iterator[bytes]:
    whole = int.from_bytes(salt, "big")
    for bit in range(8 * len(salt)):
        yield (whole ^ 1 << bit).to_bytes(len(salt), "big")


def salvaged(source: stream.Source, cipher: stream.Cipher) -> Iterator[bytes | Mended | Lost]:
    """Yield the records that open, in order, and what is lost between them.

    What a dying writer left half-written at the very end is passed over, as it was never there.
    What a living one adds meanwhile is not read.
    """
    end, effort = source.size(), _Effort(EFFORT_BYTES)
    position, index = HEADER_BYTES, 0
    while position < end:
        slot = stream.slot_at(source, position, index)
        data = _opened(cipher, slot, source, end)
        if slot is not None and data is not None:
            yield data
            if slot.last:
                return
            position, index = slot.end, index + 1
            continue
        found = _next(source, cipher, Slot(index, position, 0, 0, last=False), slot, effort, end)
        whole = None
        if found is None or found.index == index + 1:
            until = end if found is None else found.position
            whole = _whole(source, cipher, position, index, until)
        if whole is not None:
            yield Mended(whole)
        elif found is not None:
            yield Lost(found.position - position - (found.index - index) * OVERHEAD_BYTES)
        # Where not even the first opens, the key may be another.
        elif not index or not _half_written(source, slot, position, end):
            yield Lost(end - position)
        if found is None:
            return
        position, index = found.position, found.index


def _whole(
    source: stream.Source, cipher: stream.Cipher, position: int, index: int, until: int
) -> bytes | None:
    """Return the record that lies between two positions, whatever its length word says."""
    length = until - position - OVERHEAD_BYTES
    offset = position - HEADER_BYTES - index * OVERHEAD_BYTES
    if 0 <= length <= stream.MAX_RECORD_BYTES:
        for last in (False, True):
            try:
                slot = Slot(index, position, offset, length, last)
                return cipher.open(slot, source, by_word=False)
            except EvidenceDamaged:
                continue
    return None


def _half_written(source: stream.Source, slot: Slot | None, position: int, end: int) -> bool:
    """Say whether the last thing in a file may be what a dying writer, or machine, left of it."""
    if slot is None or slot.end > end:
        return slot is not None or position + OVERHEAD_BYTES > end
    if slot.end < end:
        return False
    # It is as long as it says. Of a machine that lost its power some blocks are not written.
    data = source.read(position, end - position)
    sectors = range(-position % SECTOR_BYTES, len(data) - SECTOR_BYTES + 1, SECTOR_BYTES)
    return not any(data[-TAIL_BYTES:]) or any(
        not any(data[at : at + SECTOR_BYTES]) for at in sectors
    )


@dataclass(slots=True)
class _Effort:
    left: int

    def spent(self, size: int) -> bool:
        """Say whether there was no more of it."""
        self.left -= size
        return self.left < 0


def _opened(
    cipher: stream.Cipher, slot: Slot | None, source: stream.Source, end: int
) -> bytes | None:
    if slot is None or slot.end > end:
        return None
    try:
        return cipher.open(slot, source)
    except EvidenceDamaged:
        return None


def _next(
    source: stream.Source,
    cipher: stream.Cipher,
    bad: Slot,
    told: Slot | None,
    effort: _Effort,
    end: int,
) -> Slot | None:
    """Return the first record behind a bad one that opens; `told` is what its word says of it."""
    if told is not None and told.end < end:
        slot = stream.slot_at(source, told.end, bad.index + 1)
        if _opened(cipher, slot, source, end) is not None:
            return slot
    places = [*islice(_plausible(source, bad.position + OVERHEAD_BYTES, end), PLACES)]
    for more in range(1, NUMBERS + 1):
        for place in places:
            slot = stream.slot_at(source, place, bad.index + more)
            if slot is None or place - bad.position < more * OVERHEAD_BYTES:
                continue
            if effort.spent(slot.length + OVERHEAD_BYTES):
                return None
            if _opened(cipher, slot, source, end) is not None:
                return slot
    return None


def _plausible(source: stream.Source, start: int, end: int) -> Iterator[int]:
    """Yield where a record may begin: some length words follow each other from there."""
    at = start
    while at + OVERHEAD_BYTES <= end:
        window = source.read(at, WINDOW + 3)
        zero = window.find(b"\0", 0, WINDOW)
        while zero >= 0:
            # No record but the last has another first byte: each is of less than 16 MB.
            length = int.from_bytes(window[zero : zero + 4], "big")
            if length and _follows(source, at + zero + OVERHEAD_BYTES + length, end):
                yield at + zero
            zero = window.find(b"\0", zero + 1, WINDOW)
        at += WINDOW


def _follows(source: stream.Source, position: int, end: int) -> bool:
    """Say whether possible records follow from there, or the end of the file does."""
    if position > end:
        return False
    for _ in range(LINKS):
        if position + 4 > end:
            return True
        slot = stream.slot_at(source, position, 0)
        if slot is None or (slot.last and slot.end != end):
            return False
        if slot.last or slot.end > end:
            return True
        if not slot.length:
            return False
        position = slot.end
    return True
