"""Connections that wait to come in, counted by the place that they come from."""

from __future__ import annotations


class Waiting:
    """Names of connections by place, the oldest of each first; counting takes no walk over all."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, None]] = {}
        self._total = 0

    def __len__(self) -> int:
        """Return how many there are, of all places."""
        return self._total

    def count(self, place: str) -> int:
        """Return how many there are of one place."""
        return len(self._places.get(place, ()))

    def add(self, place: str, name: str) -> None:
        """Note the newest of a place."""
        names = self._places.setdefault(place, {})
        self._total += name not in names
        names[name] = None

    def discard(self, place: str, name: str) -> None:
        """Forget one, if it is known."""
        names = self._places.get(place, {})
        if name in names:
            del names[name]
            self._total -= 1
            if not names:
                del self._places[place]

    def oldest(self, place: str) -> str | None:
        """Return the oldest of a place."""
        return next(iter(self._places.get(place, ())), None)

    def fullest(self) -> str:
        """Return the place of which there are most; there must be some."""
        return max(self._places, key=lambda place: len(self._places[place]))
