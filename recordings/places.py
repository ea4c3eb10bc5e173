"""Where encrypted files lie beside the vault's own disk: an object store, or a folder elsewhere.

A place knows names and bytes, and no key: all that it is given was encrypted before. Names are
those of the vault: `SESSION/key`, `SESSION/ID.evidence`. All methods block.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from invigilation.errors import Busy
from recordings.appender import disk_errors, sync_folder
from recordings.errors import EvidenceDamaged, EvidenceStoreFull

CHUNK = 1024 * 1024
SUFFIX = ".evidence"
MARK = ".place"
"""The file of a folder that says which one it is."""
_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_NAME = re.compile(rf"{_ID}/(?:key|{_ID}\.evidence)", re.ASCII)


class PlaceAway(Busy):
    """The place does not answer, or refuses; `why` is for the log."""

    def __init__(self, why: str) -> None:
        super().__init__("store of evidence")
        self.why = why
        self.add_note(why)


class PlaceTaken(Exception):
    """Another object lies there under this name, and is not overwritten."""

    def __init__(self, name: str) -> None:
        super().__init__(f"something else lies under {name}")


class WholeOnly(Exception):
    """The place gives this object whole or not at all."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of an object, and how many it has in all."""

    data: bytes
    whole: int


@dataclass(frozen=True, slots=True)
class Held:
    """An object of a place: its name, its bytes, and when it was written (Unix seconds)."""

    name: str
    size: int
    written: float


def anything(_size: int) -> None:
    """Have room for as many bytes as come."""


class Place(Protocol):
    """Keeps files under names. Every method may raise `PlaceAway`."""

    def names(self, begins: str = "") -> Iterator[Held]:
        """Yield all objects of ours whose names begin so."""
        ...

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        """Keep a copy of the file, verified by its SHA-256.

        The same bytes may be put again. Other bytes under the same name raise `PlaceTaken`,
        unless they are to `replace` what lies there.
        """
        ...

    def fetch(self, name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        """Write the object to a new file, verified; raises NotFound and EvidenceDamaged.

        `room` is told how many bytes will come before the first is written; what it raises is
        raised. A disk that is full all the same raises EvidenceStoreFull.
        """
        ...

    def read(self, name: str, start: int, length: int) -> Piece:
        """Return so many bytes of the object from `start`; fewer where it ends.

        Nothing of them is verified: whoever reads pieces must see by them what they are. Raises
        NotFound; EvidenceDamaged where the object ends before `start`; and WholeOnly.
        """
        ...

    def erase(self, name: str) -> bool:
        """Remove the object with all its older versions; say whether there was one."""
        ...

    def tidy(self) -> None:
        """Remove what broken uploads left behind."""
        ...


class FolderPlace:
    """A place in a folder, such as another disk or a share; the folder itself must be there.

    Where its disk is not mounted an empty folder may be there all the same. `mark`, a file on
    another disk, remembers which folder it was: any other one is a place that is away.
    """

    def __init__(self, root: Path, mark: Path | None = None) -> None:
        self._root = root
        self._mark = mark

    def path(self, name: str) -> Path:
        """Return where an object lies, or would."""
        return self._root / name

    def names(self, begins: str = "") -> Iterator[Held]:
        """Yield all objects whose names begin so, in order."""
        self._check()
        with _errors():
            for path in sorted(self._root.glob("*/*")):
                name = f"{path.parent.name}/{path.name}"
                if name.startswith(begins) and is_ours(name):
                    with contextlib.suppress(FileNotFoundError):
                        found = path.stat()
                        yield Held(name, found.st_size, found.st_mtime)

    def put(self, name: str, file: Path, *, replace: bool = False) -> None:
        """Copy the file, read the copy back, and give it its name."""
        self._check()
        path = self._root / name
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
        with _errors():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            try:
                wanted = _copy(file, temporary)
                if digest_of(temporary) != wanted:
                    raise PlaceAway(f"{name} is not what was written")
                if replace:
                    temporary.replace(path)
                else:
                    _link(temporary, path, wanted)
                sync_folder(path.parent)
            finally:
                temporary.unlink(missing_ok=True)

    def fetch(self, name: str, file: Path, room: Callable[[int], None] = anything) -> None:
        """Copy the object; raises NotFound."""
        self._check()
        with _errors(), disk_errors(name):
            room((self._root / name).stat().st_size)
            wanted = _copy(self._root / name, file)
        if digest_of(file) != wanted:
            raise EvidenceDamaged(name, "it could not be copied")

    def read(self, name: str, start: int, length: int) -> Piece:
        """Return a piece of the object; raises NotFound and EvidenceDamaged."""
        self._check()
        with _errors(), disk_errors(name), (self._root / name).open("rb") as file:
            whole = os.fstat(file.fileno()).st_size
            file.seek(start)
            data = file.read(length)
        if start >= whole:
            raise EvidenceDamaged(name, "it is shorter than it was")
        return Piece(data, whole)

    def erase(self, name: str) -> bool:
        """Overwrite the beginning of the object and remove it."""
        self._check()
        path = self._root / name
        with _errors():
            try:
                with path.open("r+b") as file:
                    file.write(secrets.token_bytes(min(path.stat().st_size, 64)))
                    os.fsync(file.fileno())
                path.unlink()
            except FileNotFoundError:
                return False
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        return True

    def tidy(self) -> None:
        """Remove what is half-written and a day old."""
        self._check()
        with _errors():
            for path in self._root.glob("*/*.tmp"):
                remove_old(path)

    def _check(self) -> None:
        if not self._root.is_dir():
            raise PlaceAway(f"the folder {self._root} is not there")
        if self._mark is None:
            return
        with _errors():
            known, here = _read(self._mark), _read(self._root / MARK)
            if known is None:
                self._remember(here)
            elif here != known:
                raise PlaceAway(
                    f"{self._root} is not the folder of before: is its disk mounted? "
                    f"If it is to be a new place, remove {self._mark}"
                )

    def _remember(self, here: str | None) -> None:
        """Begin with this folder: both sides keep the same word."""
        if self._mark is None:
            return
        word = here or secrets.token_hex(16)
        if here is None:
            (self._root / MARK).write_text(word, encoding="ascii")
        self._mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._mark.write_text(word, encoding="ascii")


def is_ours(name: str) -> bool:
    """Say whether an object can be one of ours: nobody else's name becomes a path here."""
    return _NAME.fullmatch(name) is not None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def room_on(folder: Path, reserve: int) -> Callable[[int], None]:
    """Return what raises EvidenceStoreFull unless `reserve` stays free beside what comes."""

    def check(size: int) -> None:
        free = shutil.disk_usage(folder).free
        if free - size < reserve:
            raise EvidenceStoreFull(free)

    return check


def remove_old(path: Path, seconds: float = 24 * 3600) -> None:
    """Remove a file that was written so long ago."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > seconds:
            path.unlink()


def _copy(source: Path, target: Path) -> str:
    """Copy a file for our eyes only and wait for the disk; return the SHA-256 of what was read."""
    digest = hashlib.sha256()
    with source.open("rb") as read:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as written:  # noqa: PTH123 - a descriptor has no path
            while chunk := read.read(CHUNK):
                digest.update(chunk)
                written.write(chunk)
            written.flush()
            os.fsync(written.fileno())
    shutil.copystat(source, target)
    return digest.hexdigest()


def _link(temporary: Path, path: Path, digest: str) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        if digest_of(path) != digest:
            raise PlaceTaken(path.name) from None


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlaceAway(f"{type(error).__name__}: {error}") from error
