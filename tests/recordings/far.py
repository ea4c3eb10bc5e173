"""A vault whose objects go to a place that can be away, and what its tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from recordings.places import Held, Piece, Place, PlaceAway, anything
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

    def read(self, name: str, start: int, length: int) -> Piece:
        self._ask(f"read {name} {start}")
        return self.inner.read(name, start, length)

    def erase(self, name: str) -> bool:
        self._ask(f"erase {name}")
        return self.inner.erase(name)

    def tidy(self) -> None:
        self._ask("tidy")


def shelved(tmp_path: Path, far: Place, key: bytes = ONE) -> ShelvedVault:
    return ShelvedVault(tmp_path / "evidence", LocalKeys([key]), far, reserve=0)


def put_grown(vault: ShelvedVault, ident: str, data: bytes = b"one") -> None:
    """Store an object that was finished as it lay: from a place it can only come whole."""
    appender = vault.open_append("s1", ident)
    appender.append(data)
    appender.finish()


def brought(tmp_path: Path, far: Place, *idents: str, grown: bool = False) -> ShelvedVault:
    """Return a vault whose objects are in the place, and on the disk as reading copies."""
    vault = shelved(tmp_path, far)
    for ident in idents:
        if grown:
            put_grown(vault, ident)
        else:
            vault.put("s1", ident, b"one")
    vault.shelve()
    return vault


def reading(tmp_path: Path, ident: str = "e1") -> Path:
    """Return where the reading copy of an object lies, if there is one."""
    return tmp_path / "evidence" / "s1" / f"{ident}.reading"


def file_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def names(place: Place, begins: str = "") -> list[str]:
    return [one.name for one in place.names(begins)]


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "evidence" / "s1").iterdir())
