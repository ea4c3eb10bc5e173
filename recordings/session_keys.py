"""The keys of sessions as they lie beside the evidence: wrapped, one file a session."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from invigilation.errors import NotFound
from recordings import stream
from recordings.appender import disk_errors, sync_folder
from recordings.errors import EvidenceDamaged, KeyUnknown
from recordings.wrap_keys import WrapKeys, WrappedChanged, WrongKey

log = logging.getLogger(__name__)
KEY_NAME = "key"
PROBED, PROBE_S = 4, 600.0
MOST_UNKNOWN = 1_000
_CONTEXT = b"invigilation-session-key/1\0"


class SessionKeys:
    """Makes and opens `ROOT/SESSION/key`. Its methods block."""

    def __init__(self, root: Path, wrap: WrapKeys) -> None:
        self._root = root
        self._wrap = wrap
        self.unknown: dict[str, None] = {}
        """Sessions whose key did not open when it was last needed, for want of a wrap key."""
        self._said = set[str]()
        self._probed = -PROBE_S

    def path(self, session: str) -> Path:
        """Return where the wrapped key of a session lies."""
        return self._root / session / KEY_NAME

    def find(self, session: str) -> bytes:
        """Return the key; raises NotFound, EvidenceDamaged, KeyUnknown, KeysAway."""
        try:
            wrapped = self.path(session).read_bytes()
        except FileNotFoundError:
            raise NotFound("evidence", session) from None
        try:
            key = self.opened(session, wrapped)
        except KeyUnknown:
            self._note(session)
            raise
        self.unknown.pop(session, None)
        self._said.discard(session)
        return key

    def opened(self, session: str, wrapped: bytes) -> bytes:
        """Return what such a file holds; raises EvidenceDamaged, KeyUnknown, KeysAway.

        It is called damaged only where the key that wrapped it is at hand: a key that is missing
        today may be there again tomorrow, and nothing may be given up meanwhile.
        """
        try:
            return self._wrap.unwrap(wrapped, context_of(session))
        except WrappedChanged:
            raise EvidenceDamaged(session, "the session's key does not unwrap") from None
        except WrongKey:
            raise KeyUnknown(session) from None

    def probe(self) -> None:
        """Try keys that did not open, and now and then the newest ones; raises KeysAway.

        So `unknown` tells of a wrong wrap key soon after the start, and that it is back.
        """
        asked = [*self.unknown]
        if time.monotonic() - self._probed >= PROBE_S:
            found = sorted(self._root.glob(f"*/{KEY_NAME}"), key=_age)
            asked = [path.parent.name for path in found[:PROBED]] + asked
            self._probed = time.monotonic()
        failed = 0
        for session in asked:
            self.unknown.pop(session, None)
            try:
                self.find(session)
            except (NotFound, EvidenceDamaged):
                continue
            except KeyUnknown:
                failed += 1
                if failed > PROBED:
                    return

    def _note(self, session: str) -> None:
        if session not in self._said:
            log.error("the key of a session is not at hand: %s; nothing of it opens", session)
        if len(self.unknown) < MOST_UNKNOWN:
            self.unknown[session] = None
            self._said.add(session)

    def make(self, session: str) -> None:
        """Make a key if there is none yet."""
        key = secrets.token_bytes(stream.KEY_BYTES)
        self.keep(session, self._wrap.wrap(key, context_of(session)))

    def keep(self, session: str, wrapped: bytes) -> None:
        """Keep a wrapped key, unless there is one."""
        path = self.path(session)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"key.{secrets.token_hex(8)}.tmp")
        try:
            with disk_errors(session):
                write_private(temporary, (wrapped,))
                # Of two threads that make the first key of a session, one link wins for both.
                with contextlib.suppress(FileExistsError):
                    os.link(temporary, path)
                sync_folder(path.parent)
                sync_folder(path.parent.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def rewrapped(self, session: str, wrapped: bytes) -> bytes | None:
        """Return it wrapped by the newest key, or None if it is. Raises as `opened` does."""
        if self._wrap.newest(wrapped):
            return None
        return self._wrap.wrap(self.opened(session, wrapped), context_of(session))

    def rewrap(self, session: str) -> bool:
        """Have the newest key wrap it; say whether another one had. Raises as `find` does."""
        path = self.path(session)
        try:
            wrapped = self.rewrapped(session, path.read_bytes())
        except FileNotFoundError:
            return False
        if wrapped is None:
            return False
        temporary = path.with_name(f"key.{secrets.token_hex(8)}.tmp")
        try:
            write_private(temporary, (wrapped,))
            # Forgotten meanwhile: it must not come back.
            if path.exists():
                temporary.replace(path)
                sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def all(self) -> Iterator[str]:
        """Yield the sessions that have a key here."""
        for path in sorted(self._root.glob(f"*/{KEY_NAME}")):
            yield path.parent.name

    def forget(self, session: str) -> None:
        """Overwrite and remove the key of a session."""
        path = self.path(session)
        with contextlib.suppress(FileNotFoundError):
            with path.open("r+b") as file:
                file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)


def _age(path: Path) -> float:
    """Order files, the newest first; one that has gone meanwhile comes last."""
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def context_of(session: str) -> bytes:
    """Return what binds a wrapped key to its session."""
    return _CONTEXT + session.encode()


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a new file for our eyes only, and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
