"""Copies of a vault in a place elsewhere: encrypted as they lie, and erased when they are here.

What was erased here is erased there by the words that the vault left (`recordings.gone`), and never
because it is missing here: a vault that was lost must not take its copies with it.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from invigilation.errors import NotFound
from recordings.faults import Faults
from recordings.gone import Gone
from recordings.places import SUFFIX, FolderPlace, Held, Place, anything, room_on
from recordings.session_keys import KEY_NAME, SessionKeys

SNAPSHOT = "database-"
"""Folders of the place that begin so hold a snapshot of the database, not a session."""


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of what lies in `sources`, which are searched in this order, in `place`."""

    root: Path
    sources: tuple[Place, ...]
    place: Place
    reserve: int = 0
    """So many bytes stay free on the disk of `root` while an object is fetched to be copied."""

    @classmethod
    def of(cls, root: Path, place: Place, shelf: Place | None = None, reserve: int = 0) -> Copies:
        """Return the copies of a vault at `root` whose finished objects go to `shelf`, if any."""
        return cls(root, (FolderPlace(root), *(() if shelf is None else (shelf,))), place, reserve)

    def held(self) -> dict[str, Held]:
        """Return all that the place has, by name."""
        return {one.name: one for one in self.place.names()}

    def missing(self, held: dict[str, Held]) -> Iterator[tuple[str, Place]]:
        """Yield what must be copied, keys first, and where it lies; each name once.

        A source that is away keeps nothing of the others back; it is raised at the end.
        """
        seen, faults = set[str](), Faults()
        for wanted in (_is_key, _is_evidence):
            for source in self.sources:
                with faults.kept():
                    for one in source.names():
                        there = held.get(one.name)
                        same = there is not None and there.size == one.size
                        if wanted(one.name) and one.name not in seen and not same:
                            seen.add(one.name)
                            yield one.name, source
        faults.end("what is to be copied")

    def copy(self, name: str, source: Place, held: dict[str, Held]) -> bool:
        """Copy one object; say whether it was still there.

        It may have gone from the disk to the store meanwhile. Raises EvidenceStoreFull where it
        must be fetched first and the disk has no room for it.
        """
        for one in self.sources[self.sources.index(source) :]:
            if isinstance(one, FolderPlace):
                if not one.path(name).exists():
                    continue
                self.place.put(name, one.path(name), replace=name in held)
                return True
            room = room_on(self.root, self.reserve)
            with contextlib.suppress(NotFound), fetched(one, name, self.root, room) as file:
                self.place.put(name, file, replace=name in held)
                return True
        return False

    def follow(self) -> int:
        """Erase in the place what was erased in the vault; return how many objects.

        What cannot be erased keeps nothing else there; it is raised at the end.
        """
        erased, faults = 0, Faults()
        for one in list(Gone(self.root).all()):
            if faults.hopeless:
                break
            with faults.kept():
                if not one.evidence:
                    names = [held.name for held in self.place.names(f"{one.session}/")]
                    erased += sum([self.place.erase(name) for name in names])
                elif not any((self.root / one.session).glob(f"{one.evidence}.*")):
                    erased += self.place.erase(f"{one.session}/{one.evidence}{SUFFIX}")
        faults.end("erasures")
        return erased

    def erase(self, objects: Iterable[tuple[str, str]]) -> int:
        """Erase these in the place; return how many were there. Errors are raised at the end."""
        erased, faults = 0, Faults()
        for session, one in objects:
            if faults.hopeless:
                break
            with faults.kept():
                erased += self.place.erase(f"{session}/{one}{SUFFIX}")
        faults.end("erasures")
        return erased


class fetched:  # noqa: N801 - it reads as a verb
    """A temporary file with an object of a place, while the block lasts; beside `near`."""

    def __init__(
        self, place: Place, name: str, near: Path, room: Callable[[int], None] = anything
    ) -> None:
        self._place = place
        self._name = name
        self._room = room
        self._folder = tempfile.TemporaryDirectory(dir=near, prefix=".copy-")

    def __enter__(self) -> Path:
        file = Path(self._folder.name) / "object"
        try:
            self._place.fetch(self._name, file, self._room)
        except BaseException:
            self._folder.cleanup()
            raise
        return file

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def rewrap(place: Place, keys: SessionKeys, near: Path) -> int:
    """Have the newest key wrap all keys in a place; return how many others had wrapped.

    Raises KeyUnknown for one that no key opens, EvidenceDamaged, KeysAway and PlaceAway.
    """
    changed = 0
    for name in [held.name for held in place.names() if _is_key(held.name)]:
        session = name.partition("/")[0]
        try:
            with fetched(place, name, near) as file:
                wrapped = keys.rewrapped(session, file.read_bytes())
                if wrapped is not None:
                    fresh = file.with_name(f"fresh-{secrets.token_hex(4)}")
                    fresh.write_bytes(wrapped)
                    place.put(name, fresh, replace=True)
                    changed += 1
        except NotFound:
            continue
    return changed


def _is_key(name: str) -> bool:
    return name.endswith(f"/{KEY_NAME}")


def _is_evidence(name: str) -> bool:
    return name.endswith(SUFFIX)
