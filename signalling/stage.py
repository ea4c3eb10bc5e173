"""The seats of a room, and whose sound and picture goes to whom.

The learner hears the invigilator, and sees them where the link carries it; staff hear and see the
learner, and see the screen and the second camera. Nobody else is sent anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from signalling.commands import Command, PeerGone, PeerUp
from signalling.messages import Party
from signalling.ports import MediaPeer
from signalling.seat import Person, Seat
from signalling.tracks import Track

RELEASE_S: Final = 20.0
"""An invigilator whose session went to a colleague keeps their media no longer than this."""

Sources = dict[Track, tuple[MediaPeer, Track]]


@dataclass(frozen=True, slots=True)
class Departing:
    """An invigilator before, whose peer stays until the colleague's is up, or until `by`.

    `recorded` is under which name the record still has them as present.
    """

    person: Person | None
    peer: MediaPeer
    recorded: str | None
    by: float


class Stage:
    """Connects whoever is up; what it takes out, the caller closes."""

    def __init__(self, at: float) -> None:
        self.seats = {party: Seat(party, at) for party in Party}
        self.departing: Departing | None = None
        self.to_learner: frozenset[Track] = frozenset({Track.AUDIO})
        """Which of the invigilator's tracks the learner is sent."""

    def __getitem__(self, party: Party) -> Seat:
        return self.seats[party]

    def __iter__(self) -> Iterator[Seat]:
        return iter(self.seats.values())

    @property
    def occupied(self) -> bool:
        """Say whether anybody is connected."""
        return any(seat.person is not None for seat in self)

    def seat_of(self, sid: str) -> Seat | None:
        """Return where this connection sits."""
        for seat in self:
            if seat.person is not None and seat.person.sid == sid:
                return seat
        return None

    def allow(self, tracks: frozenset[Track]) -> None:
        """Send the learner these tracks of the invigilator's from now on, and no others."""
        if tracks != self.to_learner:
            self.to_learner = tracks
            self._connect()

    def expect(self, seat: Seat, peer: MediaPeer) -> MediaPeer | None:
        """Await a peer that has been answered; return the one awaited before, which is out."""
        older, seat.pending = seat.pending, peer
        return older

    def up(self, peer: MediaPeer) -> MediaPeer | None:
        """Use an awaited peer from now on; return the one that it replaces."""
        for seat in self:
            if seat.pending is peer:
                older, seat.peer, seat.pending = seat.peer, peer, None
                self._connect()
                return older
        return None

    def gone(self, peer: MediaPeer) -> None:
        """Forget a peer that has ended."""
        for seat in self:
            if seat.pending is peer:
                seat.pending = None
            if seat.peer is peer:
                seat.peer = None
        self._connect()

    def clear(self, seat: Seat) -> list[MediaPeer]:
        """Take all peers of a seat out."""
        taken = seat.take_peers()
        self._connect()
        return taken

    def depart(self, seat: Seat, by: float) -> Departing | None:
        """Take the invigilator's peer, if it is up, out of the seat, and leave it connected."""
        if seat.peer is None:
            return None
        leaving = Departing(seat.person, seat.peer, seat.recorded, by)
        self.departing, seat.peer = leaving, None
        self._connect()
        return leaving

    def departed(self) -> Departing | None:
        """Take out whoever was departing."""
        gone, self.departing = self.departing, None
        self._connect()
        return gone

    @property
    def invigilating(self) -> MediaPeer | None:
        """The peer that the learner hears: the invigilator's, or that of the one before."""
        own = self[Party.INVIGILATOR].peer
        if own is None and self.departing is not None:
            return self.departing.peer
        return own

    def _connect(self) -> None:
        learner, second = self[Party.LEARNER].peer, self[Party.SECOND].peer
        speaks = self.invigilating
        shown: Sources = {}
        if learner is not None:
            own: Sources = {}
            if speaks is not None:
                own = {track: (speaks, track) for track in self.to_learner}
            learner.receive_from(own)
            shown = {track: (learner, track) for track in (Track.AUDIO, Track.CAMERA, Track.SCREEN)}
        if second is not None:
            second.receive_from({})
            shown[Track.SECOND] = (second, Track.CAMERA)
        watching = [self[Party.INVIGILATOR].peer, self[Party.SUPERVISOR].peer]
        if self.departing is not None:
            watching.append(self.departing.peer)
        for peer in watching:
            if peer is not None:
                peer.receive_from(shown)


async def watch(peer: MediaPeer, post: Callable[[Command], Awaitable[None]]) -> None:
    """Tell when the peer is up, and when it has ended."""
    up = asyncio.create_task(peer.connected.wait())
    down = asyncio.create_task(peer.closed.wait())
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if not down.done():
            await post(PeerUp(peer))
            await asyncio.wait({down})
        await post(PeerGone(peer))
    finally:
        up.cancel()
        down.cancel()
        await asyncio.wait({up, down})
