"""DER (X.690), as much of it as a time-stamp token needs: definite lengths, one spelling only."""

from __future__ import annotations

from dataclasses import dataclass

from .verdict import NotVerified

BOOLEAN = 0x01
INTEGER = 0x02
BITS = 0x03
OCTETS = 0x04
NULL = 0x05
OID = 0x06
TIME = 0x18
SEQUENCE = 0x30
SET = 0x31
CONTEXT = 0xA0
"""The tag of `[0]`, constructed; `[n]` is `CONTEXT + n`."""
_LONG = 0x80
_NO_NUMBER = 0x1F
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Node:
    """One element: its tag, what it holds, and its bytes as a whole."""

    tag: int
    content: bytes
    raw: bytes

    def of(self, tag: int) -> Node:
        """Return the element itself if it has this tag."""
        if self.tag != tag:
            raise NotVerified("an element of it is of another kind than it should be")
        return self

    def children(self, tag: int) -> list[Node]:
        """Return what an element of this tag is made of."""
        return elements(self.of(tag).content)

    def integer(self) -> int:
        """Return the value of an INTEGER."""
        return int.from_bytes(self.of(INTEGER).content, signed=True)


def elements(data: bytes) -> list[Node]:
    """Return the elements that `data` is made of, to the last byte."""
    found, at = [], 0
    while at < len(data):
        node = _element(data, at)
        found.append(node)
        at += len(node.raw)
    return found


def single(data: bytes) -> Node:
    """Return the one element that `data` is."""
    found = elements(data)
    if len(found) != 1:
        raise NotVerified("it is not one element")
    return found[0]


def some(nodes: list[Node], count: int | None = None) -> list[Node]:
    """Return the elements if there are so many, or any at all."""
    if not nodes or count not in {None, len(nodes)}:
        raise NotVerified("it has other parts than it should")
    return nodes


def make(tag: int, *parts: bytes) -> bytes:
    """Return an element of these parts."""
    content = b"".join(parts)
    size = len(content)
    if size < _LONG:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, _LONG | len(length)]) + length + content


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER (X.690, 8.19)."""
    first, second, *rest = map(int, dotted.split("."))
    content = b"".join(_base128(arc) for arc in (40 * first + second, *rest))
    return make(OID, content)


def number(value: int) -> bytes:
    """Return an INTEGER that is not negative."""
    return make(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _element(data: bytes, at: int) -> Node:
    if len(data) - at < 2 or data[at] & _NO_NUMBER == _NO_NUMBER:
        raise NotVerified("it is not DER")
    size, start = data[at + 1], at + 2
    if size >= _LONG:
        length = data[start : start + size - _LONG]
        start += len(length)
        size = int.from_bytes(length)
        # The shortest form, and no indefinite one, whose size would be nought.
        if not 0 < len(length) <= _LENGTH_BYTES or not length[0] or size < _LONG:
            raise NotVerified("it is not DER")
    end = start + size
    if end > len(data):
        raise NotVerified("it is cut off")
    return Node(data[at], data[start:end], data[at:end])


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(_LONG | arc & 0x7F)
    return bytes(reversed(digits))
