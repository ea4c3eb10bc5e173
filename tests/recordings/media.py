"""Encoded media for the tests, as it would leave a browser's encoders."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np


@dataclass(frozen=True)
class Frame:
    data: bytes
    at: float
    key: bool


def video(
    seconds: float, fps: int = 15, size: tuple[int, int] = (320, 240), key_every: int = 30
) -> list[Frame]:
    """Return VP8 frames of a picture whose brightness grows with time."""
    return [*_video(seconds, fps, size, key_every)]


@cache
def _video(seconds: float, fps: int, size: tuple[int, int], key_every: int) -> tuple[Frame, ...]:
    width, height = size
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, fps)
    encoder.bit_rate = 200_000
    encoder.gop_size = key_every
    encoder.thread_count = 1  # several wait for each other by turning, at six times the cost
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    frames: list[Frame] = []
    planes = np.full((height * 3 // 2, width), 128, np.uint8)  # below the luma no colours
    for number in range(round(seconds * fps)):
        planes[:height] = _luma(40 + number % 160)
        planes[:height, number % width] = _luma(255)
        picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
        picture.pts = number
        frames += [
            Frame(bytes(packet), number / fps, packet.is_keyframe)
            for packet in encoder.encode(picture)
        ]
    return tuple(frames)


def _luma(grey: int) -> int:
    """Return what a grey is in limited range (ITU-R BT.601-7)."""
    return round(16 + grey * 219 / 255)


def audio(seconds: float, packet_ms: int = 20) -> list[Frame]:
    """Return Opus packets of a 440 Hz tone."""
    return [*_audio(seconds, packet_ms)]


@cache
def _audio(seconds: float, packet_ms: int) -> tuple[Frame, ...]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.bit_rate = 16_000
    encoder.options = {"frame_duration": str(packet_ms), "application": "voip"}
    encoder.open()
    step = 48 * packet_ms
    packets = []
    for number in range(round(seconds * 1000 / packet_ms)):
        time = (number * step + np.arange(step)) / 48_000
        samples = (8_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, number * step
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(
        Frame(data, number * packet_ms / 1000, True) for number, data in enumerate(packets)
    )
