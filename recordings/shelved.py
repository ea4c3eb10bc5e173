"""A vault whose finished objects go to an object store; the disk is where they grow.

What is being recorded grows on the local disk, as in any vault, and keeps all its promises there:
each record is on the disk before it counts, and a kill costs no more than with the disk alone.
`shelve` then brings what is finished to the store, and only when the store has all of it does the
local file become a mere reading copy. A kill in between changes nothing: the next sweep finds the
file and goes on.

```
ROOT/SESSION/ID.evidence   finished, and not known to be in the store yet
ROOT/SESSION/ID.reading    a copy of what is in the store; removed an hour after it was last needed
```
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from invigilation.errors import Busy, NotFound
from recordings import stream
from recordings.errors import EvidenceDamaged, EvidenceStoreFull
from recordings.faults import Faults
from recordings.files import destroy, locked
from recordings.flights import Flights
from recordings.gone import Erased, Gone
from recordings.lanes import Lanes
from recordings.places import SUFFIX, Place, PlaceAway, PlaceTaken, WholeOnly
from recordings.ranges import Afar, Blocks
from recordings.reader import Reader
from recordings.session_keys import KEY_NAME
from recordings.vault import RESERVE_BYTES, Vault
from recordings.wrap_keys import WrapKeys

READING = ".reading"
SHELVING = ".shelving"
"""Who brings objects to the store holds this file of the root locked."""
READ_AGAIN_S = 3600.0
AWAY_S = 60.0
"""So long a store that was away is not asked for the keys of new sessions."""
KEY_S = 3.0
"""A session that begins waits so long for the store to say whether it has the key."""
KEYS_AT_ONCE = 8
FETCH_S = 120.0
"""So long somebody waits for an object that somebody else is fetching."""


class ShelvedVault(Vault):
    """A vault in a `place`, with a disk in front of it.

    Reading what is not on the disk fetches the pieces that are read, once for all who wait, and may
    raise `PlaceAway`. What can only come whole (it was finished as it lay, or the place knows no
    ranges) becomes a reading copy: `EvidenceStoreFull` where the disk has no room for it. Storing
    and recording need the disk alone, and go before reading copies where it is short.
    """

    def __init__(
        self, root: Path, wrap: WrapKeys | bytes, place: Place, reserve: int = RESERVE_BYTES
    ) -> None:
        self._words = Gone(root)
        super().__init__(root, wrap, reserve, self._words)
        self._place = place
        self._away_until = 0.0
        self._lock = threading.Lock()
        self._blocks = Blocks(place)
        self._coming: Flights[Path | None] = Flights(FETCH_S)
        self._rooms: dict[str, int] = {}
        """Bytes that are being fetched, by name."""
        self._asking = Lanes("store of evidence", KEYS_AT_ONCE)

    @property
    def words(self) -> Gone:
        """What was erased here and must be erased in the store."""
        return self._words

    def waiting(self) -> int:
        """Return how many finished objects wait to go to the store."""
        return sum(1 for _ in self._root.glob(f"*/*{SUFFIX}"))

    def shelve(self, enough: Callable[[], bool] = lambda: False) -> int:
        """Bring finished objects to the store until `enough`; return how many went.

        What cannot go keeps nothing else here, unless the store is away; at the end its errors are
        raised. While another process brings them, none go.
        """
        with self._alone() as alone:
            return self._shelve_all(enough) if alone else 0

    def _shelve_all(self, enough: Callable[[], bool]) -> int:
        gone, kept = 0, list[Exception]()
        for path in sorted(self._root.glob(f"*/*{SUFFIX}")):
            if enough():
                break
            try:
                gone += self._shelve(path)
            except Exception as error:  # noqa: BLE001 - raised below
                kept.append(error)
                if isinstance(error, PlaceAway):
                    break  # for all of them
        self._forget_readings()
        self._blocks.forget_old()
        if kept:
            raise ExceptionGroup(f"not brought to the store: {len(kept)} objects", kept)
        return gone

    def follow(self) -> int:
        """Erase in the store what was erased here meanwhile; return how many objects.

        The words that the vault left stay: whoever has followed them everywhere takes them back.
        What cannot be erased keeps nothing else there; it is raised at the end.
        """
        erased, faults = 0, Faults()
        for one in list(self._words.all()):
            if faults.hopeless:
                break
            with faults.kept():
                if not one.evidence:
                    names = [held.name for held in self._place.names(f"{one.session}/")]
                    erased += sum([self._erase_there(name) for name in names])
                elif not any(path.exists() for path in self._paths(one.session, one.evidence)):
                    erased += self._erase_there(_name(one.session, one.evidence))
        faults.end("erasures")
        return erased

    def tidy(self) -> None:
        """Remove what broken uploads left behind in the store."""
        self._place.tidy()

    def finished(self, older_than_seconds: float) -> list[tuple[str, str]]:
        """Return session and id of every finished object that was written that long ago."""
        before = time.time() - older_than_seconds
        found = set(super().finished(older_than_seconds))
        for held in self._place.names():
            session, _, file = held.name.partition("/")
            if file.endswith(SUFFIX) and held.written < before:
                found.add((session, file.removesuffix(SUFFIX)))
        return sorted(found)

    def erase(self, session: str, evidence_id: str) -> bool:
        """Destroy one object for good; return whether there was one.

        One that is in the store is erased there, too, before this returns; while the store is
        away, `PlaceAway` is raised, and `follow` erases it later.
        """
        fresh = any(path.exists() for path in self._paths(session, evidence_id))
        existed = super().erase(session, evidence_id)
        shelved = destroy(self._reading(session, evidence_id))
        if fresh and not shelved:
            # It has never left this disk: should it be on its way at this moment, `shelve` sees
            # that it has gone, and `follow` does.
            return existed
        return self._erase_there(_name(session, evidence_id)) or existed or shelved

    def forget(self, session: str) -> None:
        """Destroy the session's key here and in the store, then its objects."""
        super().forget(session)
        names = sorted(held.name for held in self._place.names(f"{session}/"))
        for name in sorted(names, key=lambda one: not one.endswith(f"/{KEY_NAME}")):
            self._erase_there(name)

    def _erase_there(self, name: str) -> bool:
        """Erase an object in the store, and forget what came of it."""
        try:
            return self._place.erase(name)
        finally:
            self._blocks.drop(name)

    def _shelve(self, path: Path) -> bool:
        session, ident = path.parent.name, path.stem
        name = _name(session, ident)
        older = self._words.find(session, ident)
        if older is not None:
            self._place.erase(name)
        try:
            self._shelve_key(session)
            self._place.put(name, path)
            path.replace(self._reading(session, ident))
        except (FileNotFoundError, PlaceAway):
            if path.exists():
                raise
            # Gone while it was on its way. Only a word says that it was erased: without one,
            # another process has brought it to the store, which may have the only copy.
            if self._word(session, ident) is not None:
                self._place.erase(name)
            return False
        if older is not None:
            older.done()
        return True

    def _alone(self) -> contextlib.AbstractContextManager[bool]:
        """Say whether nobody else shelves this root, and keep others out meanwhile."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return locked(os.open(self._root / SHELVING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _word(self, session: str, evidence_id: str) -> Erased | None:
        """Return the word that this object, or all of its session, was erased."""
        return self._words.find(session, evidence_id) or self._words.find(session, "")

    def _shelve_key(self, session: str) -> None:
        """Bring the session's key to the store; one that was wrapped anew replaces the older."""
        name, ours = f"{session}/{KEY_NAME}", self.keys.path(session)
        try:
            self._place.put(name, ours)
        except PlaceTaken:
            theirs = ours.with_name(f"key.{secrets.token_hex(8)}.tmp")
            try:
                self._place.fetch(name, theirs)
                same = self.keys.opened(session, theirs.read_bytes()) == self.keys.find(session)
            finally:
                theirs.unlink(missing_ok=True)
            if not same:
                raise
            self._place.put(name, ours, replace=True)

    def open(self, session: str, evidence_id: str) -> Reader:
        """Open a finished object, as any vault does; may raise PlaceAway and EvidenceStoreFull.

        Where its pieces come from the store, reading may raise PlaceAway and NotFound, too.
        """
        reader = self._from_afar(session, evidence_id)
        if reader is not None:
            return reader
        try:
            return super().open(session, evidence_id)
        except NotFound:
            # Its reading copy may have made room for something in this very moment.
            if self._located(session, evidence_id) is None:
                raise
            return super().open(session, evidence_id)

    def _from_afar(self, session: str, evidence_id: str) -> Reader | None:
        """Open what only the store has, to read pieces of it; None for what must come whole."""
        part, _ = self._paths(session, evidence_id)
        if self._here(session, evidence_id) is not None or part.exists():
            return None
        if self._word(session, evidence_id) is not None:
            return None
        source = Afar(self._blocks, _name(session, evidence_id))
        try:
            found = stream.even_layout(source.size())
            if found is None:
                return None
            return Reader(source, found, self._cipher(source, session, evidence_id), evidence_id)
        except NotFound:
            if self._here(session, evidence_id) is None:
                raise
        except WholeOnly:
            pass
        except EvidenceDamaged:
            # The guess where its records lie may be wrong: the whole object has the last word.
            source.doubt()
        return None

    def _located(self, session: str, evidence_id: str) -> Path | None:
        part, _ = self._paths(session, evidence_id)
        here = self._here(session, evidence_id)
        if here is not None or part.exists():
            return here
        if self._words.find(session, evidence_id) is not None:
            return None
        return self._fetched(session, evidence_id, self._reading(session, evidence_id))

    def _here(self, session: str, evidence_id: str) -> Path | None:
        whole = super()._here(session, evidence_id)
        if whole is not None:
            return whole
        reading = self._reading(session, evidence_id)
        try:
            os.utime(reading)
        except FileNotFoundError:
            return None
        return reading

    def _fetched(self, session: str, evidence_id: str, reading: Path) -> Path | None:
        """Bring an object from the store, if it has it; who asks meanwhile waits for the same."""
        name = _name(session, evidence_id)
        return self._coming.once(name, lambda: self._bring(session, evidence_id, reading))

    def _room(self, name: str, size: int) -> None:
        """Keep room for what is about to come; raises EvidenceStoreFull when there is none."""
        with self._lock:
            self._rooms[name] = size
            wanted = sum(self._rooms.values())
        self._check(self._reserve + wanted)

    def _check(self, reserve: int) -> None:
        """Let reading copies make room for what can be had nowhere else, and for each other."""
        try:
            super()._check(reserve)
        except EvidenceStoreFull:
            if not self._forget_readings(everything=True):
                raise
            super()._check(reserve)

    def _bring(self, session: str, evidence_id: str, reading: Path) -> Path | None:
        reading.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = reading.with_name(f"{evidence_id}.{secrets.token_hex(8)}.tmp")
        name = _name(session, evidence_id)
        try:
            self._place.fetch(name, temporary, partial(self._room, name))
            # Erased while it was on its way: it must not come back.
            if self._words.find(session, evidence_id) is not None:
                return None
            temporary.replace(reading)
            # Once more: the erasure may have found nothing here a moment before.
            if self._word(session, evidence_id) is not None:
                destroy(reading)
                return None
        except NotFound:
            return None
        finally:
            temporary.unlink(missing_ok=True)
            with self._lock:
                self._rooms.pop(name, None)
        return reading

    def _session_key(self, session: str, *, create: bool) -> bytes:
        now = time.monotonic()
        if not self.keys.path(session).exists() and not (create and now < self._away_until):
            try:
                self._bring_key(session, soon=create)
            except PlaceAway:
                # A session that begins meanwhile gets a key of its own all the same.
                self._away_until = time.monotonic() + AWAY_S
                if not create:
                    raise
        return super()._session_key(session, create=create)

    def _bring_key(self, session: str, *, soon: bool) -> None:
        path = self.keys.path(session)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"key.{secrets.token_hex(8)}.tmp")
        fetch = partial(self._place.fetch, f"{session}/{KEY_NAME}", temporary)
        with contextlib.suppress(NotFound):
            try:
                if soon:
                    self._asking.within(KEY_S, fetch)
                else:
                    fetch()
                self.keys.keep(session, temporary.read_bytes())
            except TimeoutError:
                raise PlaceAway(f"no key has come within {KEY_S:g} s") from None
            except Busy as error:
                raise PlaceAway(str(error)) from error
            finally:
                temporary.unlink(missing_ok=True)

    def _reading(self, session: str, evidence_id: str) -> Path:
        _, whole = self._paths(session, evidence_id)
        return whole.with_suffix(READING)

    def _forget_readings(self, *, everything: bool = False) -> int:
        """Remove old reading copies; all of them when the disk is getting full. Return how many.

        Whoever has one open goes on reading it.
        """
        full = everything or (
            self._root.exists() and shutil.disk_usage(self._root).free < 2 * self._reserve
        )
        gone = 0
        for path in self._root.glob(f"*/*{READING}"):
            with contextlib.suppress(FileNotFoundError):
                if full or time.time() - path.stat().st_mtime > READ_AGAIN_S:
                    path.unlink()
                    gone += 1
        return gone


def _name(session: str, evidence_id: str) -> str:
    return f"{session}/{evidence_id}{SUFFIX}"
