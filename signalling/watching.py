"""What the live room tells of itself to whoever watches over the service: plain values, no names.

`Watch` hears of what happens, as it happens; `Figures` is how things stand when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from invigilation.ladder import Rung
from invigilation.ports import Clock
from invigilation.presence import Link
from invigilation.session import SessionState
from signalling.messages import Party
from signalling.ports import MediaPeer
from signalling.stage import Stage

SOCKET, MEDIA = "socket", "media"
"""How somebody came back: by a new connection for messages, or by one for sound and picture."""


def _nobody(*_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told. Each hook returns at once and raises nothing; by default nobody hears.

    `connected(party, seconds)`: sound and picture stand, so long after coming into the room.
    `came_back(party, way)`: by `SOCKET` or `MEDIA`. `refused(code)`: a message. `closed(why)`: a
    connection that the service closed by itself. `stopped(code)`: something is not recorded, for
    the reason with this code.
    """

    connected: Callable[[str, float], None] = _nobody
    came_back: Callable[[str, str], None] = _nobody
    refused: Callable[[str], None] = _nobody
    closed: Callable[[str], None] = _nobody
    stopped: Callable[[str], None] = _nobody


UNWATCHED: Final = Watch()


@dataclass(frozen=True, slots=True)
class RoomFigures:
    """How one room stands: its session's state, its learner's link, and what waits in it.

    `loss` (0 to 1) is of the learner's packets over five seconds; None while none is measured.
    """

    state: SessionState | None
    link: Link
    rung: Rung | None
    loss: float | None
    recordings: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How the whole live room stands; `frames` wait for the slowest of its connections."""

    rooms: tuple[RoomFigures, ...]
    connections: int
    frames: int


class Arrivals:
    """Measures in one room how long people take until they are seen and heard."""

    def __init__(self, watch: Watch, stage: Stage, clock: Clock) -> None:
        self._watch = watch
        self._stage = stage
        self._clock = clock
        self._known: set[Party] = set()
        self._connected: set[Party] = set()
        self._since: dict[Party, float] = {}

    def came(self, party: Party) -> None:
        """Note that somebody has come into the room, or back into it."""
        if party in self._known:
            self._watch.came_back(party.value, SOCKET)
        self._known.add(party)
        if self._stage[party].peer is None:
            self._since[party] = self._clock.monotonic()

    def left(self, party: Party) -> None:
        """Note that somebody has left on purpose: who comes next comes for the first time."""
        self._known.discard(party)
        self._connected.discard(party)
        self._since.pop(party, None)

    def up(self, peer: MediaPeer) -> None:
        """Note that a connection for sound and picture stands; called before the stage uses it."""
        party = next((seat.party for seat in self._stage if seat.pending is peer), None)
        if party is None:
            return
        since = self._since.pop(party, None)
        if since is not None:
            self._watch.connected(party.value, self._clock.monotonic() - since)
        if party in self._connected:
            self._watch.came_back(party.value, MEDIA)
        self._connected.add(party)
