"""The service's own keys: made at the first start, kept under `var/keys`, readable by it alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recordings.seal import SigningKey
from recordings.signing import HISTORY, KEY, SigningKeys, begin_history
from recordings.wrap_keys import KEY_FILE, Either, FileKeys, WrapKeys, WrongKey

KEY_BYTES = 32
ROOT = "database.wrapped"
_ROOT_CONTEXT = b"invigilation database secrets/1"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that sign records, those that wrap keys of evidence, and the one for links.

    `database` is the root of the keys under which the database keeps what must be readable again;
    it lies wrapped, too. `pepper` is that of the digests by which a document is known again.
    """

    signing: SigningKeys
    wrapping: WrapKeys
    database: bytes
    secret: bytes
    pepper: bytes


def open_keyring(
    folder: Path, now: datetime | None = None, outside: WrapKeys | None = None
) -> Keyring:
    """Return the keys kept in `folder`, making those that are missing.

    `outside` are wrap keys that are kept elsewhere; then none is made here, and one that is here
    only opens. Raises `ValueError` for a damaged key: a new one in its place would not open the
    old evidence; and `KeysAway`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / HISTORY).exists():
        make_once(folder / KEY, SigningKey.generate().save)
        begin_history(folder, now or datetime.now(UTC), write_once)
    wrapping, older = _wrapping(folder, outside)
    return Keyring(
        SigningKeys(folder),
        wrapping,
        _root(folder / ROOT, wrapping, older),
        link_secret(folder),
        _random(folder / "pepper.key"),
    )


def link_secret(folder: Path) -> bytes:
    """Return the key of links and tokens alone, made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _random(folder / "secret.key")


def rewrap_root(folder: Path, wrapping: WrapKeys) -> bool:
    """Have the newest wrap key wrap the database's root; say whether another one had."""
    path = folder / ROOT
    wrapped = path.read_bytes()
    if wrapping.newest(wrapped):
        return False
    root = wrapping.unwrap(wrapped, _ROOT_CONTEXT)
    replace_key(path, wrapping.wrap(root, _ROOT_CONTEXT))
    return True


def replace_key(path: Path, data: bytes) -> None:
    """Put another file in the place of a key, at one stroke."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _save(part, data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)


def _wrapping(folder: Path, outside: WrapKeys | None) -> tuple[WrapKeys, bytes | None]:
    """Return the wrap keys, and the one in the folder that was there before."""
    file = folder / KEY_FILE
    older = file.read_bytes() if file.exists() else None
    if outside is None:
        _random(file)
        return FileKeys(folder), older
    return outside if older is None else Either(outside, [FileKeys(folder)]), older


def _root(path: Path, wrapping: WrapKeys, older: bytes | None) -> bytes:
    """Return the root of the database's keys; it began as the wrap key where that is older."""
    if not path.exists():
        wrapped = wrapping.wrap(older or secrets.token_bytes(KEY_BYTES), _ROOT_CONTEXT)
        make_once(path, lambda part: _save(part, wrapped))
    try:
        return wrapping.unwrap(path.read_bytes(), _ROOT_CONTEXT)
    except WrongKey as error:
        raise ValueError(f"{path.name} does not open: {error}") from None


def write_once(path: Path, data: bytes) -> None:
    """Write a file for our eyes only, unless it is there."""
    make_once(path, lambda part: _save(part, data))


def _random(path: Path) -> bytes:
    make_once(path, lambda part: _save(part, secrets.token_bytes(KEY_BYTES)))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path.name} holds {len(key)} bytes, not the {KEY_BYTES} of a key")
    return key


def make_once(path: Path, save: Callable[[Path], None]) -> None:
    """Make the file if it is missing: whole or not at all, and in a race the first one stays."""
    if path.exists():
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        save(part)
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _save(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
