"""Opus packets out of the WebM that a browser's MediaRecorder hands out piece by piece.

EBML is RFC 8794, the elements are those of RFC 9559 (Matroska). A piece ends anywhere between two
elements, or within one; only what is needed is read, whatever is too long or makes no sense ends
it. Times are milliseconds (TimestampScale is 1,000,000 ns, which every browser writes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

MAGIC: Final = b"\x1a\x45\xdf\xa3"
"""With which a stream begins."""
ELEMENT_LIMIT: Final = 16 * 1024
HEADER_LIMIT: Final = 4 * 1024
PACKETS_LIMIT: Final = 400
"""Of one piece: one second has 400 of the shortest packets (2.5 ms)."""
_SEGMENT, _CLUSTER, _GROUP = 0x18538067, 0x1F43B675, 0xA0
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA3, 0xA1
_TIME_BYTES: Final = 6
"""Some 9,000 years of milliseconds."""
_ENTERED: Final = frozenset({_SEGMENT, _CLUSTER, _GROUP})
"""Elements that hold others; their own length says nothing, in a live stream."""
_BLOCK_HEAD: Final = struct.Struct(">BhB")
_LACED: Final = 0x06


class Packet(NamedTuple):
    """One Opus packet (RFC 6716) and when it is played, by the stream's own clock."""

    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece brought; `onward` plays behind the stream's header alone.

    It begins with the first cluster whose head ends in the piece, and is None where none does.
    """

    packets: tuple[Packet, ...]
    onward: bytes | None


class PieceReader:
    """Reads one stream from its first piece on; raises ValueError, and is of no use after."""

    def __init__(self) -> None:
        self.header = b""
        """Everything before the first cluster."""
        self._held = b""
        self._in_header = True
        self._start = 0

    def feed(self, piece: bytes) -> Piece:
        """Take the next piece; what it has of an element that goes on waits for the next."""
        data = self._held + piece
        at, packets = 0, []
        onward: bytes | None = None
        while (found := _head(data, at)) is not None:
            identity, content, size = found
            if identity in _ENTERED:
                if identity == _CLUSTER:
                    self._end_header(data[:at])
                    if onward is None:
                        onward = data[at:]
                at = content
                continue
            if size is None or size > ELEMENT_LIMIT:
                raise ValueError("an element is too long")
            end = content + size
            if end > len(data):
                break
            if identity == _TIMESTAMP and size <= _TIME_BYTES:
                self._start = int.from_bytes(data[content:end], "big")
            elif identity in {_SIMPLE_BLOCK, _BLOCK}:
                packets.append(self._packet(data[content:end]))
            at = end
        if len(packets) > PACKETS_LIMIT:
            raise ValueError("too many packets")
        self._keep(data, at)
        return Piece(tuple(packets), onward)

    def _end_header(self, rest: bytes) -> None:
        if not self._in_header:
            return
        self.header += rest
        self._in_header = False
        if not self.header.startswith(MAGIC) or len(self.header) > HEADER_LIMIT:
            raise ValueError("not the header of a stream")

    def _keep(self, data: bytes, at: int) -> None:
        if self._in_header:
            self.header += data[:at]
            if len(self.header) > HEADER_LIMIT:
                raise ValueError("the header is too long")
        self._held = data[at:]

    def _packet(self, block: bytes) -> Packet:
        """Return the packet of a block of the first track, which has one (RFC 9559, 10)."""
        if len(block) <= 1 + 3 or not block[0] & 0x80:
            raise ValueError("a block of a strange form")
        _, relative, flags = _BLOCK_HEAD.unpack_from(block)
        if flags & _LACED:
            raise ValueError("a laced block")
        return Packet(max(0, self._start + relative), block[_BLOCK_HEAD.size :])


def _head(data: bytes, at: int) -> tuple[int, int, int | None] | None:
    """Return id, where the content begins, and its size (None: unknown); None if that is cut."""
    if at >= len(data):
        return None
    id_width = 9 - data[at].bit_length()
    if id_width > 4:
        raise ValueError("not an element")
    if at + id_width >= len(data):
        return None
    width = 9 - data[at + id_width].bit_length()
    if width > 8:
        raise ValueError("not a length")
    content = at + id_width + width
    if content > len(data):
        return None
    identity = int.from_bytes(data[at : at + id_width], "big")
    ones = (1 << 7 * width) - 1
    size = int.from_bytes(data[at + id_width : content], "big") & ones
    return identity, content, None if size == ones else size
