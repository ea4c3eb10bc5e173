"""The one way in which a bundle is a ZIP file (APPNOTE 6.3.10), so that every byte of it is bound.

Members are sorted by name and stored (method 0); flags 0x0800 (names are UTF-8), versions 20 and
20, dated 1980-01-01 00:00:00, without extra fields, comments and attributes; nothing stands before,
between or after them. What is longer than 4 GiB is not made: there is no ZIP64.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from .verdict import NotVerified

LOCAL, CENTRAL, END = 0x04034B50, 0x02014B50, 0x06054B50
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_VERSION, _FLAGS, _STORED, _TIME, _DATE = 20, 0x0800, 0, 0, 0x0021
MAX_BYTES = 0xFFFF_FFFE
MAX_MEMBERS = 10_000
MAX_NAME_BYTES = 100
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one member stands: its name, CRC-32, size, and the offset of its header."""

    name: str
    crc: int
    size: int
    offset: int


def local_header(name: str, crc: int, size: int) -> bytes:
    """Return what stands before a member's bytes."""
    raw = name.encode()
    head = (LOCAL, _VERSION, _FLAGS, _STORED, _TIME, _DATE, crc, size, size, len(raw), 0)
    return _LOCAL.pack(*head) + raw


def directory(entries: Iterable[Entry], offset: int) -> bytes:
    """Return what stands after the last member, which ends at `offset`."""
    entries = tuple(entries)
    central = b"".join(_listed(one) for one in entries)
    count = len(entries)
    return central + _END.pack(END, 0, 0, count, count, len(central), offset, 0)


def _listed(one: Entry) -> bytes:
    raw = one.name.encode()
    when = (_VERSION, _VERSION, _FLAGS, _STORED, _TIME, _DATE)
    size = (one.crc, one.size, one.size, len(raw), 0, 0, 0, 0, 0, one.offset)
    return _CENTRAL.pack(CENTRAL, *when, *size) + raw


def is_archive(data: memoryview) -> bool:
    """Say whether the bytes begin as a ZIP file does."""
    return bytes(data[:2]) == b"PK"


def members(data: memoryview) -> dict[str, memoryview]:
    """Return the members of a bundle by their names, or raise NotVerified.

    Every byte must be the one that the writer of bundles would have put there.
    """
    found: dict[str, memoryview] = {}
    entries: list[Entry] = []
    at = 0
    while data[at : at + 4] == LOCAL.to_bytes(4, "little"):
        entry, start = _read(data, at)
        if entries and entry.name <= entries[-1].name:
            raise NotVerified("its members are not in order, or one is there twice")
        if len(entries) == MAX_MEMBERS:
            raise NotVerified("it has too many members")
        entries.append(entry)
        at = start + entry.size
        found[entry.name] = data[start:at]
    if not entries or data[at:] != directory(entries, at):
        raise NotVerified("its list of members is not the one that it should be")
    return found


def _read(data: memoryview, at: int) -> tuple[Entry, int]:
    """Return the member whose header is there, and where its bytes begin."""
    if len(data) < at + _LOCAL.size:
        raise NotVerified("it is cut off")
    fields = _LOCAL.unpack(data[at : at + _LOCAL.size])
    crc, size, length = fields[6], fields[7], fields[9]
    start = at + _LOCAL.size + length
    if length > MAX_NAME_BYTES or start + size > len(data):
        raise NotVerified("it is cut off")
    try:
        name = bytes(data[at + _LOCAL.size : start]).decode()
    except UnicodeDecodeError:
        raise NotVerified("the name of a member is none") from None
    if data[at:start] != local_header(name, crc, size):
        raise NotVerified("a member is not stored as it should be")
    if _crc(data[start : start + size]) != crc:
        raise NotVerified(f"the check sum of {ascii(name)[1:-1]} is wrong")
    return Entry(name, crc, size, at), start


def _crc(data: memoryview) -> int:
    crc = 0
    for first in range(0, len(data), _CHUNK):
        crc = zlib.crc32(data[first : first + _CHUNK], crc)
    return crc
