"""Something that comes from a page in small chunks, in order, and is known by its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from invigilation.errors import Busy, InvalidInput, InvigilationError

CHUNK: Final = 32 * 1024
"""The most that comes at once."""


LATER_S: Final = 10
"""So soon a page comes again with what there was no room for."""


class NoRoom(Busy):
    """The disk has no room for it now: the page keeps it, and comes again. Nobody is told to worry.

    Who invigilates is told that nothing is recorded, and operators by the check `disk`.
    """

    def __init__(self) -> None:
        super().__init__("evidence store")


class WrongOffset(InvigilationError):
    """This chunk does not follow on what has come."""

    code = "wrong_offset"

    def __init__(self, have: int) -> None:
        super().__init__(f"This does not follow: {have} bytes of it are here.")
        self.have = have


class WrongDigest(InvigilationError):
    """What has come of a part is not what was announced; it is forgotten."""

    code = "wrong_digest"

    def __init__(self, part: int) -> None:
        super().__init__(f"Part {part} came wrong. Send it again.")


@dataclass(slots=True)
class Arriving:
    """Bytes as announced, as far as they have come."""

    sha256: str
    size: int
    came: bytearray = field(default_factory=bytearray)

    @property
    def have(self) -> int:
        """How many bytes are here."""
        return len(self.came)

    def put(self, offset: int, data: bytes) -> int:
        """Take a chunk in; return how much is here. Raises `InvalidInput` and `WrongOffset`."""
        have = self.have
        if not 0 < len(data) <= CHUNK:
            raise InvalidInput("chunk", f"Send 1 to {CHUNK} bytes at once.")
        if offset + len(data) <= have:
            return have  # it came before: its answer was lost
        if offset != have or offset + len(data) > self.size:
            raise WrongOffset(have)
        self.came += data
        return self.have

    def check(self, number: int) -> None:
        """Raise unless all of it is here and as announced; what came wrong is forgotten."""
        if self.have != self.size:
            raise WrongOffset(self.have)
        if hashlib.sha256(self.came).hexdigest() != self.sha256:
            self.came.clear()
            raise WrongDigest(number)
