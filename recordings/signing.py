"""The keys that have signed records: the one in use, and all before it with their times.

```
FOLDER/signing.pem       the private key in use (PKCS #8)
FOLDER/signing.json      a JWKS of all keys, the newest first: `nbf`, and `exp` once it is retired
FOLDER/signing.next.pem  the next private key, while a rotation is under way
```

`signing.json` decides: its first key is the one in use. A rotation writes the next key, then
`signing.json`, then puts the key into its place; whoever finds it half done completes it. Retired
private keys are not kept: nobody can sign with them any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from recordings.seal import SigningKey
from recordings.verify import DatedKey, KeysUnreadable, parse_keys

log = logging.getLogger(__name__)
TRIES = 10
KEY, NEXT, HISTORY = "signing.pem", "signing.next.pem", "signing.json"


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read, and of which state of the file."""

    stamp: tuple[int, int, int]
    key: SigningKey
    published: tuple[dict[str, Any], ...]
    trusted: dict[str, DatedKey]


class SigningKeys:
    """The keys of a folder. Satisfies the port `Signer`, always with the key in use.

    A rotation by another process counts at once: each signature looks at the file's time first.
    """

    def __init__(self, folder: Path) -> None:
        """Read the keys; raises ValueError for what is damaged, OSError for what is missing."""
        self._folder = folder
        self._known = self._read()
        self._refused: tuple[int, int, int] | None = None

    def current(self) -> SigningKey:
        """Return the key in use."""
        return self._now().key

    @property
    def key_id(self) -> str:
        """The RFC 7638 thumbprint of the key in use."""
        return self.current().key_id

    def sign(self, data: bytes) -> bytes:
        """Sign with the key in use; where its name counts, too, ask `current` for both."""
        return self.current().sign(data)

    def published(self) -> list[dict[str, Any]]:
        """Return all keys that ever signed as JWKs, the newest first, with `nbf` and `exp`."""
        return [dict(one) for one in self._now().published]

    def trusted(self) -> dict[str, DatedKey]:
        """Return all keys that ever signed, as the verifier takes them."""
        return dict(self._now().trusted)

    def _now(self) -> _Known:
        """Return what the folder says; while it says something damaged, what was known stays."""
        for _ in range(TRIES):
            stamp = self._stamp()
            if stamp in {self._known.stamp, self._refused}:
                break
            try:
                self._known = self._read()
            except (OSError, ValueError):
                if self._stamp() != stamp:
                    continue  # rotated once more meanwhile: an old key must not sign behind it
                log.exception("the keys that have changed cannot be read: the old ones stay")
                self._refused = stamp
        return self._known

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = (self._folder / HISTORY).stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def _read(self) -> _Known:
        stamp = self._stamp()
        data = (self._folder / HISTORY).read_bytes()
        published, trusted = tuple(_published(data)), parse_keys(data)
        return _Known(stamp, _in_use(self._folder, next(iter(trusted))), published, trusted)


def begin_history(folder: Path, now: datetime, once: Callable[[Path, bytes], None]) -> None:
    """Write the first history of a key that has none; `once` writes a file unless it is there.

    The key was made when its file was written; or earlier, by a clock that was put back.
    """
    key = SigningKey.load(folder / KEY)
    made = min(int((folder / KEY).stat().st_mtime), int(now.timestamp()))
    once(folder / HISTORY, _text([key.jwk() | {"nbf": made}]))


def rotate(folder: Path, now: datetime) -> tuple[str, SigningKey]:
    """Retire the key in use; return its name, and the key that signs from now on.

    Running processes take it with their next signature. The old private key is not needed: it may
    be lost. Raises ValueError for a damaged history, OSError where there is none.
    """
    with _alone(folder):
        old = _published((folder / HISTORY).read_bytes())
        key, at = SigningKey.generate(), int(now.timestamp())
        (folder / NEXT).unlink(missing_ok=True)
        key.save(folder / NEXT)
        retired = {**old[0], "exp": max(at, old[0]["nbf"])}
        _replace(folder / HISTORY, _text([key.jwk() | {"nbf": at}, retired, *old[1:]]))
        return str(old[0]["kid"]), _in_use(folder, key.key_id)


def _published(data: bytes) -> list[dict[str, Any]]:
    """Return the JWKs of a history, the newest first."""
    try:
        known = parse_keys(data)
    except KeysUnreadable as error:
        raise ValueError(f"{HISTORY} is damaged") from error
    found: list[dict[str, Any]] = json.loads(data)["keys"]
    if len(found) != len(known) or not all("nbf" in one for one in found):
        raise ValueError(f"{HISTORY} holds something else than keys that sign records")
    return found


def _in_use(folder: Path, key_id: str) -> SigningKey:
    """Return the private key of this name; if a rotation was left half done, complete it."""
    for name in (NEXT, KEY):
        try:
            key = SigningKey.load(folder / name)
        except FileNotFoundError:
            continue
        except ValueError:
            if name == NEXT:
                continue  # another rotation is just writing it
            raise
        if key.key_id != key_id:
            continue
        if name == NEXT:
            # Another process may have done it in this instant.
            with contextlib.suppress(FileNotFoundError):
                (folder / NEXT).replace(folder / KEY)
            _sync(folder)
        return key
    # Put into its place between the two looks, or lost.
    if not (folder / KEY).exists():
        raise ValueError(f"{KEY} is missing: bring it back, or begin with a new key (keys rotate)")
    key = SigningKey.load(folder / KEY)
    if key.key_id != key_id:
        raise ValueError(f"{KEY} is not the key that {HISTORY} says is in use")
    return key


def _text(keys: list[dict[str, Any]]) -> bytes:
    return json.dumps({"keys": keys}, indent=1).encode()


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one rotation at a time go on; the kernel frees the lock of a dead process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
