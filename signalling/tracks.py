"""What each kind of person sends and receives: the fixed m-lines of their offers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What an m-line carries."""

    AUDIO = "audio"
    VIDEO = "video"


class Track(StrEnum):
    """The streams of a session, named after what they show or let hear."""

    AUDIO = "audio"
    CAMERA = "camera"
    SCREEN = "screen"
    SECOND = "second"

    @property
    def kind(self) -> Kind:
        """Whether it is sound or picture."""
        return Kind.AUDIO if self is Track.AUDIO else Kind.VIDEO


@dataclass(frozen=True, slots=True)
class Shape:
    """The m-lines of an offer, in order; which of them the participant sends, which receives."""

    lines: tuple[Track, ...]
    sends: frozenset[Track]
    receives: frozenset[Track]

    def direction(self, track: Track) -> str:
        """Say in SDP's words what the server does with a track: the other way round than they."""
        if track in self.sends:
            return "sendrecv" if track in self.receives else "recvonly"
        return "sendonly" if track in self.receives else "inactive"


_BOTH = frozenset({Track.AUDIO, Track.CAMERA})

LEARNER: Final = Shape((Track.AUDIO, Track.CAMERA, Track.SCREEN), _BOTH | {Track.SCREEN}, _BOTH)
INVIGILATOR: Final = Shape((*Track,), _BOTH, frozenset(Track))
SUPERVISOR: Final = Shape((*Track,), frozenset(), frozenset(Track))
SECOND_CAMERA: Final = Shape((Track.CAMERA,), frozenset({Track.CAMERA}), frozenset())
