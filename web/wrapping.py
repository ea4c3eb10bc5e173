"""Secrets that must be readable again, kept wrapped in the database (AES-256-GCM)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


@dataclass(frozen=True, slots=True)
class Wrapping:
    """Wraps and unwraps texts with one key of 32 bytes."""

    key: bytes

    def wrap(self, name: str, secret: str) -> bytes:
        """Return the secret, wrapped; it opens under the same name only."""
        nonce = os.urandom(NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, secret.encode(), name.encode())

    def open(self, name: str, wrapped: bytes) -> str:
        """Return the secret; raises `ValueError` for one that was wrapped otherwise."""
        try:
            plain = AESGCM(self.key).decrypt(wrapped[:NONCE], wrapped[NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise ValueError(f"the secret {name} cannot be opened with this key") from None
        return plain.decode()
