"""The usher: lets an invigilator go whose session is a colleague's now, without a gap.

The seat is free for the colleague at once, and the one before may do nothing any more. But their
peer keeps hearing, seeing and speaking until the colleague's is up, or 20 seconds have passed.
"""

from __future__ import annotations

from signalling.means import Means, Spawn
from signalling.messages import Party
from signalling.seat import Person, Seat
from signalling.stage import RELEASE_S, Stage


class Usher:
    """Sees one invigilator off at a time; who has gone is told to whom."""

    def __init__(self, session: str, means: Means, stage: Stage, spawn: Spawn) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._spawn = spawn

    async def let_go(self, seat: Seat, to: str) -> list[str]:
        """Free the seat; `to` is whose name the session now has.

        Return under which names the record is to say that somebody left.
        """
        left: list[str] = []
        if seat.peer is not None:
            left += await self.release(to)  # of two before, only the last still has media
        person, recorded = seat.person, seat.recorded
        now = self._means.clock.monotonic()
        departing = self._stage.depart(seat, now + RELEASE_S)
        seat.leave(now)
        seat.sends_nothing()
        seat.holder = seat.recorded = None
        for peer in self._stage.clear(seat):
            self._spawn(peer.close())
        if departing is None:
            await self._tell(person, to)
            left += [] if recorded is None else [recorded]
        return left

    async def release(self, to: str) -> list[str]:
        """Let the one before go for good; return as `let_go` does."""
        gone = self._stage.departed()
        if gone is None:
            return []
        self._spawn(gone.peer.close())
        await self._tell(gone.person, to)
        back = self._stage[Party.INVIGILATOR].recorded
        return [] if gone.recorded is None or gone.recorded == back else [gone.recorded]

    def due(self, now: float) -> bool:
        """Say whether the one before has nothing to wait for any more."""
        gone = self._stage.departing
        if gone is None:
            return False
        came = self._stage[Party.INVIGILATOR].peer is not None
        return came or now >= gone.by or gone.peer.closed.is_set()

    async def _tell(self, person: Person | None, to: str) -> None:
        # Whoever has come back into the room meanwhile has not been released from it.
        if person is not None and self._stage.seat_of(person.sid) is None:
            body = {"session": self._session, "to": to}
            await self._means.outlet.send(person.sid, "released", body)
