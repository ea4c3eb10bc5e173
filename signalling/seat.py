"""One side of a room: who sits there, and what comes from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from invigilation.desk.office import LEARNER, actor
from invigilation.people import Role, Staff
from signalling.messages import Party
from signalling.ports import MediaPeer

SILENT_S: Final = 5.0
"""A peer that has sent no packet for so long is silent."""
LEFT_S: Final = 5.0
"""Who is back after less than this has not left, as far as the record goes."""


class Flow(StrEnum):
    """Whether sound or picture comes from somebody."""

    NONE = "none"
    LIVE = "live"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's connection. `staff` is set for staff, `session` for learners."""

    sid: str
    party: Party
    staff: Staff | None = None
    session: str | None = None

    @property
    def actor(self) -> str:
        """The name in the record."""
        return LEARNER if self.staff is None else actor(self.staff, Role.INVIGILATOR)


@dataclass(frozen=True, slots=True)
class SeatView:
    """What both sides may see of a seat."""

    present: bool
    camera: bool
    microphone: bool
    media: Flow


class Seat:
    """A side of the room. `peer` is up; `pending` is the newer one that is not up yet."""

    def __init__(self, party: Party) -> None:
        self.party = party
        self.person: Person | None = None
        self.since: datetime | None = None
        self.peer: MediaPeer | None = None
        self.pending: MediaPeer | None = None
        self.camera = False
        self.microphone = False
        self.recorded: str | None = None
        """Under which name the record has this side as present."""
        self._left_at = 0.0

    def take(self, person: Person, now: datetime) -> Person | None:
        """Seat a person; return the older connection that has to go."""
        older, self.person = self.person, person
        if older is None or self.since is None:
            self.since = now
        return older if older is not None and older.sid != person.sid else None

    def leave(self, at: float) -> None:
        """Empty the seat; its peers stay, for whoever comes back soon."""
        self.person = None
        self.since = None
        self._left_at = at

    def has_left(self, at: float) -> bool:
        """Say whether the record should say that this side has left."""
        return self.recorded is not None and self.person is None and at - self._left_at >= LEFT_S

    def take_peers(self) -> list[MediaPeer]:
        """Take all peers out; the caller closes them."""
        gone = [peer for peer in (self.peer, self.pending) if peer is not None]
        self.peer = self.pending = None
        return gone

    def flow(self, at: float) -> Flow:
        """Say whether sound or picture comes."""
        if self.peer is None or not self.peer.connected.is_set():
            return Flow.NONE
        last = self.peer.last_packet_at
        return Flow.LIVE if last is not None and at - last < SILENT_S else Flow.SILENT

    def view(self, at: float) -> SeatView:
        """Return what is to be seen at this moment of the monotonic clock."""
        return SeatView(self.person is not None, self.camera, self.microphone, self.flow(at))
