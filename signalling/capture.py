"""The capture of the document by the learner's page, as far as the room knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from invigilation.document import CARDS, DocumentKind


class Side(StrEnum):
    """Of a document; only cards have a back that is looked at. `FACE` is the learner, full size."""

    FRONT = "front"
    BACK = "back"
    FACE = "face"


@dataclass(frozen=True, slots=True)
class Progress:
    """A picture on its way: of `total` bytes, `done` have come."""

    side: Side
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Capture:
    """Whether the invigilator has asked for the document again, and what has come since.

    `kind` is that of the document of which `came` came.
    """

    asked: bool = False
    came: frozenset[Side] = frozenset()
    kind: DocumentKind | None = None
    progress: Progress | None = None

    @property
    def missing(self) -> tuple[Side, ...]:
        """The sides that have not come; a back is missing of what may be a card."""
        sides = (Side.FRONT, Side.BACK) if may_be_card(self.kind) else (Side.FRONT,)
        return tuple(side for side in sides if side not in self.came)


def may_be_card(kind: DocumentKind | None) -> bool:
    """Say whether it may have a back; None: nobody has said yet what it is."""
    return kind is None or kind in CARDS
