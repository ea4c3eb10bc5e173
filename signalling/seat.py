"""A place in a room: who sits there, and what comes from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from invigilation.desk.office import LEARNER, SECOND_CAMERA, actor
from invigilation.people import Role, Staff
from signalling import tracks
from signalling.messages import Party
from signalling.ports import MediaPeer
from signalling.presence import SILENT_S, Signs
from signalling.tracks import Shape

LEFT_S: Final = 5.0
"""Who is back after less than this has not left, as far as the record goes."""
OFFERS_AT_ONCE: Final = 10
OFFERS_A_SECOND: Final = 1.0
"""An offer that is a good one costs some 10 ms of processor time; a page that comes back after an
outage makes one in two seconds."""
SHAPES: Final[Mapping[Party, Shape]] = {
    Party.LEARNER: tracks.LEARNER,
    Party.INVIGILATOR: tracks.INVIGILATOR,
    Party.SUPERVISOR: tracks.SUPERVISOR,
    Party.SECOND: tracks.SECOND_CAMERA,
}


class Flow(StrEnum):
    """Whether sound or picture comes from somebody."""

    NONE = "none"
    LIVE = "live"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's connection. `staff` is set for staff, `session` for everybody else.

    `party` is None for staff until a room has given them a seat: it says as what they are in it.
    """

    sid: str
    party: Party | None = None
    staff: Staff | None = None
    session: str | None = None

    @property
    def actor(self) -> str:
        """The name in the record."""
        if self.staff is None:
            return SECOND_CAMERA if self.party is Party.SECOND else LEARNER
        supervises = self.party is Party.SUPERVISOR
        return actor(self.staff, Role.ADMINISTRATOR if supervises else Role.INVIGILATOR)


@dataclass(frozen=True, slots=True)
class SeatView:
    """What others may see of a seat."""

    present: bool
    camera: bool
    microphone: bool
    screen: bool
    media: Flow
    name: str | None
    since: datetime | None


class Seat:
    """A place in the room. `peer` is up; `pending` is the newer one that is not up yet."""

    def __init__(self, party: Party, at: float) -> None:
        self.party = party
        self.person: Person | None = None
        self.holder: str | None = None
        """Whose the place is, of the staff: who sat here last, until they are let go."""
        self.since: datetime | None = None
        self.peer: MediaPeer | None = None
        self.pending: MediaPeer | None = None
        self.signs = Signs()
        """What comes from here by the socket, beside the peer."""
        self.camera = self.microphone = self.screen = False
        self.recorded: str | None = None
        """Under which name the record has this place as taken."""
        self.left_at = at
        """Since when nobody sits here, monotonic, while nobody does."""
        self._offers, self._offered = float(OFFERS_AT_ONCE), at

    def may_offer(self, now: float) -> bool:
        """Count one more offer; no when there were too many, by whatever connections they came."""
        grown = self._offers + (now - self._offered) * OFFERS_A_SECOND
        self._offers, self._offered = min(float(OFFERS_AT_ONCE), grown), now
        if self._offers < 1:
            return False
        self._offers -= 1
        return True

    def take(self, person: Person, now: datetime) -> Person | None:
        """Seat a person; return the older connection that has to go."""
        older, self.person = self.person, person
        self.holder = None if person.staff is None else person.staff.id
        if older is None or self.since is None:
            self.since = now
        return older if older is not None and older.sid != person.sid else None

    def leave(self, at: float) -> None:
        """Empty the seat; its peers stay, for whoever comes back soon."""
        self.person = None
        self.since = None
        self.left_at = at

    def sends_nothing(self) -> None:
        """Forget what this side said that it sends."""
        self.camera = self.microphone = self.screen = False

    def has_left(self, at: float) -> bool:
        """Say whether the record should say that this side has left."""
        return self.recorded is not None and self.person is None and at - self.left_at >= LEFT_S

    def take_peers(self) -> list[MediaPeer]:
        """Take all peers out; the caller closes them."""
        gone = [peer for peer in (self.peer, self.pending) if peer is not None]
        self.peer = self.pending = None
        return gone

    def flow(self, at: float) -> Flow:
        """Say whether sound or picture comes."""
        if self.signs.fresh(at):
            return Flow.LIVE
        if self.peer is None or not self.peer.connected.is_set():
            return Flow.NONE
        last = self.peer.last_packet_at
        return Flow.LIVE if last is not None and at - last < SILENT_S else Flow.SILENT

    def view(self, at: float) -> SeatView:
        """Return what is to be seen at this moment of the monotonic clock."""
        staff = None if self.person is None else self.person.staff
        return SeatView(
            self.person is not None,
            self.camera,
            self.microphone,
            self.screen,
            self.flow(at),
            None if staff is None else staff.name,
            self.since,
        )
