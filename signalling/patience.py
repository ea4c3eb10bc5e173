"""Patience with those whose offers are refused again and again.

A page makes an offer in two seconds at most, and a broken one once or twice. Who sends many times
that is an attack: their connection is closed, and they may come in again after a while. It is
counted for each person, over all their connections, and costs nobody else anything.
"""

from __future__ import annotations

from typing import Final

from invigilation.ports import Clock
from signalling.bucket import Bucket

REFUSED_AT_ONCE: Final = 60.0
REFUSED_A_SECOND: Final = 4.0
"""So many refused offers are borne for ever: staff make them in a dozen rooms at once."""
WAIT: Final = 20.0
"""Of the first figure, so much must have come back: it takes five seconds."""


class Patience:
    """Counts refused offers by person; who never had one refused takes no place here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: dict[str, Bucket] = {}

    def __len__(self) -> int:
        """Return of how many people anything is remembered."""
        return len(self._left)

    def bears(self, person: str) -> bool:
        """Count a refused offer; say whether that can be borne."""
        bucket = self._left.get(person)
        if bucket is None:
            self._forget()
            bucket = self._left[person] = Bucket(REFUSED_A_SECOND, REFUSED_AT_ONCE, self._clock)
        return bucket.take()

    def waits(self, person: str) -> bool:
        """Say whether somebody whose connection was closed for it has to wait a little longer."""
        bucket = self._left.get(person)
        return bucket is not None and bucket.level < WAIT

    def _forget(self) -> None:
        for person, bucket in [*self._left.items()]:
            if bucket.full:
                del self._left[person]
