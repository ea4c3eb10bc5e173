"""A vault whose objects go to a place that can be away, and what its tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from recordings.places import Held, Place, PlaceAway, anything
from recordings.shelved import ShelvedVault
from recordings.wrap_keys import LocalKeys

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


class Unreliable:
    """A place that is away when it is told to be, and says what it was asked for."""

    def __init__(self, inner: Place) -> None:
        self.inner = inner
        self.away = False
        self.asked: list[str] = []
        self.before_put = lambda: None
        self.after_put = lambda: None

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise PlaceAway("for a test")

    def names(self, begins: str = "") -> Iterator[Held]:
        self._ask("names")
        return self.inner.names(begins)

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        self._ask(f"put {name}")
        self.before_put()
        self.inner.put(name, file, replace=replace)
        self.after_put()

    def fetch(self, name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        self._ask(f"fetch {name}")
        self.inner.fetch(name, file, room)

    def erase(self, name: str) -> bool:
        self._ask(f"erase {name}")
        return self.inner.erase(name)

    def tidy(self) -> None:
        self._ask("tidy")


def shelved(tmp_path: Path, far: Place, key: bytes = ONE) -> ShelvedVault:
    return ShelvedVault(tmp_path / "evidence", LocalKeys([key]), far, reserve=0)


def file_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def names(place: Place, begins: str = "") -> list[str]:
    return [one.name for one in place.names(begins)]


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "evidence" / "s1").iterdir())
