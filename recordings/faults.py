"""Errors of single steps, raised when all the other steps have been tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from recordings.places import PlaceAway

ENOUGH = 5
"""After so many steps in a row that found a place away, it is not asked for the next object."""


class Faults:
    """Keeps what went wrong, so that one failing step does not stop those behind it."""

    def __init__(self) -> None:
        self._kept: list[Exception] = []
        self._away = 0

    @property
    def hopeless(self) -> bool:
        """Whether a place was away so often in a row that the next object need not be tried."""
        return self._away >= ENOUGH

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what the block raises; a cancellation is raised at once, as always."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is raised in the end
            self._kept.append(error)
            self._away = self._away + 1 if isinstance(error, PlaceAway) else 0
        else:
            self._away = 0

    def again(self) -> None:
        """Begin with other objects, or another place: hope anew."""
        self._away = 0

    def end(self, what: str) -> None:
        """Raise what was kept: one error as it is, and several places away as the first of them."""
        if not self._kept:
            return
        if len(self._kept) == 1 or all(isinstance(one, PlaceAway) for one in self._kept):
            raise self._kept[0]
        raise ExceptionGroup(f"{what}: {len(self._kept)} steps failed", self._kept)
