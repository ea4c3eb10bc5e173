"""What the people in a room want of one another: words, a raised hand, a shared screen."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from invigilation.desk import Desk
from invigilation.desk.room_view import RoomView
from invigilation.errors import Busy, NotAllowed
from invigilation.ports import Clock
from signalling import messages as m
from signalling.bucket import Bucket
from signalling.commands import NOTHING, Answer
from signalling.messages import Party
from signalling.seat import Seat

ENTRIES_A_SECOND: Final = 0.5
ENTRIES_AT_ONCE: Final = 30.0
"""What a learner may add to their record by words, hands and screens: people do far less."""


class Requests:
    """Hears them, has them recorded, and knows which stand.

    `hand` is since when the learner's is raised, `offered_at` since when the room knows of an offer
    to hand the session over. These two and `screen_wanted` live as long as the room does: the
    record keeps that they were, not that they stand, and a new room begins without them.
    """

    def __init__(self, session: str, desk: Desk, clock: Clock) -> None:
        self.hand: datetime | None = None
        self.screen_wanted = False
        self.offered_at: datetime | None = None
        self._offered_to: str | None = None
        self._session = session
        self._desk = desk
        self._clock = clock
        self._entries = Bucket(ENTRIES_A_SECOND, ENTRIES_AT_ONCE, clock)

    async def hear(self, seat: Seat, message: m.Message) -> Answer | None:
        """Answer a message of somebody in the room; None: it is not one for here.

        Raises `Busy` when a learner says more than belongs into a record.
        """
        if self._adds(seat, message) and not self._entries.take():
            raise Busy("connection")
        match message:
            case m.Chat():
                return await self._say(seat, message)
            case m.Media():
                await self._sends(seat, message)
            case m.Hand():
                await self._raise_hand(seat, raised=message.raised)
            case m.Done():
                await self._desk.inspections.done(self._session, message.inspection)
            case m.ShareScreen():
                await self._share_screen(seat, wanted=message.wanted)
            case _:
                return None
        return NOTHING

    async def sends_nothing(self, seat: Seat) -> None:
        """Note that somebody is gone, and what they shared with them."""
        if seat.screen and seat.party is Party.LEARNER:
            await self._note("screen_ended", seat)
        seat.sends_nothing()

    def seen(self, view: RoomView) -> None:
        """Note since when the session is offered to whom."""
        to = None if view.handing_to is None else view.handing_to.id
        if to != self._offered_to:
            self._offered_to = to
            self.offered_at = None if to is None else view.now

    @staticmethod
    def _adds(seat: Seat, message: m.Message) -> bool:
        """Say whether a learner's message makes an entry of the record."""
        if seat.party is not Party.LEARNER:
            return False
        if isinstance(message, m.Media):
            return message.screen != seat.screen
        return isinstance(message, m.Chat | m.Hand | m.Done)

    async def _say(self, seat: Seat, message: m.Chat) -> Answer:
        seq = await self._desk.sessions.say(
            self._session,
            seat.party.value,
            message.text,
            message.client_id,
            notice=isinstance(message, m.Notice),
        )
        return {"seq": seq}

    async def _sends(self, seat: Seat, message: m.Media) -> None:
        if seat.party is Party.LEARNER and message.screen != seat.screen:
            await self._note("screen_shared" if message.screen else "screen_ended", seat)
        seat.camera, seat.microphone = message.camera, message.microphone
        seat.screen = message.screen

    async def _raise_hand(self, seat: Seat, *, raised: bool) -> None:
        if raised and seat.party is not Party.LEARNER:
            raise NotAllowed("raise the learner's hand")
        if raised != (self.hand is not None):
            await self._note("hand_raised" if raised else "hand_lowered", seat)
            self.hand = self._clock.now() if raised else None

    async def _share_screen(self, seat: Seat, *, wanted: bool) -> None:
        if wanted and not self.screen_wanted:
            await self._note("screen_asked", seat)
        self.screen_wanted = wanted

    async def _note(self, kind: str, seat: Seat) -> None:
        if seat.person is not None or seat.recorded is not None:
            who = seat.person.actor if seat.person is not None else seat.recorded or ""
            await self._desk.sessions.note(self._session, kind, who, {})
