"""What the synthetic participants send: encoded once, replayed for ever."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECONDS = 8
FPS = 15
SOUND_S = 0.02
FRAGMENT = 1100
"""Bytes of a VP8 frame in one packet, near to what browsers put there."""


@dataclass(frozen=True)
class Film:
    """`camera` is 640x480, `small` 160x120: VP8 frames at FPS, the first a key frame.

    `voice` are Opus packets, one every SOUND_S.
    """

    camera: list[bytes]
    small: list[bytes]
    voice: list[bytes]

    @classmethod
    def make(cls) -> Film:
        """Encode it: about 500 and 60 kbit/s of picture, 32 of sound."""
        return cls(_picture(640, 480, 500_000), _picture(160, 120, 60_000), _voice())

    def write(self, path: Path) -> None:
        """Keep it in a file."""
        packets = {
            name: [base64.b64encode(p).decode() for p in ps] for name, ps in vars(self).items()
        }
        path.write_text(json.dumps(packets))

    @classmethod
    def read(cls, path: Path) -> Film:
        """Take it out of a file."""
        packets = json.loads(path.read_text())
        return cls(**{name: [base64.b64decode(p) for p in ps] for name, ps in packets.items()})


def fragments(frame: bytes) -> list[bytes]:
    """Cut a frame into what fits a packet."""
    return [frame[at : at + FRAGMENT] for at in range(0, len(frame), FRAGMENT)]


def _picture(width: int, height: int, bit_rate: int) -> list[bytes]:
    """A bright spot that wanders over a wall of stones, with a sensor's noise."""
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.bit_rate, codec.time_base, codec.framerate = bit_rate, Fraction(1, FPS), Fraction(FPS)
    codec.gop_size = 100 * FPS
    codec.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "minrate": str(bit_rate),
        "maxrate": str(bit_rate),
        "bufsize": str(bit_rate),
    }
    random = np.random.default_rng(1)
    stones = random.integers(90, 150, (height // 20, width // 20, 3)).astype(np.int16)
    wall = stones.repeat(20, axis=0).repeat(20, axis=1)
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    out = []
    for at in range(SECONDS * FPS):
        angle = 2 * np.pi * at / (SECONDS * FPS)
        x, y = width * (0.5 + 0.3 * np.cos(angle)), height * (0.5 + 0.3 * np.sin(2 * angle))
        spot = ((across - x) ** 2 + (down - y) ** 2 < (height / 5) ** 2)[..., None] * 70
        noise = random.integers(-6, 7, (height, width, 1))
        image = np.clip(wall + spot + noise, 0, 255).astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        picture.pts = at
        out += [bytes(packet) for packet in codec.encode(picture)]
    return out + [bytes(packet) for packet in codec.encode(None)]


def _voice() -> list[bytes]:
    """A hum that swells and fades about three times a second, as syllables do."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "s16"
    codec.bit_rate, codec.time_base = 32_000, Fraction(1, 48_000)
    codec.options = {"application": "voip", "frame_duration": "20"}
    random = np.random.default_rng(2)
    out = []
    for at in range(0, SECONDS * 48_000, 960):
        when = (at + np.arange(960)) / 48_000
        tone = sum(np.sin(2 * np.pi * 140 * n * when) / n for n in range(1, 8))
        loud = 3000 * (1 + np.sin(2 * np.pi * 3 * when))
        samples = (loud * tone + random.normal(0, 100, 960)).clip(-32768, 32767)
        frame = av.AudioFrame.from_ndarray(
            samples.astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = 48_000, at
        out += [bytes(packet) for packet in codec.encode(frame)]
    return out
