"""The service's own keys: made at the first start, kept under `var/keys`, readable by it alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recordings.seal import SigningKey

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key that signs records, the one that wraps evidence keys, and the one for links.

    `pepper` is that of the digests by which a document is known again.
    """

    signing: SigningKey
    wrap: bytes
    secret: bytes
    pepper: bytes


def open_keyring(folder: Path) -> Keyring:
    """Return the keys kept in `folder`, making those that are missing.

    Raises `ValueError` for a damaged one: a new key in its place would not open the old evidence.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    signing = folder / "signing.pem"
    _make(signing, SigningKey.generate().save)
    return Keyring(
        SigningKey.load(signing),
        *(_random(folder / name) for name in ("wrap.key", "secret.key", "pepper.key")),
    )


def _random(path: Path) -> bytes:
    _make(path, _save_random)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path.name} holds {len(key)} bytes, not the {KEY_BYTES} of a key")
    return key


def _make(path: Path, save: Callable[[Path], None]) -> None:
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


def _save_random(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
