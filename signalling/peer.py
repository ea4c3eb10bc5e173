"""One participant's connection in one session, as the room sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from signalling.forwarding import TICK_S, IncomingStream, Kind
from signalling.frames import AudioOrder, Frame, FrameAssembler
from signalling.rtc import RtcLink
from signalling.rtp import RtpPacket, Unwrapper
from signalling.sdp import SdpRefused, clean_offer

__all__ = ["MediaSettings", "MediaSink", "NoPicture", "Peer", "SdpRefused"]

TAP_KEY_FRAME_S: Final = 10.0
"""A recording can be sought through in steps of this size."""

log = logging.getLogger(__name__)


class NoPicture(Exception):
    """No complete key frame came within the time that was given."""


class MediaSink(Protocol):
    """Takes the encoded media of one participant. Must not block and must not raise."""

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001 - agreed with the recorder
        """Take one complete VP8 frame: 90 kHz clock, unwrapped; `received` in monotonic s."""

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        """Take one Opus packet: 48 kHz clock, unwrapped, growing; a lost one is a gap in time."""


@dataclass(frozen=True)
class MediaSettings:
    """How media reach this server.

    `host_addresses` are offered to browsers (empty: all of this machine's, without loopback unless
    there is no other); `port_range` holds both ends of the UDP ports to use (None: any);
    `video_cap_bps` is the budget that a participant's browser is given for all it sends.
    """

    host_addresses: tuple[str, ...] = ()
    port_range: tuple[int, int] | None = None
    video_cap_bps: int = 800_000
    connect_timeout_s: float = 60.0
    consent_expiry_s: float = 120.0


class _Tap:
    """Turns the packets of a peer into frames for one sink."""

    def __init__(self, sink: MediaSink, video: IncomingStream) -> None:
        self._sink = sink
        self._video = video
        self._frames = FrameAssembler()
        self._sounds = AudioOrder()
        self._timestamps = {kind: Unwrapper(32) for kind in Kind}
        self._last: dict[Kind, int] = {}
        self._asked = 0.0

    def on_video(self, sequence: int, packet: RtpPacket, now: float) -> None:
        timestamp = self._timestamps[Kind.VIDEO](packet.timestamp)
        for frame in self._frames.add(sequence, timestamp, packet, now):
            if self._grows(Kind.VIDEO, frame.rtp_timestamp):
                self._sink.video(frame.data, frame.rtp_timestamp, frame.key_frame, frame.received)
        if self._frames.broken or now - self._asked >= TAP_KEY_FRAME_S:
            self._asked = now
            self._video.request_key_frame(now)

    def on_audio(self, sequence: int, packet: RtpPacket, now: float) -> None:
        timestamp = self._timestamps[Kind.AUDIO](packet.timestamp)
        for payload, when, received in self._sounds.add(sequence, timestamp, packet.payload, now):
            if payload and self._grows(Kind.AUDIO, when):
                self._sink.audio(payload, when, received)

    def _grows(self, kind: Kind, timestamp: int) -> bool:
        if timestamp <= self._last.get(kind, -1):
            return False
        self._last[kind] = timestamp
        return True


class _Snapshot:
    """Waits for one key frame."""

    def __init__(self) -> None:
        self.frame: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._frames = FrameAssembler()
        self._timestamp = Unwrapper(32)

    def on_video(self, sequence: int, packet: RtpPacket, now: float) -> None:
        timestamp = self._timestamp(packet.timestamp)
        for frame in self._frames.add(sequence, timestamp, packet, now):
            if frame.key_frame and not self.frame.done():
                self.frame.set_result(frame)


class Peer:
    """One participant's connection in one session.

    Made by `answer`; ended by `close`, or by itself when the participant's side is gone for good
    (`closed` is set then). `connected` is set once media can flow.
    """

    def __init__(self, settings: MediaSettings) -> None:
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self._settings = settings
        self._link = RtcLink(
            addresses=settings.host_addresses,
            port_range=settings.port_range,
            consent_expiry_s=settings.consent_expiry_s,
            video_cap_bps=settings.video_cap_bps,
            on_state=self._on_state,
        )
        self._media = self._link.media
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def answer(cls, sdp: str, settings: MediaSettings) -> tuple[Peer, str]:
        """Answer an offer: gives the peer and the SDP of the answer.

        Raises SdpRefused for an offer that cannot be used, OSError when no media address of the
        settings can be bound. The caller closes the peer.
        """
        offer = clean_offer(sdp)
        peer = cls(settings)
        try:
            answer = await peer._link.answer(offer)
        except BaseException:
            await peer.close()
            raise
        peer._task = asyncio.create_task(peer._run(), name="peer")
        return peer, answer

    def forward_to(self, other: Peer) -> None:
        """Send this peer's sound and picture to the other from now on, and to nobody else."""
        for kind in Kind:
            self._media.incoming[kind].send_to(other._media.outgoing[kind])

    def unforward(self) -> None:
        """Send this peer's sound and picture to nobody."""
        for incoming in self._media.incoming.values():
            incoming.send_to(None)

    def tap(self, sink: MediaSink) -> Callable[[], None]:
        """Give all that this peer sends to a sink, too; call what is returned to end that.

        A picture begins with a key frame, and one is asked for every 10 s. A sink that raises is
        logged and dropped.
        """
        tap = _Tap(sink, self._media.incoming[Kind.VIDEO])
        ends: list[Callable[[], None]] = []

        def untap() -> None:
            for end in ends:
                end()

        ends.append(self._listen(Kind.VIDEO, tap.on_video, untap))
        ends.append(self._listen(Kind.AUDIO, tap.on_audio, untap))
        self._media.incoming[Kind.VIDEO].request_key_frame(time.monotonic())
        return untap

    async def key_frame(self, timeout: float) -> bytes:  # noqa: ASYNC109 - the caller knows how long a person will wait
        """Ask for a key frame and give it: one complete VP8 key frame, without RTP.

        Raises NoPicture when none is complete after `timeout` seconds.
        """
        if self.closed.is_set():
            raise NoPicture("The connection has ended.")
        snapshot = _Snapshot()
        end = self._listen(Kind.VIDEO, snapshot.on_video, lambda: None)
        self._media.incoming[Kind.VIDEO].request_key_frame(time.monotonic())
        try:
            async with asyncio.timeout(timeout):
                return (await snapshot.frame).data
        except TimeoutError:
            raise NoPicture("No picture came from the camera in time.") from None
        finally:
            end()

    @property
    def last_packet_at(self) -> float | None:
        """Monotonic time of the last packet of sound or picture, None before the first."""
        return self._media.last_packet_at

    async def close(self) -> None:
        """End the connection and free what it holds. Never raises; may be called again."""
        self.closed.set()
        self._detach()
        if self._task is None:
            await self._link.close()
        elif not self._task.done():
            await asyncio.wait([self._task])

    def _detach(self) -> None:
        self.unforward()
        for outgoing in self._media.outgoing.values():
            outgoing.attach(None)
        for incoming in self._media.incoming.values():
            incoming.listeners.clear()

    def _listen(
        self, kind: Kind, take: Callable[[int, RtpPacket, float], None], failed: Callable[[], None]
    ) -> Callable[[], None]:
        listeners = self._media.incoming[kind].listeners

        def listener(sequence: int, packet: RtpPacket, now: float) -> None:
            try:
                take(sequence, packet, now)
            except Exception:
                # a broken recorder must not silence two people
                log.exception("a media sink failed and is dropped")
                failed()

        def end() -> None:
            if listener in listeners:
                listeners.remove(listener)

        listeners.append(listener)
        return end

    def _on_state(self, state: str) -> None:
        if state == "connected":
            self.connected.set()
        elif state in ("failed", "closed"):
            self.closed.set()

    async def _run(self) -> None:
        """Tick until the connection ends; then free it."""
        deadline = time.monotonic() + self._settings.connect_timeout_s
        try:
            while not self.closed.is_set():
                now = time.monotonic()
                if now > deadline and not self.connected.is_set():
                    break
                self._media.tick(now)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self.closed.wait()
        finally:
            self.closed.set()
            self._detach()
            await self._link.close()
