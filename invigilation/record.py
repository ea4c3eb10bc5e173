"""The record of a session: an append-only, hash-chained, signed list of what happened.

Each entry's body is canonical JSON (sorted keys, no spaces, UTF-8) that names the SHA-256 of the
body before it; the Ed25519 signature (RFC 8032) is over the body's exact bytes, which are stored
as they are. What may have to be erased one day (names, chat, notes) enters as a keyed commitment,
HMAC-SHA256 (RFC 2104) under a key of the session: when key and text are gone, the chain still
verifies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from invigilation.ports import Clock, Signer

Plain = str | int | bool | None
Data = Mapping[str, Plain]
FIRST_PREVIOUS = "0" * 64
EVENT_VERSION = 2
"""Version 1 had no `monotonic_ms`."""
ATTESTATION_FORMAT = "invigilation-attestation/1"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many entries, and the hex SHA-256 of the last body."""

    seq: int
    digest: str


EMPTY = Head(0, FIRST_PREVIOUS)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened: `at` in UTC, and the machine's monotonic clock in milliseconds.

    The second cannot be set: the time between two entries of one machine's run is true by it even
    where somebody has put the clock right in between.
    """

    at: datetime
    monotonic_ms: int

    @classmethod
    def of(cls, clock: Clock, at: datetime | None = None) -> Moment:
        """Read both clocks; `at` is what was read of the first just before, if it was."""
        return cls(at or clock.now(), round(clock.monotonic() * 1000))


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, signed."""

    session: str
    seq: int
    at: datetime
    kind: str
    actor: str
    body: bytes
    signature: bytes
    key_id: str

    @property
    def head(self) -> Head:
        """The chain's head once this entry is its last."""
        return Head(self.seq, hashlib.sha256(self.body).hexdigest())

    @property
    def data(self) -> dict[str, Plain]:
        """What the entry says beside its kind."""
        data: dict[str, Plain] = json.loads(self.body)["data"]
        return data


def canonical(value: object) -> bytes:
    """Return the one JSON text of `value` that is signed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def write(
    previous: Head, session: str, when: Moment, kind: str, actor: str, data: Data, signer: Signer
) -> Entry:
    """Return the entry that follows `previous`, signed by `signer`."""
    seq = previous.seq + 1
    body = canonical(
        {
            "v": EVENT_VERSION,
            "session": session,
            "seq": seq,
            "at": stamp(when.at),
            "monotonic_ms": when.monotonic_ms,
            "kind": kind,
            "actor": actor,
            "data": dict(data),
            "prev": previous.digest,
        }
    )
    return Entry(session, seq, when.at, kind, actor, body, signer.sign(body), signer.key_id)


def stamp(at: datetime) -> str:
    """Return the moment in RFC 3339, UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def commitment(key: bytes, text: str) -> str:
    """Return the keyed commitment (hex) that stands in the record for a text that may go."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
