"""Run on board: send datagrams that are answered ashore, and print what came back, as JSON.

`python -m tests.harness.sounding ADDRESS PORT COUNT SIZE EVERY_MS`: the list of round trips in
milliseconds, None for what did not come back within the wait. Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import struct
import sys
import time
from typing import cast

WAIT_S = 2.5


class Echo(asyncio.DatagramProtocol):
    """Ashore: sends every datagram back, and notes from where they came."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket to answer by."""
        self.line = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        self.seen.add(addr[0])
        self.line.sendto(data, addr)


def sound(address: tuple[str, int], count: int, size: int, every_s: float) -> list[float | None]:
    """Send, and listen until all are back or none can come any more."""
    back: list[float | None] = [None] * count
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(address)
        began, sent, missing = time.monotonic(), 0, count
        end = began + count * every_s + WAIT_S
        while missing and (now := time.monotonic()) < end:
            if sent < count and now >= began + sent * every_s:
                line.send(struct.pack("!Id", sent, now).ljust(size, b"."))
                sent += 1
                continue
            until = began + sent * every_s if sent < count else end
            if not select.select([line], [], [], max(0.0, until - now))[0]:
                continue
            number, left = struct.unpack("!Id", line.recv(65_535)[:12])
            back[number], missing = (time.monotonic() - left) * 1000, missing - 1
    return back


if __name__ == "__main__":
    host, port, number, large, pause = sys.argv[1:]
    json.dump(sound((host, int(port)), int(number), int(large), int(pause) / 1000), sys.stdout)
