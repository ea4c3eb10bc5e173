"""The service's own keys: made at the first start, kept under `var/keys`, readable by it alone."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from recordings.seal import SigningKey

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key that signs records, the one that wraps evidence keys, and the one for links."""

    signing: SigningKey
    wrap: bytes
    secret: bytes


def open_keyring(folder: Path) -> Keyring:
    """Return the keys kept in `folder`, making those that are missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    signing = folder / "signing.pem"
    if not signing.exists():
        SigningKey.generate().save(signing)
    return Keyring(
        SigningKey.load(signing), _random(folder / "wrap.key"), _random(folder / "secret.key")
    )


def _random(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return path.read_bytes()
