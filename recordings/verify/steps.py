"""The eleven steps, in their order. Every step that can be taken is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from cryptography.x509 import Certificate

from . import anchors, chain, pieces
from .jws import MAX_JWS_BYTES, signed_by
from .keys import Keys, check_time
from .record import Record, read
from .strict import instant, parse
from .verdict import Found, Mark, NotVerified, Step, Verdict, take

_FIRST = "invigilation-attestation/1"
ATTESTATION_FORMATS = (_FIRST, "invigilation-attestation/2")
Data = bytes | memoryview
NO_KEYS: Keys = MappingProxyType({})


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
    backends: Keys = NO_KEYS,
) -> Verdict:
    """Check a record or a bundle in eleven steps.

    `authorities` are the certificates of time-stamp authorities that the reader trusts; `now` is
    when it is checked; `processes` share the work of a large file, see `signatures.first_broken`;
    `backends` are the keys of those who sign receipts, as far as the reader knows them.
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
    at, trusted = now or datetime.now(UTC), anchors.Trusted(authorities, backends)
    take(steps, 11, lambda: anchors.witnessed(record, _there(claims), trusted, at))
    return Verdict(tuple(steps), None if attested is None else attested.payload, texts or {})


def verify_attestation(jws: bytes, keys: Keys) -> Verdict:
    """Check a bare attestation (`.jws`): its signature, format and key, and nothing beyond them."""
    steps: list[Step] = []
    attested = take(steps, 2, lambda: _bare(jws, keys))
    if attested is not None:
        take(steps, 6, lambda: _in_time(attested, keys))
    return Verdict(tuple(steps), None if attested is None else attested.payload, bare=True)


def verify_file(
    data: Data,
    keys: Keys,
    authorities: tuple[Certificate, ...] = (),
    now: datetime | None = None,
    processes: int = 1,
    backends: Keys = NO_KEYS,
) -> Verdict:
    """Check a file of any kind: a bundle (ZIP), a record (JSON), or else a bare attestation."""
    begins = bytes(data[:64]).lstrip()
    if begins[:1] == b"{" or begins[:2] == b"PK":
        return verify(data, keys, authorities, now, processes, backends)
    return verify_attestation(bytes(data[: MAX_JWS_BYTES + 1]), keys)


def _there(claims: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if claims is None:
        raise NotVerified("there is no attestation to hold it against")
    return claims


def _of_record(record: Record, keys: Keys) -> Found[_Attested]:
    if record.attestation is None:
        raise NotVerified("it has not been attested yet")
    found = _attestation(record.attestation.encode(), keys)
    if record.version == 1 and found.value.claims["format"] != _FIRST:
        raise NotVerified("an attestation of this format stands in a record of the second one")
    return found


def _bare(jws: bytes, keys: Keys) -> Found[_Attested]:
    if len(jws) > MAX_JWS_BYTES:
        raise NotVerified("it is not a compact JWS")
    return _attestation(jws.strip(), keys)


def _in_time(attested: _Attested, keys: Keys) -> Found[None]:
    if "attested_at" not in attested.claims:
        return Found(None, "it does not say when it was signed", Mark.WARNING)
    try:
        check_time(keys, attested.key_id, instant(attested.claims["attested_at"]))
    except NotVerified as error:
        raise NotVerified(f"the attestation: {error}") from None
    return Found(None, "yes, by the time that the attestation gives")


def _attestation(jws: bytes, keys: Keys) -> Found[_Attested]:
    payload, key_id = signed_by(jws, keys)
    claims = parse(payload)
    if not isinstance(claims, dict) or claims.get("format") not in ATTESTATION_FORMATS:
        raise NotVerified("the format of what it signs is not known")
    return Found(_Attested(claims, payload.decode(), key_id), "yes, with a key that you trust")
