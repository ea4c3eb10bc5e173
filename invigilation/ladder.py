"""The link ladder: what a learner's page sends, from everything down to words alone.

The learner's page climbs it, as the page alone knows what its link carries. The server shows and
records each step, sends back no more than a rung allows, and keeps to the budget, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rung(StrEnum):
    """What is sent, the most first; every rung but `TEXT` has the voice."""

    FULL = "full"
    """Camera 640x480, 15 pictures a second."""
    SMALL = "small"
    """Camera 320x240, 8 a second."""
    SLOW = "slow"
    """Camera 320x240, 5 a second."""
    STILLS = "stills"
    """Voice, and single pictures by the socket, one in some seconds."""
    SOUND = "sound"
    """Voice alone."""
    TEXT = "text"
    """Words and signs of life."""


LADDER = tuple(Rung)
MOVING = frozenset({Rung.FULL, Rung.SMALL, Rung.SLOW})
"""The rungs on which the camera is a stream."""
SEES_INVIGILATOR = frozenset({Rung.FULL})
"""The rungs on which a learner is sent the invigilator's picture, too."""


class Way(StrEnum):
    """How sound and picture travel: `SOCKET` where no media connection can be made at all."""

    DIRECT = "direct"
    RELAY = "relay"
    SOCKET = "socket"
    NONE = "none"


class Why(StrEnum):
    """Why a step was taken."""

    START = "start"
    LINK = "link"
    """The link carries less."""
    PROVED = "proved"
    """It has carried this rung well for long enough: up."""
    BUDGET = "budget"
    PERSON = "person"
    """The learner has chosen it."""
    PICTURE = "picture"
    """A picture in full size is being sent: the stream makes room for it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a learner or a ship allows for a session, both directions together; None: no limit."""

    kbit: int | None = None
    """Kilobits a second, 8 to 10,000."""
    megabytes: int | None = None
    """Of 1,000,000 bytes each, 1 to 100,000."""

    def __bool__(self) -> bool:
        """Say whether anything is limited."""
        return self.kbit is not None or self.megabytes is not None
