"""Hand-written doubles of what a room needs of others."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping

from invigilation.desk import Desk
from invigilation.desk.office import new_id
from invigilation.identity import SnapshotKind
from invigilation.presence import Sight, Sound, Source
from invigilation.store.evidence import Evidence
from signalling.peer import MediaSink, NoPicture
from signalling.ports import MediaPeer, Picture
from signalling.quality import LinkQuality
from signalling.sdp import SdpRefused
from signalling.tracks import LEARNER, Shape, Track


class FakePeer:
    """A peer whose packets the test sends; `sources` is what it was told to receive, each time."""

    def __init__(self, clock, shape: Shape = LEARNER) -> None:
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.shape = shape
        self.packets: dict[Track, float] = {}
        self.sources: dict[Track, tuple[FakePeer, Track]] = {}
        self.sinks: list[tuple[MediaSink, Track | None, Track | None]] = []
        self.frame: bytes | None = b"key frame"
        self.wider_than: list[int] = []
        self.hold: asyncio.Event | None = None
        self.hears = Sound.HEARD
        self.quality = LinkQuality(loss=0.0, rtt_s=0.2)
        self.carried = 0
        self.lost = 0.0
        self.cap: int | None = None
        self.told = lambda: None
        self._clock = clock

    @property
    def last_packet_at(self) -> float | None:
        return max(self.packets.values(), default=None)

    def packet_at(self, track: Track) -> float | None:
        return self.packets.get(track)

    def sound(self, now: float) -> Sound:
        last = self.packets.get(Track.AUDIO)
        return Sound.NONE if last is None or now - last >= 5 else self.hears

    def link(self, _now: float) -> LinkQuality:
        return self.quality

    def lost_on_the_way(self, _now: float) -> float:
        return self.lost

    def limit(self, bps: int | None) -> None:
        self.cap = bps

    def send(self, *tracks: Track) -> None:
        """Send a packet of these tracks; without any, of sound and camera as far as it may."""
        usual = self.shape.sends & {Track.AUDIO, Track.CAMERA}
        for track in tracks or usual:
            assert track in self.shape.sends
            self.packets[track] = self._clock.monotonic()

    def receive_from(self, sources: Mapping[Track, tuple[FakePeer, Track]]) -> None:
        self.sources = dict(sources)
        self.told()

    def tap(self, sink: MediaSink, video: Track | None, audio: Track | None) -> Callable[[], None]:
        one = (sink, video, audio)
        self.sinks.append(one)
        return lambda: self.sinks.remove(one)

    async def key_frame(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
        track: Track = Track.CAMERA,
        wider_than: int = 0,
        longest: float = 0.0,
    ) -> bytes:
        self.wider_than.append(wider_than)
        if self.hold is not None:
            await self.hold.wait()
        if self.frame is None:
            raise NoPicture
        return self.frame

    async def close(self) -> None:
        self.closed.set()


class FakePeers:
    """Answers every offer but `nonsense`; with `at_once`, media is up before the answer is."""

    def __init__(self, clock, *, at_once: bool = False) -> None:
        self.made: list[FakePeer] = []
        self._clock = clock
        self._at_once = at_once

    async def answer(self, sdp: str, shape: Shape) -> tuple[MediaPeer, str]:
        if sdp == "nonsense":
            raise SdpRefused("This is no offer.")
        peer = FakePeer(self._clock, shape)
        if self._at_once:
            peer.connected.set()
        self.made.append(peer)
        return peer, f"answer to {sdp}"


class FakeWatch:
    """Finds in a picture what the test says."""

    def __init__(self) -> None:
        self.sight = Sight.GOOD
        self.looked: list[bytes] = []
        self.stills: list[bytes] = []

    async def look_still(self, jpeg: bytes) -> Sight:
        self.stills.append(jpeg)
        return self.sight

    async def look(self, key_frame: bytes) -> Sight:
        self.looked.append(key_frame)
        return self.sight


class FakeRecording:
    """A recording of nothing, that tells the desk as a real one does."""

    def __init__(self, desk: Desk, part: Evidence) -> None:
        self.part = part
        self.frames: list[tuple[bytes, float]] = []
        self.packets: list[tuple[bytes, int, float]] = []
        self.finished = 0
        self.broken = False
        self.hold: asyncio.Event | None = None
        self._desk = desk

    def video(self, frame, rtp_timestamp, key_frame, received):
        self.frames.append((frame, received))

    def audio(self, packet, rtp_timestamp, received):
        self.packets.append((packet, rtp_timestamp, received))

    async def finish(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        self.finished += 1
        await self._desk.recordings.finish(self.part, "ab" * 32, 17)


class FakeEvidence:
    """Keeps no bytes; `full` is a full disk, `slow` holds every new recording's end back."""

    def __init__(self, desk: Desk) -> None:
        self.recordings: list[FakeRecording] = []
        self.pictures: list[tuple[SnapshotKind, bytes]] = []
        self.studied: list[Evidence] = []
        self.reading = False
        self.discarded: list[Evidence] = []
        self.full = False
        self.refusal: Exception = OSError("no space left on device")
        self.slow: asyncio.Event | None = None
        self.watch = FakeWatch()
        self._desk = desk

    def of(self, source: Source) -> list[FakeRecording]:
        return [one for one in self.recordings if one.part.kind == source.value]

    def watcher(self) -> FakeWatch:
        return self.watch

    async def picture(self, session: str, kind: SnapshotKind, key_frame: bytes) -> Picture:
        if self.full:
            raise self.refusal
        self.pictures.append((kind, key_frame))
        digest = hashlib.sha256(key_frame).hexdigest()
        now = self._desk.office.clock.now()
        one = Evidence(new_id("ev"), session, kind, "image/jpeg", now, digest, 9, None)
        return Picture(one, 640, 480)

    async def still(self, session: str, kind: SnapshotKind, jpeg: bytes) -> Picture | None:
        return await self.picture(session, kind, jpeg)

    async def print_of(self, *, key_frame: bytes = b"", jpeg: bytes = b"") -> int | None:
        return sum(key_frame + jpeg)

    def study(self, picture: Evidence) -> None:
        self.studied.append(picture)

    def reads(self, _session: str) -> bool:
        return self.reading

    async def discard(self, *pictures: Evidence | None) -> None:
        self.discarded += [one for one in pictures if one is not None]

    async def begin(self, session: str, source: Source) -> FakeRecording:
        if self.full:
            raise self.refusal
        recording = FakeRecording(self._desk, await self._desk.recordings.begin(session, source))
        recording.hold = self.slow
        self.recordings.append(recording)
        return recording


class Inbox:
    """What people's connections received, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict]] = []
        self.dismissed: list[str] = []
        self.slow: dict[str, int] = {}

    async def send(self, sid: str, event: str, body: Mapping[str, object]) -> None:
        self.sent.append((sid, event, dict(body)))

    def waiting(self, sid: str) -> int:
        return self.slow.get(sid, 0)

    def dismiss(self, sid: str) -> None:
        self.dismissed.append(sid)

    def of(self, sid: str, event: str = "state") -> list[dict]:
        return [body for to, kind, body in self.sent if to == sid and kind == event]

    def last(self, sid: str, event: str = "state") -> dict:
        return self.of(sid, event)[-1]
