"""What a room needs of others: peers, the evidence room, and a way to its people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from invigilation.identity import Reading, SnapshotKind
from invigilation.store.evidence import Evidence
from signalling.peer import MediaSink


class MediaPeer(Protocol):
    """One participant's connection for sound and picture; `signalling.peer.Peer` is one."""

    connected: asyncio.Event
    closed: asyncio.Event

    @property
    def last_packet_at(self) -> float | None:
        """When the last packet came, by the monotonic clock; None before the first."""
        ...

    def forward_to(self, other: Any) -> None:
        """Send sound and picture to another peer of the same factory, and to nobody else."""
        ...

    def unforward(self) -> None:
        """Send them to nobody."""
        ...

    def tap(self, sink: MediaSink) -> Callable[[], None]:
        """Give them to a sink, too; calling what is returned ends that."""
        ...

    async def key_frame(self, timeout: float) -> bytes:  # noqa: ASYNC109 - as `Peer` has it
        """Return one VP8 key frame; raises `signalling.peer.NoPicture`."""
        ...

    async def close(self) -> None:
        """End the connection; never raises, may be called again."""
        ...


class PeerFactory(Protocol):
    """Makes peers."""

    async def answer(self, sdp: str) -> tuple[MediaPeer, str]:
        """Answer an offer: the new peer, which the caller closes, and the answer's SDP.

        Raises `signalling.sdp.SdpRefused`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the evidence room has stored; width and height in pixels.

    `reading` is what could be read of a document in it.
    """

    evidence: Evidence
    width: int
    height: int
    reading: Reading | None = None


class Recording(MediaSink, Protocol):
    """One part of a session's recording, being written."""

    @property
    def broken(self) -> bool:
        """Whether it has stopped by itself, on a full disk say: what comes now is not kept."""
        ...

    async def finish(self) -> None:
        """Complete the part and tell the desk; may be called again."""
        ...


class EvidenceRoom(Protocol):
    """Keeps pictures and recordings, encrypted."""

    async def picture(self, session: str, kind: SnapshotKind, key_frame: bytes) -> Picture:
        """Decode a VP8 key frame and store it as a picture."""
        ...

    async def begin(self, session: str) -> Recording:
        """Open a new part of the session's recording, and tell the desk."""
        ...


class Outlet(Protocol):
    """The way from a room to its people's connections."""

    async def send(self, sid: str, event: str, body: Mapping[str, object]) -> None:
        """Send to one connection, in order; one that is gone is passed over."""
        ...

    def dismiss(self, sid: str) -> None:
        """Close a connection soon, after what was sent before; returns at once."""
        ...
