"""The usher: says who may come in as what, and sees to it that nobody stays who should go.

An invigilator whose session is a colleague's now is let go without a gap: the seat is free for the
colleague at once, and the one before may do nothing any more. But their peer keeps hearing, seeing
and speaking until the colleague's is up, or 20 seconds have passed.
"""

from __future__ import annotations

from typing import Final

from invigilation.desk.room_view import RoomView
from invigilation.errors import NotAllowed
from invigilation.people import Role
from signalling.darkroom import staff_of
from signalling.means import Means, Spawn
from signalling.messages import Party
from signalling.seat import LEFT_S, Person, Seat
from signalling.stage import RELEASE_S, Stage

SENDERS: Final = frozenset({Party.LEARNER, Party.SECOND})
"""They send sound and picture while the session is live, not before and not afterwards."""


class Usher:
    """Sees one invigilator off at a time; who has gone is told to whom."""

    def __init__(self, session: str, means: Means, stage: Stage, spawn: Spawn) -> None:
        self._session = session
        self._means = means
        self._stage = stage
        self._spawn = spawn

    def party(self, person: Person, view: RoomView) -> Party:
        """Say as what somebody may come in; raises `NotAllowed`."""
        staff = person.staff
        if staff is None:
            if person.session != self._session or person.party not in SENDERS:
                raise NotAllowed("enter this session")
            return person.party
        if staff.id == view.sitting.staff:
            return Party.INVIGILATOR
        if not staff.is_a(Role.ADMINISTRATOR):
            raise NotAllowed("enter a colleague's session")
        there = self._stage[Party.SUPERVISOR].person
        if there is not None and staff_of(there).id != staff.id:
            raise NotAllowed("look in while another administrator does")
        return Party.SUPERVISOR

    def make_room(self, seat: Seat, person: Person) -> None:
        """End the media of another person who sat here before: one's own wait for a newer peer."""
        if person.staff is not None and seat.holder not in {None, person.staff.id}:
            self._end_media(seat)

    def end_hidden(self, now: float) -> None:
        """End the media of a supervisor who is not here any more: nobody looks in unseen."""
        seat = self._stage[Party.SUPERVISOR]
        if seat.person is None and now - seat.left_at >= LEFT_S:
            self._end_media(seat)

    def end_late(self) -> None:
        """End what a learner's devices send when the session is over."""
        for party in SENDERS:
            self._end_media(self._stage[party])

    def _end_media(self, seat: Seat) -> None:
        if seat.peer is not None or seat.pending is not None:
            for peer in self._stage.clear(seat):
                self._spawn(peer.close())

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
