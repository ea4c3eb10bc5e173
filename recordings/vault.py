"""The encrypted evidence store on the local disk.

```
ROOT/SESSION/key         the session's random key, wrapped (AES-256-GCM) by a key kept elsewhere
ROOT/SESSION/ID.evidence a finished object, in the format of `recordings.stream`
ROOT/SESSION/ID.part     an object still being appended to, or the orphan of a dead writer
ROOT/SESSION/*.tmp       half-written; swept by `orphans` after an hour
```

All methods block on the disk: callers on an event loop use a thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from invigilation.errors import InvalidInput
from recordings import stream
from recordings.appender import Appender, Digest, Stored, disk_errors, sync_folder
from recordings.errors import (
    EvidenceDamaged,
    EvidenceExists,
    EvidenceStoreFull,
    EvidenceUnfinished,
)
from recordings.files import destroy, held, open_disk, seize, sweep, written
from recordings.gone import Gone
from recordings.lanes import Lanes, P, T
from recordings.reader import Reader
from recordings.salvage import Lost, Mended, opening, salvaged
from recordings.session_keys import SessionKeys, write_private
from recordings.wrap_keys import LocalKeys, WrapKeys

RESERVE_BYTES = 256 * 1024 * 1024
PIECES_SHARE = 4
"""What is stored at one stroke, pictures above all, may go down to this part of the reserve."""
ASIDE, IN_LINE = 8, 64
"""So many may read or erase at once, and wait for it, where that may have to wait for a store."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


