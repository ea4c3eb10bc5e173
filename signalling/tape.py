"""The recorder as a member of the room: it listens to whoever is the source, peer after peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from invigilation.errors import InvigilationError
from invigilation.presence import Source
from signalling.messages import Party
from signalling.ports import EvidenceRoom, MediaPeer, Recording
from signalling.presence import SILENT_S
from signalling.socket_sound import Voice
from signalling.stage import Stage
from signalling.taps import MediaSink
from signalling.thin import Thin
from signalling.tracks import Track

INTERNAL: Final = "internal"
RETRY_S: Final = 10.0
"""A recording that could not begin (a full disk) is tried again after this."""

log = structlog.get_logger(__name__)


class Tapped(Protocol):
    """What a recording can listen to: a peer, or what comes by the socket in its place."""

    def packet_at(self, track: Track) -> float | None:
        """When the last packet of a track came, monotonic; None before the first."""
        ...

    def tap(self, sink: MediaSink, video: Track | None, audio: Track | None) -> Callable[[], None]:
        """Give these tracks to a sink, too; calling what is returned ends that."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """What a recording is made of: these tracks of this source."""

    peer: Tapped
    video: Track | None
    audio: Track | None

    @property
    def flows(self) -> bool:
        """Whether anything of it has come."""
        tracks = (self.video, self.audio)
        return any(one is not None and self.peer.packet_at(one) is not None for one in tracks)


def feeds(stage: Stage, thin: Thin, now: float) -> dict[Source, Feed]:
    """Return what there is to be recorded now (monotonic), source by source."""
    learner, second = stage[Party.LEARNER].peer, stage[Party.SECOND].peer
    found: dict[Source, Feed] = {Source.STILLS: Feed(thin.stills, Track.CAMERA, None)}
    voice = thin.sound.voice(Party.LEARNER)
    if _speaks_for(voice, learner, now):
        found[Source.CAMERA] = Feed(voice, None, Track.AUDIO)
    elif learner is not None:
        found[Source.CAMERA] = Feed(learner, Track.CAMERA, Track.AUDIO)
    if learner is not None:
        found[Source.SCREEN] = Feed(learner, Track.SCREEN, None)
    if second is not None:
        found[Source.SECOND] = Feed(second, Track.CAMERA, None)
    invigilator = thin.sound.voice(Party.INVIGILATOR)
    # What they ask and say belongs to the evidence; how they look does not.
    if _speaks_for(invigilator, stage.invigilating, now):
        found[Source.INVIGILATOR] = Feed(invigilator, None, Track.AUDIO)
    elif stage.invigilating is not None:
        found[Source.INVIGILATOR] = Feed(stage.invigilating, None, Track.AUDIO)
    return {source: feed for source, feed in found.items() if feed.flows}


def _speaks_for(voice: Voice, peer: MediaPeer | None, now: float) -> bool:
    """Say whether a voice comes by the socket, and by no connection."""
    came = voice.packet_at(Track.AUDIO)
    if came is None or now - came >= SILENT_S:
        return False
    heard = None if peer is None else peer.packet_at(Track.AUDIO)
    return heard is None or now - heard >= SILENT_S


class Tape:
    """One part of a source's recording at a time; a room that closes ends it."""

    def __init__(self, session: str, evidence: EvidenceRoom, source: Source) -> None:
        self._session = session
        self._evidence = evidence
        self._source = source
        self._recording: Recording | None = None
        self._peer: Tapped | None = None
        self._untap: Callable[[], None] | None = None
        self._retry_at = float("-inf")
        self.stopped: str | None = None
        """Why it could not begin when it was last tried: the code of a refusal, or `internal`."""

    @property
    def on(self) -> bool:
        """Say whether something is being recorded, or not completed yet."""
        return self._recording is not None

    @property
    def broken(self) -> bool:
        """Say whether the part has stopped by itself: it wants to be finished."""
        return self._recording is not None and self._recording.broken

    async def follow(self, feed: Feed, now: float) -> bool:
        """Record this; say whether a new part was begun. Never raises an `Exception`."""
        begun = False
        if self._recording is None:
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_S
            try:
                self._recording = await self._evidence.begin(self._session, self._source)
            except InvigilationError as refusal:
                # Tried again and again: it is said once.
                if self.stopped != refusal.code:
                    log.warning("not recorded", session=self._session, why=refusal.code)
                self.stopped = refusal.code
                return False
            except Exception:
                log.exception("a recording could not begin", session=self._session)
                self.stopped = INTERNAL
                return False
            begun, self.stopped = True, None
        if feed.peer is not self._peer:
            self.let_go()
            self._peer = feed.peer
            self._untap = feed.peer.tap(self._recording, feed.video, feed.audio)
        return begun

    def let_go(self) -> None:
        """Listen to nobody; the part stays open."""
        if self._untap is not None:
            self._untap()
        self._peer = self._untap = None

    async def finish(self) -> None:
        """Complete the part, if there is one. Never raises an `Exception`."""
        self.let_go()
        if self._recording is None:
            return
        try:
            await self._recording.finish()
        except Exception:
            # What is on the disk is mended and listed later; the session itself goes on.
            log.exception("a recording could not be completed", session=self._session)
        self._recording = None


class Tapes:
    """All recordings of a session: a tape for each source, begun when its packets come."""

    def __init__(self, session: str, evidence: EvidenceRoom) -> None:
        self._tapes = {source: Tape(session, evidence, source) for source in Source}
        self._wanted: frozenset[Source] = frozenset()

    @property
    def running(self) -> frozenset[Source]:
        """What is being recorded, or not completed yet."""
        return frozenset(source for source, tape in self._tapes.items() if tape.on)

    @property
    def on(self) -> bool:
        """Say whether all is recorded that comes, or is being completed."""
        return bool(self.running) and self._wanted <= self.running

    @property
    def stopped(self) -> str | None:
        """Why something that comes is not recorded, or None; `Tape.stopped` says how."""
        return next((tape.stopped for tape in self._tapes.values() if tape.stopped), None)

    @property
    def broken(self) -> bool:
        """Say whether some part has stopped by itself."""
        return any(tape.broken for tape in self._tapes.values())

    async def follow(self, what: Mapping[Source, Feed], now: float) -> bool:
        """Record all this; say whether a new part was begun. Never raises an `Exception`."""
        self._wanted = self._wanted | what.keys()
        for source in self._tapes.keys() - what.keys():
            self._tapes[source].stopped = None  # there is nothing of it to be recorded
        begun = False
        for source, feed in what.items():
            tape = self._tapes[source]
            if not tape.broken:
                begun = await tape.follow(feed, now) or begun
        return begun

    async def finish_broken(self) -> None:
        """Complete the parts that have stopped by themselves."""
        for tape in self._tapes.values():
            if tape.broken:
                await tape.finish()

    async def finish(self) -> None:
        """Complete all parts. Never raises an `Exception`."""
        self._wanted = frozenset()
        for tape in self._tapes.values():
            tape.stopped = None
        await asyncio.gather(*(tape.finish() for tape in self._tapes.values()))
