"""An hour of a bad link, in a time of the test's own: sound and picture stay together."""

from __future__ import annotations

import asyncio
import io
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import pytest

from recordings.appender import Stored
from recordings.recorder import Recorder
from recordings.vault import Vault

HOUR = 3600.0
ZERO = 50_000.0
FPS, PACKET_S = 8, 0.06
OPUS_60_MS = b"\x18"
KEY_FRAME = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 320, 240)
LOSS = 0.02
NEAREST_DELAY, FARTHER_DELAY = 0.30, 0.42
"""Seconds on the way without a queue, before and after the route has changed."""


class Shelf:
    """A vault in memory."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.whole = b""

    def open_append(self, *_: str) -> Shelf:
        return self

    def append(self, data: bytes) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        pass

    def records(self, *_: str) -> list[bytes]:
        return self.pieces

    def settle(self, _session: str, _ident: str, pieces: Iterable[bytes]) -> Stored:
        self.whole = b"".join(pieces)
        return Stored("", len(self.whole))


@dataclass
class Link:
    """Loss, outages with a queue behind them, a route that changes, a new connection."""

    chance: random.Random
    outages: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = 200.0
        while at < HOUR - 300:
            self.outages.append((at, at + self.chance.uniform(10, 60)))
            at = self.outages[-1][1] + self.chance.uniform(150, 600)

    @property
    def again(self) -> float:
        """When a new connection begins."""
        return self.outages[len(self.outages) // 2][1]

    def arrival(self, at: float) -> float | None:
        """Return when a packet sent at this time arrives, or None when it does not."""
        if any(begin <= at < end for begin, end in self.outages) or self.chance.random() < LOSS:
            return None
        since = min((at - end for _, end in self.outages if at >= end), default=HOUR)
        queue = max(0.0, 1.5 - since / 2)
        way = FARTHER_DELAY if 1500 < at < 2100 else NEAREST_DELAY
        return at + way + queue + self.chance.expovariate(1 / 0.02)


@dataclass(frozen=True)
class Packet:
    received: float
    captured: float
    track: str
    timestamp: int


def sent(link: Link, drift: dict[str, float]) -> list[Packet]:
    """Return an hour of packets by arrival, from two clocks that drift; a new start on the way."""
    packets = []
    for track, rate, step in (("audio", 48_000, PACKET_S), ("video", 90_000, 1 / FPS)):
        bases = [link.chance.getrandbits(32), link.chance.getrandbits(32)]
        ready, before = PACKET_S if track == "audio" else 0.0, 0.0
        for number in range(int(HOUR / step)):
            captured = number * step
            arrived = link.arrival(captured + ready)
            if arrived is None:
                continue
            if track == "video":
                # Frames leave the receiver in the order in which they are decoded.
                before = arrived = max(arrived, before)
            media = round(captured * (1 + drift[track]) * rate)
            timestamp = (bases[captured >= link.again] + media) % 2**32
            packets.append(Packet(arrived, captured, track, timestamp))
    return sorted(packets, key=lambda packet: packet.received)


async def recorded(packets: list[Packet]) -> bytes:
    shelf = Shelf()
    recorder = Recorder(cast("Vault", shelf), "s1", "e1", ZERO)
    await recorder.start()
    for number, packet in enumerate(packets):
        told = struct.pack(">d", packet.captured)
        if packet.track == "audio":
            recorder.audio(OPUS_60_MS + told, packet.timestamp, ZERO + packet.received)
        else:
            recorder.video(KEY_FRAME + told, packet.timestamp, True, ZERO + packet.received)
        if number % 100 == 0:
            await asyncio.to_thread(recorder._thread.submit(int).result)
    await recorder.finish()
    assert recorder.dropped == 0
    return shelf.whole


def late(data: bytes) -> Iterator[tuple[str, float, float]]:
    """Yield track, capture time, and how much later than that it stands in the file."""
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux():
            content = bytes(packet)[-8:]
            if packet.pts is None or packet.size not in {9, 18}:
                continue
            (captured,) = struct.unpack(">d", content)
            yield packet.stream.type, captured, float(packet.pts * packet.time_base) - captured


@pytest.mark.parametrize(
    "drift",
    [
        {"audio": 1e-4, "video": 0.0},
        {"audio": -1e-4, "video": 0.0},
        {"audio": 5e-5, "video": -5e-5},
    ],
)
async def test_sound_and_picture_stay_within_a_tenth_of_a_second(drift: dict[str, float]) -> None:
    link = Link(random.Random(7))
    packets = sent(link, drift)

    data = await recorded(packets)

    found: dict[str, list[tuple[float, float]]] = {"audio": [], "video": []}
    for track, captured, by in late(data):
        found[track].append((captured, by))
    heard: npt.NDArray[np.float64] = np.array(sorted(found["audio"]))
    seen: npt.NDArray[np.float64] = np.array(sorted(found["video"]))
    assert len(seen) > 0.99 * sum(packet.track == "video" for packet in packets)
    assert len(heard) > 0.97 * sum(packet.track == "audio" for packet in packets)
    # Beside each picture: the sound that was captured next to it.
    beside = np.clip(np.searchsorted(heard[:, 0], seen[:, 0]), 1, len(heard) - 1)
    apart = seen[:, 1] - heard[beside, 1]
    near = np.abs(seen[:, 0] - heard[beside, 0]) < 1
    assert np.abs(apart[near]).max() < 0.1
    for placed in (heard, seen):
        # The new connection began behind a queue, and is caught up with.
        settled = (placed[:, 0] < link.again) | (placed[:, 0] > link.again + 12)
        assert np.abs(placed[settled, 1] - NEAREST_DELAY).max() < 0.2
