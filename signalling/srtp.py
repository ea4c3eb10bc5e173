"""Protecting and unprotecting packets in place: a wrapper that allocates for every one is dear."""

from __future__ import annotations

from typing import Any, Final

MAX_PACKET: Final = 2048
SRTP_TRAILER: Final = 160
"""What SRTP may add to a packet, at most (libsrtp's SRTP_MAX_TRAILER_LEN and the RTCP index)."""


class InPlace:
    """One direction of SRTP; `srtp` is libsrtp's session, `ffi` the way to it (cffi)."""

    def __init__(self, srtp: Any, ffi: Any) -> None:
        self._srtp = srtp
        self._room = ffi.new("char[]", MAX_PACKET + SRTP_TRAILER)
        self._bytes = ffi.buffer(self._room)
        self._length = ffi.new("int *")

    def __call__(self, function: Any, packet: bytes) -> bytes | None:
        """Run one of the library's functions; None: it refuses (a repeat, say, or a forgery)."""
        length = self._length[0] = len(packet)
        if length > MAX_PACKET:
            return None
        self._bytes[0:length] = packet
        if function(self._srtp, self._room, self._length):
            return None
        made: bytes = self._bytes[0 : self._length[0]]
        return made
