"""What a room's mailbox holds: commands, and how their answers find back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from invigilation.errors import InvigilationError
from invigilation.presence import Sight
from invigilation.recheck import RecheckCause
from signalling.messages import Join, Message, NoteIncident, Snapshot
from signalling.ports import MediaPeer, Picture
from signalling.seat import Person

Answer = Mapping[str, object]
NOTHING: Final[Answer] = {}


class RoomClosed(Exception):
    """The room has ended; a new one may be opened for the same session."""


class TooSlow(InvigilationError):
    """The command did not end in time; what it would have changed is unchanged."""

    code = "timeout"

    def __init__(self) -> None:
        super().__init__("This took too long. Please try again.")


class NoCamera(InvigilationError):
    """No picture came from the learner's camera."""

    code = "no_picture"

    def __init__(self) -> None:
        super().__init__("No picture came from the learner's camera. Please try again.")


class Internal(InvigilationError):
    """Something failed that is not the asker's business; it is in the log."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side. Please try again.")


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a person."""

    person: Person
    message: Message


@dataclass(frozen=True, slots=True)
class FaceAgain:
    """The learner's face is to be taken for a re-check."""

    cause: RecheckCause


Wanted = Snapshot | NoteIncident | FaceAgain
"""What a picture may be taken for."""


@dataclass(frozen=True, slots=True)
class Developed:
    """The picture that was wanted is there, or none came; `person` None: the room wanted it."""

    person: Person | None
    wanted: Wanted
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class PeerUp:
    """Media can flow to and from a peer."""

    peer: MediaPeer


@dataclass(frozen=True, slots=True)
class PeerGone:
    """A peer has ended."""

    peer: MediaPeer


@dataclass(frozen=True, slots=True)
class Looked:
    """A look at the learner's picture has found something."""

    sight: Sight
    still: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Read the session anew: something outside of the room has changed it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed."""


def joining(command: object) -> tuple[str, Join] | None:
    """Return the connection that this command brings into the room, if it brings one, and how."""
    match command:
        case Said(person, Join() as join):
            return person.sid, join
        case _:
            return None


Command = Said | Developed | PeerUp | PeerGone | Looked | Look | Tick


@dataclass(slots=True)
class Envelope:
    """A command, the moment (monotonic) by which it must be done, and who waits for it."""

    command: Command
    by: float
    answer: asyncio.Future[Answer] | None = None

    def settle(self, answer: Answer | Exception) -> None:
        """Tell whoever waits, if they still do."""
        if self.answer is None or self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)
