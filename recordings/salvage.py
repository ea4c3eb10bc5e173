"""What still opens of an unfinished object of which a part was changed.

Records are sealed one by one, each for its number and its offset. So one that does not open says
nothing of the others: those before it open, and those behind it do as soon as it is known where one
begins, and which number it has. Its offset follows from these two (`stream.OVERHEAD_BYTES`).
"""

from __future__ import annotations

from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Lost:
    """Records that do not open: their bytes of plaintext, or of the file where nothing follows."""

    size: int


def salvaged(source: stream.Source, cipher: stream.Cipher) -> Iterator[bytes | Lost]:
    """Yield the records that open, in order, and what is lost between them.

    What a dying writer left half-written at the very end is passed over, as it was never there.
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
        found = _next(source, cipher, Slot(index, position, 0, 0, last=False), slot, effort)
        if found is None:
            told = position + OVERHEAD_BYTES if slot is None else slot.end + 1
            whole = slot is not None and slot.end == end
            # Else it was the last, and half-written; where not even the first opens, the key may
            # be another.
            if told <= end or (whole and not index):
                yield Lost(end - position)
            return
        lost = found.position - position - (found.index - index) * OVERHEAD_BYTES
        yield Lost(lost)
        position, index = found.position, found.index


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
    source: stream.Source, cipher: stream.Cipher, bad: Slot, told: Slot | None, effort: _Effort
) -> Slot | None:
    """Return the first record behind a bad one that opens; `told` is what its word says of it."""
    end = source.size()
    if told is not None and told.end < end:
        slot = stream.slot_at(source, told.end, bad.index + 1)
        if _opened(cipher, slot, source, end) is not None:
            return slot
    places = [*islice(_plausible(source, bad.position + OVERHEAD_BYTES), PLACES)]
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


def _plausible(source: stream.Source, start: int) -> Iterator[int]:
    """Yield where a record may begin: some length words follow each other from there."""
    end, at = source.size(), start
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
