"""The capture of the document by the learner's page, as far as the room knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Of a document; only cards have a back that is looked at."""

    FRONT = "front"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Progress:
    """A picture on its way: of `total` bytes, `done` have come."""

    side: Side
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Capture:
    """Whether the invigilator has asked for the document again, and what is on its way."""

    asked: bool = False
    progress: Progress | None = None
