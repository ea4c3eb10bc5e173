"""A participant's browser that sends far more than it may, from a process of its own.

What it sends is sound of its own, sealed with the keys of its own connection: nothing tells it from
honest packets but that there are too many. It comes from the very port that the server knows.

Run as a program it sends what lies in a file, so many datagrams a second, again and again until it
is ended, or for `LONGEST_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from signalling.tracks import Track
from tests.signalling.test_media_loopback import Client

SIZE: Final = 160
"""Bytes of each packet's payload."""
SLICE_S: Final = 0.005
AT_ONCE: Final = 200
LONGEST_S: Final = 150.0


async def sealed(client: Client, count: int) -> bytes:
    """Return so many datagrams of SRTP, each with its length before it."""
    sender = client.lines[Track.AUDIO].sender
    protect = sender.transport._tx_srtp.protect
    payload_type = client.lines[Track.AUDIO]._codecs[0].payloadType
    made = bytearray()
    for number in range(count):
        # A stream of its own, so that the honest one goes on with its numbers.
        head = struct.pack("!BBHII", 0x80, payload_type, number & 0xFFFF, number * 960, 0x5EED)
        datagram = protect(head + bytes(SIZE))
        made += struct.pack("!H", len(datagram)) + datagram
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)  # the keys are in use: no thread may have them
    return bytes(made)


@contextlib.asynccontextmanager
async def flooding(client: Client, a_second: int) -> AsyncIterator[None]:
    """Send from this client's port, so many a second, until the block ends."""
    pair = client.lines[Track.AUDIO].sender.transport.transport._connection._nominated[1]
    sock = pair.protocol.transport.get_extra_info("socket")
    host, port = pair.remote_addr
    with tempfile.TemporaryDirectory(prefix="flood-") as folder:
        file = Path(folder) / "datagrams"
        file.write_bytes(await sealed(client, a_second))
        number = sock.fileno()
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.attack.flooding", str(file), str(number)),
            *(host, str(port), str(a_second)),
            pass_fds=[number],
        )
        try:
            yield
        finally:
            if program.returncode is None:
                program.kill()
            await program.wait()


def send(file: Path, number: int, address: tuple[str, int], a_second: float) -> None:
    """Send what the file holds, in slices of 5 ms; what the kernel does not take is lost."""
    raw, at, sent = file.read_bytes(), 0, 0
    out = socket.socket(fileno=number)
    began = time.monotonic()
    while (gone := time.monotonic() - began) < LONGEST_S:
        while sent < gone * a_second:
            length = int.from_bytes(raw[at : at + 2])
            with contextlib.suppress(OSError):
                out.sendto(raw[at + 2 : at + 2 + length], address)
            at, sent = (at + 2 + length) % len(raw), sent + 1
        time.sleep(SLICE_S)
    out.detach()


if __name__ == "__main__":
    path, descriptor, to, its_port, rate = sys.argv[1:]
    send(Path(path), int(descriptor), (to, int(its_port)), float(rate))
