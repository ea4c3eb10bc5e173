"""What wraps the keys of sessions: keys that are kept away from the evidence.

A wrapped key says which key wrapped it, so that a key can be changed while the older ones still
open:

```
wrapped = magic (8) name (8) nonce (12) ciphertext (32) tag (16)
```

AES-256-GCM; the context (whose key it is) is associated data. `name` is the beginning of SHA-256
over a label and the wrapping key. What was written before keys had names is nonce, ciphertext and
tag alone, and is still opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from invigilation.errors import Busy

KEY_BYTES = 32
MAGIC = b"INVWRAP2"
FAMILY = b"INVWRAP"
"""So begins whatever was wrapped by a key that has a name, here or at a key service."""
NAME_BYTES = 8
NONCE_BYTES = 12
SEALED_BYTES = NONCE_BYTES + KEY_BYTES + 16
KEY_FILE = "wrap.key"
_LABEL = b"invigilation-wrap-key/1\0"


class WrongKey(ValueError):
    """None of the keys at hand opens it: it was wrapped by another one, it seems."""


class WrappedChanged(WrongKey):
    """The very key that wrapped it is at hand and does not open it: it was changed, or swapped."""


class KeysAway(Busy):
    """The service that keeps the keys does not answer, or refuses; `why` is for the log."""

    def __init__(self, why: str) -> None:
        super().__init__("key service")
        self.why = why
        self.add_note(why)


class WrapKeys(Protocol):
    """Wraps keys of 32 bytes and opens them again. Its methods may block, in any thread."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the key, wrapped by the newest key; raises `KeysAway`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the key; raises `WrongKey` and `KeysAway`."""
        ...

    def newest(self, wrapped: bytes) -> bool:
        """Say whether it is wrapped by the key that wraps now; raises `KeysAway`."""
        ...


class LocalKeys:
    """Keys that this process holds: the first one wraps, all of them open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a wrap key has {KEY_BYTES} bytes")
        self._keys = {name_of(key): AESGCM(key) for key in keys}
        self._first = name_of(keys[0])

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the key, wrapped by the first of ours."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._first].encrypt(nonce, key, context)
        return MAGIC + self._first + nonce + sealed

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the key; raises `WrongKey`."""
        name, sealed = _parted(wrapped)
        wanted = [self._keys[name]] if name in self._keys else []
        for one in wanted if name else self._keys.values():
            try:
                return one.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
            except (InvalidTag, ValueError):
                continue
        elsewhere = not name and wrapped.startswith(FAMILY)
        if wanted or (len(sealed) != SEALED_BYTES and not elsewhere):
            raise WrappedChanged("it is not what was written")
        raise WrongKey("no key at hand opens it")

    def newest(self, wrapped: bytes) -> bool:
        """Say whether the first of ours wrapped it."""
        return _parted(wrapped)[0] == self._first


class FileKeys:
    """Keys in files: `wrap.key` wraps; those that were retired, `wrap-NAME.key`, still open.

    A rotation by another process counts at once: the file's time is looked at before each use.
    """

    def __init__(self, folder: Path) -> None:
        """Read them; raises ValueError for a damaged one, OSError for one that is missing."""
        self._folder = folder
        self._stamp = self._now()
        self._known = LocalKeys(read_files(folder))

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the key, wrapped by `wrap.key`."""
        return self._fresh().wrap(key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the key; raises `WrongKey`."""
        return self._fresh().unwrap(wrapped, context)

    def newest(self, wrapped: bytes) -> bool:
        """Say whether `wrap.key` wrapped it."""
        return self._fresh().newest(wrapped)

    def _fresh(self) -> LocalKeys:
        try:
            stamp = self._now()
        except FileNotFoundError:
            return self._known  # the key was moved elsewhere while we run
        if stamp != self._stamp:
            self._known = LocalKeys(read_files(self._folder))
            self._stamp = stamp
        return self._known

    def _now(self) -> tuple[int, int]:
        found = (self._folder / KEY_FILE).stat()
        return found.st_mtime_ns, found.st_ino


class Either:
    """The first wraps; what it cannot open, the others open: for the way from one to another."""

    def __init__(self, first: WrapKeys, older: Iterable[WrapKeys]) -> None:
        self._first = first
        self._older = tuple(older)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the key, wrapped by the first."""
        return self._first.wrap(key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the key; raises `WrongKey` and `KeysAway`."""
        changed: WrappedChanged | None = None
        for one in (self._first, *self._older):
            try:
                return one.unwrap(wrapped, context)
            except WrappedChanged as error:
                changed = error
            except WrongKey:
                continue
        raise changed or WrongKey("no key at hand opens it")

    def newest(self, wrapped: bytes) -> bool:
        """Say whether the first wraps so."""
        return self._first.newest(wrapped)


def name_of(key: bytes) -> bytes:
    """Return the name of a wrap key, which says nothing about it."""
    return hashlib.sha256(_LABEL + key).digest()[:NAME_BYTES]


def read_files(folder: Path) -> list[bytes]:
    """Return the keys kept in a folder, the one in use first; raises OSError and ValueError."""
    files = [folder / KEY_FILE, *sorted(folder.glob("wrap-*.key"))]
    found = [file.read_bytes() for file in files]
    for file, key in zip(files, found, strict=True):
        if len(key) != KEY_BYTES:
            raise ValueError(f"{file.name} holds {len(key)} bytes, not the {KEY_BYTES} of a key")
    return found


def _parted(wrapped: bytes) -> tuple[bytes, bytes]:
    """Return the name of the key that wrapped it (empty before there were names) and the rest."""
    if wrapped.startswith(MAGIC):
        begins = len(MAGIC) + NAME_BYTES
        return wrapped[len(MAGIC) : begins], wrapped[begins:]
    return b"", wrapped
