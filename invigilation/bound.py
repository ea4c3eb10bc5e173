"""What ties a picture that comes late to the live stream: it was told of when it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invigilation.record import Plain


@dataclass(frozen=True, slots=True)
class Bound:
    """A picture as the learner's page told of it, and what the live stream showed just then.

    `sha256` and `size` are of the bytes as they were taken and later came. `asked_at` is when the
    room asked for it, if it did. `taken_at` is what the page says, between `told_at` and half a
    minute before. `live_sha256` is the digest of the key frame or still that came next by the
    stream, at `live_at`; None when none came. `live_print_distance` (0 to 64) says in how many bits
    the prints of both differ: a hint, no proof.
    """

    sha256: str
    size: int
    taken_at: datetime
    told_at: datetime
    asked_at: datetime | None = None
    live_sha256: str | None = None
    live_at: datetime | None = None
    live_print: int | None = None
    live_print_distance: int | None = None

    @property
    def data(self) -> dict[str, Plain]:
        """What the record says of it."""
        return {
            "asked_at": _text(self.asked_at),
            "taken_at": _text(self.taken_at),
            "told_at": _text(self.told_at),
            "told_sha256": self.sha256,
            "told_size": self.size,
            "live_sha256": self.live_sha256,
            "live_at": _text(self.live_at),
            "live_print_distance": self.live_print_distance,
        }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
