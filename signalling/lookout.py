"""The room's lookout: reads the learner's peer tick by tick, and tells the desk what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from invigilation.desk.office import LEARNER
from invigilation.desk.room_view import RoomView
from invigilation.presence import Link, Sight, Sound
from invigilation.session import LIVE, SessionState
from signalling.means import Means
from signalling.ports import MediaPeer
from signalling.presence import (
    SILENT_S,
    SOCKET_SILENT_S,
    Finding,
    GapBegan,
    GapEnded,
    Noted,
    Presence,
    Reading,
    Signs,
    later,
)
from signalling.seat import Seat
from signalling.thin import Thin
from signalling.tracks import Track

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server finds of a learner; `silent_since`: their last packet, while none come."""

    link: Link
    picture: Sight
    sound: Sound
    silent_since: datetime | None


class Lookout:
    """Watches over one learner's presence, and keeps the record of it."""

    def __init__(self, session: str, means: Means, thin: Thin) -> None:
        self._thin = thin
        self._session = session
        self._means = means
        self._presence = Presence(means.clock.monotonic())
        self._peer: MediaPeer | None = None
        self._signs = Signs()
        self._since = 0.0
        self.loss: float | None = None
        """Which share of the learner's packets was lost of late; None while none is measured."""

    @property
    def seen(self) -> Seen:
        """How their media come, and what they are worth."""
        now = self._presence
        return Seen(now.link, now.picture, now.sound, now.silent_since)

    def looked(self, sight: Sight, *, still: bool = False) -> None:
        """Take what a look at the picture, or at a still, has found."""
        self._presence.looked(sight, still=still)

    async def tick(self, learner: Seat, view: RoomView) -> bool:
        """Look at the learner's peer; say whether something was recorded."""
        running = view.session.state is SessionState.IN_PROGRESS
        gap = any(one.ended is None for one in view.gaps)
        self._signs = learner.signs
        reading = self._reading(learner.peer, running=running)
        self.loss = None if reading.quality is None else reading.quality.loss
        findings = self._presence.see(reading, gap=gap)
        recorded = await self._thin.ladder.tick(learner, view)
        for finding in findings:
            if view.session.state in LIVE or isinstance(finding, GapEnded):
                await self._record(finding)
                recorded = True
        return recorded

    async def close(self, view: RoomView) -> None:
        """Begin a gap, as the room ends while the clock runs: nothing can come any more."""
        if view.session.state is not SessionState.IN_PROGRESS:
            return
        clock = self._means.clock
        reading = self._reading(self._peer, running=True)
        last = self._presence.last_packet
        if reading.packet is not None:
            last = max(reading.packet, last or reading.packet)
        began = clock.now() if last is None else reading.moment(last)
        await self._means.desk.gaps.open(self._session, began)

    def _reading(self, peer: MediaPeer | None, *, running: bool) -> Reading:
        now = self._means.clock.monotonic()
        if peer is not self._peer:
            self._peer, self._since = peer, now
        signs = self._signs
        by_socket = signs.since if signs.fresh(now) else None
        last = None if peer is None else peer.last_packet_at
        newest = later(last, signs.last)
        return Reading(
            now,
            self._means.clock.now(),
            by_socket if peer is None else self._since,
            newest,
            later(None if peer is None else peer.packet_at(Track.AUDIO), signs.sound),
            None if peer is None else peer.packet_at(Track.CAMERA),
            self._sound(peer, now),
            running,
            None if peer is None else peer.link(now),
            signs.still,
            self._thin.ladder.told.rung,
            SOCKET_SILENT_S if newest != last else SILENT_S,
            signs.repeat,
        )

    def _sound(self, peer: MediaPeer | None, now: float) -> Sound:
        heard = Sound.NONE if peer is None else peer.sound(now)
        at = self._signs.sound
        if heard is Sound.NONE and at is not None and now - at < SOCKET_SILENT_S:
            return Sound.HEARD  # nobody has listened into the pieces
        return heard

    async def _record(self, finding: Finding) -> None:
        desk = self._means.desk
        match finding:
            case GapBegan(at):
                await desk.gaps.open(self._session, at)
            case GapEnded(at):
                await desk.gaps.close(self._session, at)
            case Noted(signal, state):
                data = {"signal": signal.value, "state": state.value}
                await desk.sessions.note(self._session, "signal", LEARNER, data)
