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

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that sign records, the one that wraps evidence keys, and the one for links.

    `pepper` is that of the digests by which a document is known again.
    """

    signing: SigningKeys
    wrap: bytes
    secret: bytes
    pepper: bytes


def open_keyring(folder: Path, now: datetime | None = None) -> Keyring:
    """Return the keys kept in `folder`, making those that are missing.

    Raises `ValueError` for a damaged one: a new key in its place would not open the old evidence.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / HISTORY).exists():
        make_once(folder / KEY, SigningKey.generate().save)
        begin_history(folder, now or datetime.now(UTC), write_once)
    return Keyring(
        SigningKeys(folder),
        *(_random(folder / name) for name in ("wrap.key", "secret.key", "pepper.key")),
    )


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
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _save(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
