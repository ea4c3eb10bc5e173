"""Those who listen to a peer's streams beside its watchers: recordings and still pictures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from signalling.forwarding import IncomingStream
from signalling.frames import AudioOrder, FrameAssembler, key_frame_width
from signalling.rtp import RtpPacket

SNAPSHOT_KEY_FRAME_S: Final = 2.0
"""While a wider picture is waited for, one is asked for again after this."""

log = logging.getLogger(__name__)


class MediaSink(Protocol):
    """Takes the encoded media of one participant. Must not block and must not raise."""

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001 - agreed with the recorder
        """Take one complete VP8 frame: 90 kHz clock, unwrapped; `received` in monotonic s."""

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        """Take one Opus packet: 48 kHz clock, unwrapped, growing; a lost one is a gap in time."""


class Tap:
    """Turns the packets of a peer's streams into frames for one sink, until `end`.

    A sink that raises is logged, and that is the end: a broken recorder must not silence two
    people. A stream that is None gives nothing.
    """

    def __init__(
        self, sink: MediaSink, video: IncomingStream | None, audio: IncomingStream | None
    ) -> None:
        # looked up once, not for every frame
        self._show, self._sound = sink.video, sink.audio
        self._frames = FrameAssembler()
        self._sounds = AudioOrder()
        self._shown = self._heard = -1
        self._ask_at = 0.0
        self._ends: list[Callable[[], None]] = []
        if video is not None:
            self._video = video
            self._ends.append(video.listen(self._on_video))
            video.request_key_frame(time.monotonic())
        if audio is not None:
            self._ends.append(audio.listen(self._on_audio))

    def end(self) -> None:
        """Give the sink nothing more; may be called again."""
        for end in self._ends:
            end()

    def _on_video(self, sequence: int, timestamp: int, packet: RtpPacket, now: float) -> None:
        try:
            for frame in self._frames.add(sequence, timestamp, packet, now):
                if frame.rtp_timestamp > self._shown:
                    self._shown = frame.rtp_timestamp
                    self._show(frame.data, frame.rtp_timestamp, frame.key_frame, frame.received)
        except Exception as error:  # noqa: BLE001 - whatever a sink raises
            self._failed(error)
        if now >= self._ask_at or self._frames.broken:
            self._ask_at = now + self._video.routine_s
            self._video.request_key_frame(now)

    def _on_audio(self, sequence: int, timestamp: int, packet: RtpPacket, now: float) -> None:
        try:
            for payload, when, received in self._sounds.add(
                sequence, timestamp, packet.payload, now
            ):
                if payload and when > self._heard:
                    self._heard = when
                    self._sound(payload, when, received)
        except Exception as error:  # noqa: BLE001 - whatever a sink raises
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        log.error("a media sink failed and is dropped", exc_info=error)
        self.end()


class Snapshot:
    """Waits for one key frame that is wide enough, and keeps the widest of the others.

    `frame` is set to it, `widest` is the best so far; call `end` when it is waited for no longer.
    """

    def __init__(self, video: IncomingStream, wider_than: int) -> None:
        self.frame: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.widest: bytes | None = None
        self._width = -1
        self._video = video
        self._wider_than = wider_than
        self._frames = FrameAssembler()
        self._asked = time.monotonic()
        self.end = video.listen(self._on_video)
        video.request_key_frame(self._asked)

    def _on_video(self, sequence: int, timestamp: int, packet: RtpPacket, now: float) -> None:
        for frame in self._frames.add(sequence, timestamp, packet, now):
            if frame.key_frame:
                self._take(frame.data)
        if now - self._asked >= SNAPSHOT_KEY_FRAME_S:
            self._asked = now
            self._video.request_key_frame(now)

    def take_any(self) -> None:
        """Wait for none that is wide enough any more: the next will do."""
        self._wider_than = 0

    def _take(self, data: bytes) -> None:
        width = key_frame_width(data)
        if width > self._width:
            self.widest, self._width = data, width
        if width > self._wider_than and not self.frame.done():
            self.frame.set_result(data)