class Vault:
    """Evidence by session and id, encrypted under a key a session, never overwritten.

    `wrap` (keys, or one of 32 bytes) wraps the session keys and is kept away from this disk.
    Appending stops with EvidenceStoreFull when less than `reserve` bytes are free, so that events
    still commit; pictures are stored until a quarter of that is left. `gone` hears of what was
    erased, where copies must follow. Ids are 1 to 64 letters, digits, `_` and `-`; others raise
    InvalidInput. Whatever needs a session's key may raise KeysAway and KeyUnknown.
    """

    def __init__(
        self,
        root: Path,
        wrap: WrapKeys | bytes,
        reserve: int = RESERVE_BYTES,
        gone: Gone | None = None,
    ) -> None:
        self._root = root
        self._keys = SessionKeys(root, LocalKeys([wrap]) if isinstance(wrap, bytes) else wrap)
        self._reserve = reserve
        self._gone = gone
        self._aside = Lanes("store of evidence", ASIDE, IN_LINE)
        self.written: Callable[[int], None] = _nobody
        """Told of every piece of evidence that is on the disk: its bytes, in whichever thread."""

    @property
    def keys(self) -> SessionKeys:
        """The keys of the sessions that lie here."""
        return self._keys

    async def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what reads or erases here, off the event loop and apart from all other work.

        It may wait for a store that hangs; raises Busy when too many wait already.
        """
        return await self._aside.run(work, *args, **kwargs)

    def put(self, session: str, evidence_id: str, data: bytes) -> Stored:
        """Store `data`, all of it or nothing; it is on the disk when this returns."""
        return self.store(session, evidence_id, (data,))

    def store(self, session: str, evidence_id: str, pieces: Iterable[bytes]) -> Stored:
        """Store what the pieces are together, all of it or nothing."""
        part, _ = self._paths(session, evidence_id)
        self.check_room()
        if part.exists() or self._here(session, evidence_id) is not None:
            raise EvidenceExists(evidence_id)
        return self._write(session, evidence_id, pieces)

    def read(self, session: str, evidence_id: str) -> bytes:
        """Return a finished object, verified from end to end.

        Raises NotFound, EvidenceUnfinished or EvidenceDamaged.
        """
        with self.open(session, evidence_id) as reader:
            return reader.read(0, reader.size)

    def open(self, session: str, evidence_id: str) -> Reader:
        """Open a finished object for reads of any range, such as a player asks for.

        Raises NotFound, EvidenceUnfinished or EvidenceDamaged.
        """
        part, whole = self._paths(session, evidence_id)
        found = self._located(session, evidence_id)
        if found is None and part.exists():
            raise EvidenceUnfinished(evidence_id)
        source, cipher = self._open(found or whole, session, evidence_id)
        try:
            return Reader(source, stream.layout(source, evidence_id), cipher, evidence_id)
        except BaseException:
            source.close()
            raise

    def records(self, session: str, evidence_id: str) -> Iterator[bytes]:
        """Yield the records of an object in order: of an unfinished one, as they were appended.

        What a dying writer left half-written at the very end is passed over. Raises
        EvidenceDamaged for anything else, and for a finished object that was cut.
        """
        path = self._located(session, evidence_id)
        if path is None:
            yield from self._unfinished(session, evidence_id)
            return
        with self._opened(path, session, evidence_id) as (source, cipher):
            found = stream.layout(source, evidence_id)
            if not found.complete:
                raise EvidenceDamaged(evidence_id, "its end is missing")
            for slot in found.slots:
                yield cipher.open(slot, source)

    def _unfinished(self, session: str, evidence_id: str) -> Iterator[bytes]:
        """Yield the records of an unfinished object, if nothing in it was changed.

        A length word that was changed looks like a half-written end: so what lies behind is
        searched before anything is taken for one.
        """
        with self._orphan(session, evidence_id) as (source, cipher, well):
            if not well:
                raise EvidenceDamaged(evidence_id, "its header was changed")
            for index, item in enumerate(salvaged(source, cipher)):
                if not isinstance(item, bytes):
                    raise EvidenceDamaged(evidence_id, f"part {index + 1} does not verify")
                yield item

    def salvaged(self, session: str, evidence_id: str) -> Iterator[bytes | Lost]:
        """Yield the records of an unfinished object that open, and what is lost between them.

        As `records` does, it passes over what a dying writer left half-written at the very end.
        Raises NotFound.
        """
        with self._orphan(session, evidence_id) as (source, cipher, _):
            for item in salvaged(source, cipher):
                yield item.data if isinstance(item, Mended) else item

    @contextlib.contextmanager
    def _orphan(
        self, session: str, evidence_id: str
    ) -> Iterator[tuple[stream.Disk, stream.Cipher, bool]]:
        """Yield an unfinished object, what opens it, and whether its header is as it was."""
        part, _ = self._paths(session, evidence_id)
        with contextlib.closing(open_disk(part, evidence_id)) as source:
            key = self._session_key(session, create=False)
            cipher, well = opening(
                source, lambda salt: stream.Cipher(key, salt, session, evidence_id)
            )
            yield source, cipher, well

    def open_append(self, session: str, evidence_id: str) -> Appender:
        """Begin an object that grows; exactly one appender holds it until it is finished."""
        part, whole = self._paths(session, evidence_id)
        self.check_space()
        key = self._session_key(session, create=True)
        if self._here(session, evidence_id) is not None:
            raise EvidenceExists(evidence_id)
        try:
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise EvidenceExists(evidence_id) from None
        header = stream.new_header()
        try:
            seize(descriptor)
            with disk_errors(evidence_id):
                os.write(descriptor, header)
                sync_folder(part.parent)
        except BaseException:
            # Nothing was begun: no lock may keep others from this name, and no row waits for it.
            os.close(descriptor)
            part.unlink(missing_ok=True)
            raise
        cipher = stream.Cipher(key, header[len(stream.MAGIC) :], session, evidence_id)
        return Appender(part, whole, descriptor, cipher, self.check_space, self.written)

    @property
    def empty(self) -> bool:
        """Whether no session has a key here: nothing was stored yet, or this is another disk."""
        return next(self._keys.all(), None) is None

    def waiting(self) -> int:
        """Return how many finished objects wait to go elsewhere."""
        return 0

    def check_space(self) -> None:
        """Raise EvidenceStoreFull when less than the reserve is free."""
        self._check(self._reserve)

    def prepare(self, session: str) -> None:
        """See that a recording of this session can begin, and make its key if it has none.

        Raises EvidenceStoreFull, KeysAway, KeyUnknown and EvidenceDamaged.
        """
        self.check_space()
        self._session_key(session, create=True)

    def check_room(self) -> None:
        """Raise EvidenceStoreFull when nothing can be stored, not even a picture."""
        self._check(self._reserve // PIECES_SHARE)

    def _check(self, reserve: int) -> None:
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(self._root).free
        if free < reserve:
            raise EvidenceStoreFull(free)

    def recover(self, session: str, evidence_id: str) -> Stored:
        """Finish an orphan where it lies, with all its whole records.

        Of an object that is finished already, only digest and size are returned. Raises Busy
        while its writer lives.
        """
        part, whole = self._paths(session, evidence_id)
        if self._located(session, evidence_id) is not None:
            part.unlink(missing_ok=True)
            return Digest(self.records(session, evidence_id)).stored
        with self._opened(part, session, evidence_id) as (source, cipher):
            seize(source)
            written = Digest(self.records(session, evidence_id))
            found = stream.layout(source, evidence_id)
            writable = os.open(part, os.O_RDWR | os.O_CLOEXEC)
            appender = Appender(part, whole, writable, cipher, self.check_space)
            appender.resume(found, written)
            return appender.finish()

    def settle(self, session: str, evidence_id: str, pieces: Iterable[bytes]) -> Stored:
        """Replace an orphan by a finished object made of `pieces`.

        The orphan goes only when the new object is on the disk. Raises Busy while the orphan's
        writer lives, EvidenceStoreFull when there is no room for both.
        """
        part, _ = self._paths(session, evidence_id)
        with contextlib.closing(open_disk(part, evidence_id)) as source:
            seize(source)
            self._check(self._reserve // PIECES_SHARE + source.size())
            stored = self._write(session, evidence_id, pieces)
            part.unlink(missing_ok=True)
        return stored

    def orphans(self) -> list[tuple[str, str]]:
        """Return session and id of every unfinished object without a living writer.

        Sweeps what a kill left half-written, too, once it is an hour old.
        """
        for stale in self._root.glob("*/*.tmp"):
            sweep(stale)
        found = [path for path in sorted(self._root.glob("*/*.part")) if not held(path)]
        for path in found:
            if path.stat().st_size < stream.HEADER_BYTES:
                sweep(path)
        return [
            (path.parent.name, path.stem)
            for path in found
            if path.exists() and path.stat().st_size >= stream.HEADER_BYTES
        ]

    def finished(self, older_than_seconds: float) -> list[tuple[str, str]]:
        """Return session and id of every finished object that was written that long ago."""
        before = time.time() - older_than_seconds
        return [
            (path.parent.name, path.stem)
            for path in sorted(self._root.glob("*/*.evidence"))
            if written(path) < before
        ]

    def abandoned(self, older_than_seconds: float) -> list[tuple[str, str]]:
        """Return session and id of every unfinished object that nobody has written for so long."""
        before = time.time() - older_than_seconds
        return [
            (path.parent.name, path.stem)
            for path in sorted(self._root.glob("*/*.part"))
            if written(path) < before and not held(path)
        ]

    def erase(self, session: str, evidence_id: str) -> bool:
        """Destroy one object for good; return whether there was one.

        The salt is overwritten first: without it the session's key opens nothing.
        """
        paths = self._paths(session, evidence_id)
        noted = self._note(session, evidence_id)
        existed = [destroy(path) for path in paths]
        if not noted and self._gone is not None:
            self._gone.add(session, evidence_id)  # what was destroyed has made room
        return any(existed)

    def forget(self, session: str) -> None:
        """Destroy the session's key, then its objects. Nothing of them can be read again."""
        folder = self._root / _valid("session", session)
        if self._gone is not None:
            self._gone.add(session)
        self._keys.forget(session)
        shutil.rmtree(folder, ignore_errors=True)

    def _note(self, session: str, evidence_id: str) -> bool:
        """Leave word of an erasure where copies must follow; say whether the disk had room."""
        try:
            if self._gone is not None:
                self._gone.add(session, evidence_id)
        except EvidenceStoreFull:
            return False
        return True

    def _located(self, session: str, evidence_id: str) -> Path | None:
        """Return where a finished object can be read, if there is one."""
        return self._here(session, evidence_id)

    def _here(self, session: str, evidence_id: str) -> Path | None:
        """Return where a finished object lies on this disk, if it does."""
        _, whole = self._paths(session, evidence_id)
        return whole if whole.exists() else None

    def _paths(self, session: str, evidence_id: str) -> tuple[Path, Path]:
        folder = self._root / _valid("session", session)
        name = _valid("evidence", evidence_id)
        return folder / f"{name}.part", folder / f"{name}.evidence"

    def _write(self, session: str, evidence_id: str, pieces: Iterable[bytes]) -> Stored:
        """Write a finished object beside its place and move it there."""
        _, whole = self._paths(session, evidence_id)
        key = self._session_key(session, create=True)
        header = stream.new_header()
        cipher = stream.Cipher(key, header[len(stream.MAGIC) :], session, evidence_id)
        digest = Digest()
        temporary = whole.with_name(f"{evidence_id}.{secrets.token_hex(8)}.tmp")
        try:
            with disk_errors(evidence_id):
                write_private(
                    temporary, chain((header,), stream.sealed(cipher, digest.passing(pieces)))
                )
                # A link, unlike a rename, refuses to take the place of an older object.
                os.link(temporary, whole)
                sync_folder(whole.parent)
        except FileExistsError:
            raise EvidenceExists(evidence_id) from None
        finally:
            temporary.unlink(missing_ok=True)
        self.written(digest.stored.size)
        return digest.stored

    @contextlib.contextmanager
    def _opened(
        self, path: Path, session: str, evidence_id: str
    ) -> Iterator[tuple[stream.Disk, stream.Cipher]]:
        source, cipher = self._open(path, session, evidence_id)
        try:
            yield source, cipher
        finally:
            source.close()

    def _open(
        self, path: Path, session: str, evidence_id: str
    ) -> tuple[stream.Disk, stream.Cipher]:
        """Return the open file, which the caller owns, and its cipher."""
        source = open_disk(path, evidence_id)
        try:
            return source, self._cipher(source, session, evidence_id)
        except BaseException:
            source.close()
            raise

    def _cipher(self, source: stream.Source, session: str, evidence_id: str) -> stream.Cipher:
        """Return what opens the records of a file that is there."""
        key = self._session_key(session, create=False)
        return stream.Cipher(key, stream.salt_of(source, evidence_id), session, evidence_id)

    def _session_key(self, session: str, *, create: bool) -> bytes:
        if create and not self._keys.path(_valid("session", session)).exists():
            self._keys.make(session)
        return self._keys.find(_valid("session", session))


def _valid(field: str, name: str) -> str:
    """Return the name if it can be a file's name and nothing else."""
    if not _ID.fullmatch(name):
        raise InvalidInput(field, "An id is 1 to 64 letters, digits, hyphens and underscores.")
    return name


def _nobody(_size: int) -> None:
    """Tell nobody."""
