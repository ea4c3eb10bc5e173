"""Pieces of objects that lie in a place: only what is read comes, and a little of it stays.

A block is 16 whole records of what `stream.sealed` writes, about 1 MB, the first with the header
before it. Blocks lie in memory as they came, encrypted; whoever reads them opens each record, which
says whether it is the one that was sealed for its place.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from recordings.flights import Flights
from recordings.places import Piece, Place, PlaceAway
from recordings.stream import FULL_BYTES, HEADER_BYTES

BLOCK_BYTES = 16 * FULL_BYTES
MOST_BLOCKS = 48
"""So many stay in memory, for all who look at anything: 50 MB."""
KEPT_S = 300.0
"""A block that was fetched so long ago is fetched anew."""
WAIT_S = 60.0
"""So long somebody waits for a block that somebody else is fetching."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A block, and when it came (monotonic)."""

    piece: Piece
    came: float


class Blocks:
    """The blocks of all objects of a place that somebody is reading; from any thread."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._flights: Flights[Piece] = Flights(WAIT_S)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], _Kept] = OrderedDict()
        self._drops = 0

    def get(self, name: str, number: int) -> Piece:
        """Return a block of an object, fetched once for all who want it; raises as `Place.read`."""
        key = (name, number)
        with self._lock:
            self._forget_old()
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found.piece
        return self._flights.once(key, lambda: self._fetch(key))

    def drop(self, name: str = "") -> None:
        """Keep nothing more of this object, or of all whose names begin so."""
        with self._lock:
            self._drops += 1
            for key in [key for key in self._kept if key[0].startswith(name)]:
                del self._kept[key]

    def forget_old(self) -> None:
        """Let go of what came too long ago."""
        with self._lock:
            self._forget_old()

    def _fetch(self, key: tuple[str, int]) -> Piece:
        name, number = key
        start, length = _span(number)
        began, drops = time.monotonic(), self._drops
        piece = self._place.read(name, start, length)
        if len(piece.data) != min(length, piece.whole - start):
            raise PlaceAway(f"{name} broke off")
        with self._lock:
            if drops == self._drops:  # else it may have been erased while it was on its way
                self._kept[key] = _Kept(piece, began)
            while len(self._kept) > MOST_BLOCKS:
                self._kept.popitem(last=False)
        return piece

    def _forget_old(self) -> None:
        before = time.monotonic() - KEPT_S
        for key in [key for key, kept in self._kept.items() if kept.came < before]:
            del self._kept[key]


class Afar:
    """An object of a place as a `stream.Source`; reading raises as `Place.read` does."""

    def __init__(self, blocks: Blocks, name: str) -> None:
        self._blocks = blocks
        self._name = name

    def size(self) -> int:
        """Return how long the object is, as the place says."""
        return self._blocks.get(self._name, 0).whole

    def read(self, position: int, length: int) -> bytes:
        """Return so many bytes from there; fewer where the object ends."""
        data = bytearray()
        while len(data) < length:
            at = position + len(data)
            number = max(0, at - HEADER_BYTES) // BLOCK_BYTES
            begins = at - _span(number)[0]
            some = self._blocks.get(self._name, number).data[begins : begins + length - len(data)]
            if not some:
                break
            data += some
        return bytes(data)

    def doubt(self) -> None:
        """Keep nothing of what came: it does not verify."""
        self._blocks.drop(self._name)

    def close(self) -> None:
        """Let go of it."""


def _span(number: int) -> tuple[int, int]:
    """Return where a block begins, and its length."""
    if number == 0:
        return 0, HEADER_BYTES + BLOCK_BYTES
    return HEADER_BYTES + number * BLOCK_BYTES, BLOCK_BYTES
