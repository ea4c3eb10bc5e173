"""What the exam office does not own, as protocols of plain values."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day and the time that has passed."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences have a meaning."""
        ...


class Signer(Protocol):
    """A private signing key and its public name."""

    @property
    def key_id(self) -> str:
        """The public name of the key, as published in the key set."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes, RFC 8032) of exactly these bytes."""
        ...


class Sealer(Protocol):
    """Turns a finished record into bytes that anybody can verify."""

    def seal(self, payload: bytes) -> bytes:
        """Return the compact JWS (RFC 7515, alg Ed25519 of RFC 9864) over exactly `payload`."""
        ...
