"""What a room has beside the media, for a link that is too thin for them.

The learner's page tells how its link is; stills and sound come by the socket, and are signs of life
as packets of media are.
"""

from __future__ import annotations

from typing import Final

from invigilation.desk.room_view import RoomView
from signalling import messages as m
from signalling.commands import NOTHING, Answer
from signalling.full_size import FullSize
from signalling.ladder_watch import LadderWatch
from signalling.means import Means, Spawn
from signalling.messages import Message
from signalling.presence import Sign
from signalling.seat import Seat
from signalling.socket_sound import SocketSound
from signalling.stage import Stage
from signalling.stills import Stills

LIGHT: Final = (m.Link, m.Still, m.SoundPiece, m.PictureTaken)
"""Messages that change nothing of the session: its record is not read anew for them."""


class Thin:
    """Hears the messages of `LIGHT`, and knows what they say."""

    def __init__(self, session: str, means: Means, stage: Stage, spawn: Spawn) -> None:
        self.ladder = LadderWatch(session, means)
        self._clock = means.clock
        self.stills = Stills(session, means, stage)
        self.sound = SocketSound(session, means, stage)
        self.full = FullSize(session, means, stage, self.stills, spawn)

    async def hear(self, seat: Seat, message: Message, view: RoomView) -> Answer:
        """Answer one of them; raises what it is refused with."""
        match message:
            case m.Link():
                self.ladder.hear(message)
                return NOTHING
            case m.PictureTaken():
                return self.full.hear(message, view)
            case m.Still():
                new = await self.stills.take(message, view)
                seat.signs.came(self._clock.monotonic(), Sign.STILL if new else Sign.REPEAT)
            case m.SoundPiece():
                if await self.sound.take(seat, message, view):
                    seat.signs.came(self._clock.monotonic(), Sign.SOUND)
            case _:
                raise TypeError(message)
        return NOTHING
