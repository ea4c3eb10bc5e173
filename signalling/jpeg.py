"""What a JPEG's own headers say, without decoding it (ITU-T T.81, annex B)."""

from __future__ import annotations

import struct
from typing import Final

_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"
_SCAN: Final = 0xDA
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)}) - {0xC4, 0xC8, 0xCC}
"""The markers SOF (table B.1)."""
_SIZE: Final = struct.Struct(">HH")


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels as the one frame before the first scan names them.

    None for what is no JPEG, and for one of two frames or none, which no browser writes: nobody's
    decoder is to find a larger picture in it than was found here.
    """
    if not (data.startswith(_BEGIN) and data.endswith(_END)):
        return None
    found: list[tuple[int, int]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return found[0] if len(found) == 1 else None
        if marker in _FRAMES and length >= 2 + 1 + _SIZE.size and at + 9 <= len(data):
            height, width = _SIZE.unpack_from(data, at + 5)
            found.append((width, height))
        if length < 2:
            return None
        at += 2 + length
    return None
