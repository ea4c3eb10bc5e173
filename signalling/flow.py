"""How much one participant may send: what is more is dropped before any work is done for it.

Nobody's browser comes near these figures. A participant who sends more takes their own sound and
picture away, and nobody else's: a dropped datagram costs some microseconds.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

PACKETS_A_SECOND: Final = 2_500
"""Of sound and picture, from one participant. A camera of 4 Mbit/s, sent twice, is 900."""
BYTES_A_SECOND: Final = 2_500_000
"""Of the same: 20 Mbit/s."""
CHECKS_A_SECOND: Final = 200
"""Of STUN, from addresses that are known to be theirs; browsers send some 50 while they connect."""
STRANGE_CHECKS_A_SECOND: Final = 100
"""Of STUN with their name, from addresses that are not known yet."""
HANDSHAKES_A_SECOND: Final = 200
"""Datagrams of DTLS; a handshake takes some twenty."""


class Flow:
    """So many datagrams and bytes in each second of the monotonic clock."""

    __slots__ = ("_bytes", "_count", "_most", "_most_bytes", "_until")

    def __init__(self, packets: int, most_bytes: int = BYTES_A_SECOND) -> None:
        self._most, self._most_bytes = packets, most_bytes
        self._count = self._bytes = 0
        self._until = float("-inf")

    def takes(self, size: int, now: float) -> bool:
        """Count one datagram of `size` bytes; say whether it is within what may be sent."""
        if now >= self._until:
            self._until, self._count, self._bytes = now + 1.0, 0, 0
        self._count += 1
        self._bytes += size
        return self._count <= self._most and self._bytes <= self._most_bytes


class Inflow:
    """All that comes from one participant; `dropped` counts by kind what was too much."""

    __slots__ = ("_checks", "_dropped", "_handshakes", "_media", "_strange")

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped
        self._media = Flow(PACKETS_A_SECOND)
        self._handshakes = Flow(HANDSHAKES_A_SECOND)
        self._checks, self._strange = Flow(CHECKS_A_SECOND), Flow(STRANGE_CHECKS_A_SECOND)

    def media(self, size: int, now: float) -> bool:
        """Say whether to take a datagram of sound or picture."""
        return self._media.takes(size, now) or self._drop("media")

    def handshake(self, size: int, now: float) -> bool:
        """Say whether to take a datagram of DTLS."""
        return self._handshakes.takes(size, now) or self._drop("handshake")

    def check(self, size: int, now: float, *, known: bool) -> bool:
        """Say whether to take a message of STUN; `known`: its address has proved to be theirs."""
        checks = self._checks if known else self._strange
        return checks.takes(size, now) or self._drop("check")

    def _drop(self, kind: str) -> bool:
        self._dropped[kind] += 1
        return False
