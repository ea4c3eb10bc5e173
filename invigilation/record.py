"""The record of a session: an append-only, hash-chained, signed list of what happened.

Each entry's body is canonical JSON (sorted keys, no spaces, UTF-8) that names the SHA-256 of the
body before it; the Ed25519 signature (RFC 8032) is over the body's exact bytes, which are stored
as they are. What may have to be erased one day (names, chat, notes) enters as a keyed commitment,
HMAC-SHA256 (RFC 2104) under a random key of its own, which is its seal. Key and text are kept
apart, as its opening: once that is gone nobody can tell what was said, and the chain still
verifies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from invigilation.ports import Clock, Signer

Plain = str | int | bool | None
Data = Mapping[str, Plain]
Facts = Mapping[str, object]
"""What may stand in an entry: as `Data`, or with lists and objects in it; JSON."""
FIRST_PREVIOUS = "0" * 64
Texts = Mapping[str, str]
NO_TEXTS: Texts = MappingProxyType({})
EVENT_VERSION = 3
"""Version 1 had no `monotonic_ms`, version 2 no `sealed`."""
ATTESTATION_FORMAT = "invigilation-attestation/2"
SEAL_KEY_BYTES = 32
SEALED = "sealed"
"""The one member of what stands in an attestation in the place of a text."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many entries, and the hex SHA-256 of the last body."""

    seq: int
    digest: str


EMPTY = Head(0, FIRST_PREVIOUS)


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a seal: HMAC-SHA256 of `text` under `key` is `seal` (hex)."""

    seal: str
    key: bytes
    text: str

    @classmethod
    def of(cls, text: str) -> Opening:
        """Seal a text under a fresh key."""
        key = secrets.token_bytes(SEAL_KEY_BYTES)
        return cls(commitment(key, text), key, text)


class Envelope:
    """Takes the private texts of one document; what stands in the document are their seals."""

    def __init__(self) -> None:
        self.openings: list[Opening] = []

    def seal(self, text: str) -> dict[str, str]:
        """Return what stands in a document in the place of `text`: `{"sealed": HEX}`."""
        opening = Opening.of(text)
        self.openings.append(opening)
        return {SEALED: opening.seal}

    def text(self, text: str | None) -> dict[str, str] | None:
        """Seal a text that may be missing or empty: then None stands in its place."""
        return self.seal(text) if text else None


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
    """One thing that happened, signed; `private` opens what of it has not been erased."""

    session: str
    seq: int
    at: datetime
    kind: str
    actor: str
    body: bytes
    signature: bytes
    key_id: str
    private: tuple[Opening, ...] = ()

    @property
    def head(self) -> Head:
        """The chain's head once this entry is its last."""
        return Head(self.seq, hashlib.sha256(self.body).hexdigest())

    @property
    def data(self) -> dict[str, Plain]:
        """What the entry says beside its kind, with those private texts that are still kept."""
        body = json.loads(self.body)
        data: dict[str, Plain] = body["data"]
        texts = {one.seal: one.text for one in self.private}
        sealed: dict[str, str] = body.get("sealed", {})
        return data | {name: texts[seal] for name, seal in sealed.items() if seal in texts}

    @property
    def seals(self) -> dict[str, str]:
        """The seals of its private texts, by their names; empty for entries before version 3."""
        sealed: dict[str, str] = json.loads(self.body).get("sealed", {})
        return sealed


def canonical(value: object) -> bytes:
    """Return the one JSON text of `value` that is signed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def write(
    previous: Head,
    session: str,
    when: Moment,
    kind: str,
    actor: str,
    data: Facts,
    signer: Signer,
    private: Texts = NO_TEXTS,
) -> Entry:
    """Return the entry that follows `previous`, signed by `signer`.

    `data` stands in it for ever; of `private` only the seals do, and nothing of an empty text.
    """
    key = signer.current()
    seq = previous.seq + 1
    openings = {name: Opening.of(text) for name, text in private.items() if text}
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
            "sealed": {name: one.seal for name, one in openings.items()},
            "prev": previous.digest,
        }
    )
    signed = key.sign(body)
    kept = tuple(openings.values())
    return Entry(session, seq, when.at, kind, actor, body, signed, key.key_id, kept)


def stamp(at: datetime) -> str:
    """Return the moment in RFC 3339, UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def commitment(key: bytes, text: str) -> str:
    """Return the keyed commitment (hex) that stands in the record for a text that may go."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def payload_of(attestation: bytes) -> dict[str, Any]:
    """Return what an attestation of our own says (compact JWS, RFC 7515); checks no signature."""
    part = attestation.split(b".")[1]
    payload: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    return payload


def keyed(openings: Iterable[Opening]) -> dict[str, object]:
    """Return openings as a file or a notice carries them: by their seals, keys in hex."""
    return {one.seal: {"key": one.key.hex(), "text": one.text} for one in openings}


def seals_in(value: object) -> Iterator[str]:
    """Yield the seals that stand in a document, wherever `{"sealed": HEX}` does."""
    if isinstance(value, dict):
        if set(value) == {SEALED} and isinstance(value[SEALED], str):
            yield value[SEALED]
            return
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from seals_in(one)


def opened(value: Any, openings: Iterable[Opening]) -> Any:
    """Return a document with its texts in the place of their seals; None where one is erased."""
    texts = {one.seal: one.text for one in openings}

    def read(part: Any) -> Any:
        if isinstance(part, list):
            return [read(one) for one in part]
        if not isinstance(part, dict):
            return part
        if set(part) == {SEALED}:
            return texts.get(part[SEALED])
        return {name: read(one) for name, one in part.items()}

    return read(value)
