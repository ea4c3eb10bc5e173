"""One participant's connection in one session, as the room sees it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from invigilation.presence import Sound
from signalling.forwarding import TICK_S, IncomingStream, OutgoingStream
from signalling.quality import LinkQuality
from signalling.rtc import RtcLink
from signalling.sdp import SdpRefused, clean_offer
from signalling.taps import MediaSink, Snapshot, Tap
from signalling.tracks import Shape, Track
from signalling.udp import OwnDoors, SharedDoors

__all__ = ["MediaSettings", "MediaSink", "NoPicture", "Peer", "SdpRefused"]


THIN_BPS = 200_000


class NoPicture(Exception):
    """No complete key frame came within the time that was given."""


@dataclass(frozen=True)
class MediaSettings:
    """How media reach this server.

    `host_addresses` are offered to browsers (empty: all of this machine's, without loopback unless
    there is no other). `port` is the one UDP port that all share, `port_range` holds both ends of
    the ports of which each takes one of its own; with neither, any port is taken.
    `video_cap_bps` is the budget that a participant's browser is given for all it sends.
    """

    host_addresses: tuple[str, ...] = ()
    port_range: tuple[int, int] | None = None
    port: int | None = None
    video_cap_bps: int = 800_000
    connect_timeout_s: float = 60.0
    consent_expiry_s: float = 900.0

    def __post_init__(self) -> None:
        if self.port is not None and self.port_range is not None:
            raise ValueError("media take one port or a range of ports, not both")


class Peer:
    """One participant's connection in one session.

    Made by `answer`; ended by `close`, or by itself when the participant's side is gone for good
    (`closed` is set then). `connected` is set once media can flow.
    """

    def __init__(
        self,
        shape: Shape,
        settings: MediaSettings,
        doors: SharedDoors | None = None,
        dropped: Counter[str] | None = None,
    ) -> None:
        if doors is None and settings.port is not None:
            raise ValueError("the sockets of the one port are missing")
        self.shape = shape
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self._settings = settings
        self._link = RtcLink(
            shape=shape,
            addresses=settings.host_addresses,
            doors=doors or OwnDoors(settings.port_range),
            consent_expiry_s=settings.consent_expiry_s,
            video_cap_bps=settings.video_cap_bps,
            on_state=self._on_state,
            dropped=dropped,
        )
        self._media = self._link.media
        self._deadline = float("inf")
        self._timer: asyncio.TimerHandle
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def answer(
        cls,
        sdp: str,
        shape: Shape,
        settings: MediaSettings,
        doors: SharedDoors | None = None,
        dropped: Counter[str] | None = None,
    ) -> tuple[Peer, str]:
        """Answer an offer of this shape: gives the peer and the SDP of the answer.

        `doors` are the sockets of the settings' one port, if they name one; they stay the caller's.
        `dropped` counts what was more than one participant may send.
        Raises SdpRefused for an offer that cannot be used, OSError when no media address of the
        settings can be bound. The caller closes the peer.
        """
        offer = clean_offer(sdp, shape)
        peer = cls(shape, settings, doors, dropped)
        try:
            answer = await peer._link.answer(offer)
        except BaseException:
            await peer.close()
            raise
        peer._task = asyncio.create_task(peer._run(), name="peer")
        return peer, answer

    def receive_from(self, sources: Mapping[Track, tuple[Peer, Track]]) -> None:
        """Send this participant these tracks of others from now on, in place of all before.

        A track that is not named gets nothing; one that the shape does not receive, and a source
        that its owner does not send, are passed over. The same source again is not interrupted; a
        new picture begins with a key frame, which its publisher is asked for.
        """
        for track, outgoing in self._media.outgoing.items():
            source = sources.get(track) if track in self.shape.receives else None
            if source is None or self._over:
                outgoing.attach(None)
            else:
                self._attach(outgoing, *source)

    @staticmethod
    def _attach(outgoing: OutgoingStream, source: Peer, track: Track) -> None:
        outgoing.attach(source._offers(track))

    def _offers(self, track: Track) -> IncomingStream | None:
        return None if self._over or track not in self.shape.sends else self._media.incoming[track]

    @property
    def _over(self) -> bool:
        return self.closed.is_set()

    def tap(self, sink: MediaSink, video: Track | None, audio: Track | None) -> Callable[[], None]:
        """Give these tracks to a sink, too; call what is returned to end that.

        A picture begins with a key frame, and one is asked for every 10 s. A sink that raises is
        logged and dropped. A track that the shape does not send gives nothing.
        """
        picture = None if video is None else self._offers(video)
        voice = None if audio is None else self._offers(audio)
        return Tap(sink, picture, voice).end

    async def key_frame(
        self,
        timeout: float,  # noqa: ASYNC109 - the caller knows how long a person will wait
        track: Track = Track.CAMERA,
        wider_than: int = 0,
        longest: float = 0.0,
    ) -> bytes:
        """Ask for a key frame and give it: one complete VP8 key frame, without RTP.

        Gives the first that is wider than `wider_than` pixels; when none has come after `timeout`
        seconds, the widest that has; and when none came at all, the next that comes until `longest`
        seconds are over. Raises NoPicture when there was none.
        """
        video = self._offers(track)
        if video is None:
            raise NoPicture("There is no connection that a picture could come from.")
        snapshot = Snapshot(video, wider_than)
        try:
            await asyncio.wait({snapshot.frame}, timeout=timeout)
            if snapshot.widest is None and longest > timeout and not snapshot.frame.done():
                snapshot.take_any()
                await asyncio.wait({snapshot.frame}, timeout=longest - timeout)
            found = snapshot.frame.result() if snapshot.frame.done() else snapshot.widest
        finally:
            snapshot.end()
        if found is None:
            raise NoPicture("No picture came from the camera in time.")
        return found

    @property
    def last_packet_at(self) -> float | None:
        """Monotonic time of the last packet of any track, None before the first."""
        return self._media.last_packet_at

    def packet_at(self, track: Track) -> float | None:
        """Monotonic time of the last packet of a track, None before the first."""
        stream = self._media.incoming.get(track)
        return None if stream is None else stream.packet_at

    def sound(self, now: float) -> Sound:
        """Judge how this participant sounds at a monotonic time, from what their browser says."""
        return self._media.loudness.sound(now)

    def link(self, now: float) -> LinkQuality:
        """Judge the way from this participant over the last five seconds, at a monotonic time."""
        return self._media.link(now)

    def lost_on_the_way(self, now: float) -> float:
        """Return the share (0 to 1) of what we sent of late that did not reach the participant."""
        return self._media.lost_on_the_way(now)

    @property
    def carried(self) -> int:
        """How many bytes went over this connection so far, in both directions, on the wire."""
        return self._media.carried

    def limit(self, bps: int | None) -> None:
        """Let the participant's browser send no more pictures than this; None: as much as usual.

        It is told within a second. Where it may send little, it is asked for whole pictures less
        often, too.
        """
        usual = self._settings.video_cap_bps
        self._media.limit(usual if bps is None else min(bps, usual), thin=(bps or usual) < THIN_BPS)

    async def close(self) -> None:
        """End the connection and free what it holds. Never raises; may be called again."""
        self.closed.set()
        self._detach()
        if self._task is None:
            await self._link.close()
        elif not self._task.done():
            await asyncio.wait([self._task])

    def _detach(self) -> None:
        for outgoing in self._media.outgoing.values():
            outgoing.attach(None)
        for incoming in self._media.incoming.values():
            for destination in incoming.destinations:
                destination.attach(None)
            incoming.listeners = ()

    def _on_state(self, state: str) -> None:
        if state == "connected":
            self.connected.set()
            self._media.connected(time.monotonic())
        elif state in ("failed", "closed"):
            self.closed.set()

    async def _run(self) -> None:
        """Tick until the connection ends; then free it."""
        self._deadline = time.monotonic() + self._settings.connect_timeout_s
        self._tick()
        try:
            await self.closed.wait()
        finally:
            self.closed.set()
            self._timer.cancel()
            self._detach()
            await self._link.close()

    def _tick(self) -> None:
        now, loop = time.monotonic(), asyncio.get_running_loop()
        # all peers at the same moments: the process wakes up once for all of them
        due = (loop.time() + TICK_S / 2) // TICK_S + 1
        self._timer = loop.call_at(due * TICK_S, self._tick)
        if now > self._deadline and not self.connected.is_set():
            self.closed.set()
        self._media.tick(now)
