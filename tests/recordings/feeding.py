"""Feeds a recorder as the live room would, in a time of the test's own."""

from __future__ import annotations

from collections.abc import Iterable

from recordings.recorder import Recorder
from recordings.webm import opus_duration

from .media import Frame

ZERO = 1_000.0
"""The clock when the recording starts, in seconds."""


class Feed:
    """One connection: its timestamps begin anywhere, its packets arrive `late` seconds late."""

    def __init__(
        self,
        recorder: Recorder,
        begins: float = 0.0,
        late: float = 0.0,
        bases: tuple[int, int] = (2**32 - 1000, 77),
    ) -> None:
        self._recorder = recorder
        self._begins = ZERO + begins
        self._late = late
        self._bases = bases

    def video(self, frame: Frame, late: float = 0.0) -> None:
        timestamp = (self._bases[0] + round(frame.at * 90_000)) % 2**32
        received = self._begins + frame.at + self._late + late
        self._recorder.video(frame.data, timestamp, frame.key, received)

    def audio(self, packet: Frame, late: float = 0.0) -> None:
        timestamp = (self._bases[1] + round(packet.at * 48_000)) % 2**32
        ready = packet.at + opus_duration(packet.data) / 1000
        self._recorder.audio(packet.data, timestamp, self._begins + ready + self._late + late)

    def both(self, video: Iterable[Frame], audio: Iterable[Frame]) -> None:
        pictures = [(frame.at, 1, frame) for frame in video]
        sounds = [(packet.at, 0, packet) for packet in audio]
        for _, is_video, frame in sorted([*pictures, *sounds], key=lambda item: item[:2]):
            if is_video:
                self.video(frame)
            else:
                self.audio(frame)
