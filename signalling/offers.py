"""Offers of sound and picture in a room: how many are looked at, and who may make them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from invigilation.desk.room_view import RoomView
from invigilation.errors import NotAllowed
from invigilation.session import LIVE
from signalling.commands import Answer, Command
from signalling.means import Means, Spawn
from signalling.messages import Message, Offer
from signalling.seat import SHAPES, Person, Seat
from signalling.stage import Stage, watch
from signalling.usher import SENDERS


class Offers:
    """Answers them, each with a peer that is awaited on the stage. They change no session."""

    def __init__(
        self,
        means: Means,
        stage: Stage,
        spawn: Spawn,
        post: Callable[[Command], Awaitable[None]],
    ) -> None:
        self._means = means
        self._stage = stage
        self._spawn = spawn
        self._post = post

    def too_many(self, person: Person, message: Message) -> bool:
        """Count an offer; say whether it is more than their seat in the room may make.

        That is asked before it is anywhere in line: most of an attack ends here.
        """
        if not isinstance(message, Offer):
            return False
        seat = self._stage.seat_of(person.sid)
        return seat is not None and not seat.may_offer(self._means.clock.monotonic())

    async def answer(self, seat: Seat, sdp: str, view: RoomView) -> Answer:
        """Answer an offer; raises `NotAllowed`, and what peers refuse one with."""
        if seat.party in SENDERS and view.session.state not in LIVE:
            raise NotAllowed("send sound and picture before check-in, or when the session is over")
        peer, answer = await self._means.peers.answer(sdp, SHAPES[seat.party])
        older = self._stage.expect(seat, peer)
        if older is not None:
            self._spawn(older.close())
        self._spawn(watch(peer, self._post))
        return {"sdp": answer}
