"""What a room needs of others: peers, the evidence room, and a way to its people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from invigilation.identity import SnapshotKind
from invigilation.presence import Sight, Sound, Source
from invigilation.store.evidence import Evidence
from signalling.peer import MediaSink
from signalling.quality import LinkQuality
from signalling.tracks import Shape, Track


class MediaPeer(Protocol):
    """One participant's connection for sound and picture; `signalling.peer.Peer` is one."""

    connected: asyncio.Event
    closed: asyncio.Event

    @property
    def last_packet_at(self) -> float | None:
        """When the last packet of any track came, monotonic; None before the first."""
        ...

    def packet_at(self, track: Track) -> float | None:
        """When the last packet of a track came, monotonic; None before the first."""
        ...

    def sound(self, now: float) -> Sound:
        """Judge the sound that comes, at a monotonic time."""
        ...

    def link(self, now: float) -> LinkQuality:
        """Judge the way from the participant over the last five seconds, at a monotonic time."""
        ...

    def lost_on_the_way(self, now: float) -> float:
        """Return the share (0 to 1) of what we sent of late that did not reach the participant."""
        ...

    @property
    def carried(self) -> int:
        """How many bytes went over this connection so far, in both directions, on the wire."""
        ...

    def limit(self, bps: int | None) -> None:
        """Let the participant send no more pictures than this; None: as much as usual."""
        ...

    def receive_from(self, sources: Mapping[Track, tuple[Any, Track]]) -> None:
        """Send these tracks of other peers of the same factory from now on, and nothing else.

        The same source again is not interrupted.
        """
        ...

    def tap(self, sink: MediaSink, video: Track | None, audio: Track | None) -> Callable[[], None]:
        """Give these tracks to a sink, too; calling what is returned ends that."""
        ...

    async def key_frame(
        self,
        timeout: float,  # noqa: ASYNC109 - as `Peer` has it
        track: Track = Track.CAMERA,
        wider_than: int = 0,
        longest: float = 0.0,
    ) -> bytes:
        """Return the first VP8 key frame wider than so many pixels, after `timeout` the widest.

        Without any by then, the first that comes until `longest` seconds are over. Raises
        `signalling.peer.NoPicture` when none came.
        """
        ...

    async def close(self) -> None:
        """End the connection; never raises, may be called again."""
        ...


class PeerFactory(Protocol):
    """Makes peers."""

    async def answer(self, sdp: str, shape: Shape) -> tuple[MediaPeer, str]:
        """Answer an offer of this shape: the new peer, which the caller closes, and the SDP.

        Raises `signalling.sdp.SdpRefused`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the evidence room has stored; width and height in pixels.

    Of a face for a re-check, `derived` was cut out of it, if a face was found there, and `print`
    is its print.
    """

    evidence: Evidence
    width: int
    height: int
    derived: Evidence | None = None
    print: int | None = None


class Recording(MediaSink, Protocol):
    """One part of a session's recording, being written."""

    @property
    def broken(self) -> bool:
        """Whether it has stopped by itself, on a full disk say: what comes now is not kept."""
        ...

    async def finish(self) -> None:
        """Complete the part and tell the desk; may be called again."""
        ...


class PictureWatch(Protocol):
    """Looks at one person's pictures, one after another."""

    async def look(self, key_frame: bytes) -> Sight:
        """Judge whether a VP8 key frame, by itself and by those before, is one of now."""
        ...

    async def look_still(self, jpeg: bytes) -> Sight:
        """Judge the same of a still, which came from outside."""
        ...


class EvidenceRoom(Protocol):
    """Keeps pictures and recordings, encrypted."""

    async def picture(self, session: str, kind: SnapshotKind, key_frame: bytes) -> Picture:
        """Decode a VP8 key frame and store it as a picture."""
        ...

    async def still(self, session: str, kind: SnapshotKind, jpeg: bytes) -> Picture | None:
        """Draw a JPEG anew, which came from outside, and store it as a picture; None if bad."""
        ...

    async def print_of(self, *, key_frame: bytes = b"", jpeg: bytes = b"") -> int | None:
        """Return the print of a live picture, which is not kept; None when there is none."""
        ...

    def study(self, picture: Evidence) -> None:
        """Look at a picture of a document or a face that is in the record; returns at once.

        What is found is told to the desk, in a while.
        """
        ...

    def reads(self, session: str) -> bool:
        """Say whether a picture of the session's document is being read, for not too long yet."""
        ...

    async def discard(self, *pictures: Evidence | None) -> None:
        """Erase what the desk has refused; what it has taken stays."""
        ...

    async def begin(self, session: str, source: Source) -> Recording:
        """Open a new part of the recording of one source, and tell the desk."""
        ...

    def watcher(self) -> PictureWatch:
        """Return a new watch over one person's pictures."""
        ...


class Outlet(Protocol):
    """The way from a room to its people's connections."""

    async def send(self, sid: str, event: str, body: Mapping[str, object]) -> None:
        """Send to one connection, in order; one that is gone is passed over."""
        ...

    def waiting(self, sid: str) -> int:
        """Return how many frames wait for a connection: what is worth nothing late is dropped."""
        ...

    def dismiss(self, sid: str) -> None:
        """Close a connection soon, after what was sent before; returns at once."""
        ...
