"""The eleven steps, in their order. Every step that can be taken is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.x509 import Certificate

from . import anchors, chain, pieces
from .jws import signed_by
from .keys import Keys
from .record import Record, read
from .strict import parse
from .verdict import Found, NotVerified, Step, Verdict, take

ATTESTATION_FORMATS = frozenset({"invigilation-attestation/1", "invigilation-attestation/2"})
Data = bytes | memoryview


@dataclass(frozen=True, slots=True)
class _Attested:
    claims: dict[str, Any]
    payload: str
    key_id: str


def verify(
    data: Data,
    keys: Keys,
    authorities: tuple[Certificate, ...] = (),
    now: datetime | None = None,
    processes: int = 1,
) -> Verdict:
    """Check a record or a bundle in eleven steps.

    `authorities` are the certificates of time-stamp authorities that the reader trusts; `now` is
    when it is checked; `processes` share the work of a large file, see `signatures.first_broken`.
    Never raises, whatever the bytes are.
    """
    steps: list[Step] = []
    record = take(steps, 1, lambda: read(memoryview(data)))
    if record is None:
        return Verdict(tuple(steps))
    attested = take(steps, 2, lambda: _of_record(record, keys))
    claims = None if attested is None else attested.claims
    signer = "" if attested is None else attested.key_id
    take(steps, 3, lambda: chain.same_session(record, _there(claims)))
    take(steps, 4, lambda: chain.signatures(record, keys, processes))
    take(steps, 5, lambda: chain.unbroken(record))
    take(steps, 6, lambda: chain.times(record, claims, signer, keys))
    length = take(steps, 7, lambda: chain.ends(record, _there(claims)))
    take(steps, 8, lambda: pieces.evidence(record, _there(claims)))
    texts = take(steps, 9, lambda: pieces.texts(record, claims))
    take(steps, 10, lambda: pieces.report(record, length))
    at = now or datetime.now(UTC)
    take(steps, 11, lambda: anchors.witnessed(record, _there(claims), authorities, at))
    return Verdict(tuple(steps), None if attested is None else attested.payload, texts or {})


def verify_attestation(jws: bytes, keys: Keys) -> Verdict:
    """Check a bare attestation (`.jws`): its signature and format, and nothing beyond it."""
    steps: list[Step] = []
    attested = take(steps, 2, lambda: _attestation(jws.strip(), keys))
    return Verdict(tuple(steps), None if attested is None else attested.payload)


def verify_file(
    data: Data,
    keys: Keys,
    authorities: tuple[Certificate, ...] = (),
    now: datetime | None = None,
    processes: int = 1,
) -> Verdict:
    """Check a file of any kind: a bundle (ZIP), a record (JSON), or else a bare attestation."""
    begins = bytes(data[:64]).lstrip()
    if begins[:1] == b"{" or begins[:2] == b"PK":
        return verify(data, keys, authorities, now, processes)
    return verify_attestation(bytes(data), keys)


def _there(claims: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if claims is None:
        raise NotVerified("there is no attestation to hold it against")
    return claims


def _of_record(record: Record, keys: Keys) -> Found[_Attested]:
    if record.attestation is None:
        raise NotVerified("it has not been attested yet")
    return _attestation(record.attestation.encode(), keys)


def _attestation(jws: bytes, keys: Keys) -> Found[_Attested]:
    payload, key_id = signed_by(jws, keys)
    claims = parse(payload)
    if not isinstance(claims, dict) or claims.get("format") not in ATTESTATION_FORMATS:
        raise NotVerified("the format of what it signs is not known")
    return Found(_Attested(claims, payload.decode(), key_id), "yes, with a key that you trust")
