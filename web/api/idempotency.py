"""Saying something twice has one effect: the `Idempotency-Key` header of every POST.

Follows draft-ietf-httpapi-idempotency-key-header. Only what took effect is kept: an operation that
is refused or fails sets its key free, so that the same key may be tried again once the reason is
gone (a charge is paid, a fault is mended). Behind the keys each operation is idempotent in the
database as well: a process that dies between effect and answer costs nothing.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from web.api.problems import RETRY_AFTER_S, Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_FOR = timedelta(hours=24)
"""How long a key and its answer live."""
IN_FLIGHT_FOR = timedelta(seconds=60)
"""After this a key without an answer is free again: its process has died."""
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Fresh:
    """The key is new, or free again, and is now held by this request."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The key has an answer: its status and its exact bytes."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key came before with another request."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """The first request with this key has no answer yet."""


Begun = Fresh | Replay | Mismatch | InFlight


class IdempotencyStore(Protocol):
    """Keys, request digests and answers, by client. The database settles who is first."""

    async def begin(self, client: str, key: str, digest: str) -> Begun:
        """Take the key for this request, or say what is known of it.

        A key older than `KEPT_FOR`, and one in flight for longer than `IN_FLIGHT_FOR`, counts as
        new.
        """
        ...

    async def finish(self, client: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer of a request that took effect."""
        ...

    async def abandon(self, client: str, key: str) -> None:
        """Set the key free: the request had no effect."""
        ...


def parse_key(value: str | None) -> str:
    """Return the key of that header; raises `Problem` key_missing."""
    if value is None or not _KEY.fullmatch(value):
        raise Problem(
            "key_missing",
            f"Every POST needs the header {HEADER}: 1 to 255 visible ASCII characters.",
        )
    return value


def digest_of(method: str, path: str, body: bytes) -> str:
    """Return the SHA-256 (hex) that tells one request from another under the same key."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def refusal(begun: Mismatch | InFlight) -> Problem:
    """Return the problem for a key that cannot be used now."""
    if isinstance(begun, InFlight):
        return Problem(
            "key_in_flight",
            "The first request with this key has no answer yet. Ask again in a moment.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    return Problem("key_reused", "This key came before with another request. Take a new one.")
