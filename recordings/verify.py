"""The offline verifier of a session's record: public keys alone, no network, no database.

This file imports nothing of the service but the standard library and `cryptography`, so that an
auditor can take it away and run it: `python verify.py RECORD KEYS`.

A record file is JSON, `invigilation-record/1`:
`{"format", "session", "events": [{"body", "signature", "key_id"}], "attestation",
"evidence": [{"id", "kind", "sha256", "size"}]}`. An event's body is canonical JSON (sorted keys,
no spaces, UTF-8) whose bytes are signed with Ed25519 (RFC 8032) and which names the SHA-256 of
the body before it. The attestation is a compact JWS (RFC 7515, `alg` Ed25519 of RFC 9864) whose
payload names the head of that chain, so that neither a missing tail nor a rewrite stays unseen.
Where an officer on board invigilates (`kind` onboard), the id of the officer's form is in the
place of the session's, and its record is that of the form.

Anything unknown is refused: a member more or less, a member twice, another algorithm.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Keys = Mapping[str, Ed25519PublicKey]
T = TypeVar("T")
M = TypeVar("M", str, int, list[Any], dict[str, Any])

RECORD_FORMATS = ("invigilation-record/1", "invigilation-record/2")
ATTESTATION_FORMATS = ("invigilation-attestation/1", "invigilation-attestation/2")
JWS_TYPE = "invigilation-attestation+jws"
JWS_ALGORITHM = "Ed25519"
MAX_FILE_BYTES = 64 * 1024 * 1024
CLOCK_TOLERANCE = timedelta(minutes=5)
FIRST_PREVIOUS = "0" * 64
_TITLES = {
    1: "The file is a session's record of a known format",
    2: "The attestation is signed",
    3: "Record, attestation and events name one session",
    4: "Every event is signed",
    5: "The chain of events is unbroken",
    6: "Times do not run backwards",
    7: "The chain ends where the attestation says",
    8: "The evidence is the attested evidence",
}
_RECORD_MEMBERS = {"format", "session", "events", "attestation", "evidence"}
_EVENT_MEMBERS = {"body", "signature", "key_id"}
_FIRST_BODY = {"v", "session", "seq", "at", "kind", "actor", "data", "prev"}
_SECOND_BODY = _FIRST_BODY | {"monotonic_ms"}
_BODY_MEMBERS = {1: _FIRST_BODY, 2: _SECOND_BODY, 3: _SECOND_BODY | {"sealed"}}
_EVIDENCE_MEMBERS = {"id", "kind", "sha256", "size"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Mark(StrEnum):
    """How a step came out; a warning does not fail the record."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered check, its outcome, and a plain sentence about it."""

    number: int
    mark: Mark
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All steps that were taken; `payload` is what the attestation says, if it is signed."""

    steps: tuple[Step, ...]
    payload: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there were steps and none of them failed."""
        return bool(self.steps) and all(step.mark is not Mark.FAILED for step in self.steps)


class NotVerified(Exception):
    """Something does not hold; the message is a plain clause that says what."""


class KeysUnreadable(ValueError):
    """The file holds no public Ed25519 key in JWKS or PEM form."""


@dataclass(frozen=True, slots=True)
class _Record:
    session: str
    events: tuple[dict[str, str], ...]
    attestation: str
    evidence: list[Any]


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    """What a step that did not fail found out."""

    value: T
    clause: str
    mark: Mark = Mark.OK


_WARNING = Mark.WARNING


def verify(record: bytes, keys: Keys) -> Verdict:
    """Check a record file in eight steps; every step that can be taken is taken.

    Never raises, whatever the bytes are.
    """
    steps: list[Step] = []
    parsed = _step(steps, 1, lambda: _read_record(record))
    if parsed is None:
        return Verdict(tuple(steps))
    payload = _step(steps, 2, lambda: _attested(parsed.attestation.encode(), keys))
    claims = payload[0] if payload else {}
    bodies = _bodies(parsed)
    _step(steps, 3, lambda: _same_session(parsed, claims, bodies))
    _step(steps, 4, lambda: _signatures(parsed, keys))
    _step(steps, 5, lambda: _chain(parsed, bodies))
    _step(steps, 6, lambda: _times(bodies))
    _step(steps, 7, lambda: _head(parsed, claims, bodies))
    _step(steps, 8, lambda: _evidence(parsed, claims))
    return Verdict(tuple(steps), payload[1] if payload else None)


def verify_attestation(jws: bytes, keys: Keys) -> Verdict:
    """Check a bare attestation (`.jws`): its signature and format, and nothing beyond it."""
    steps: list[Step] = []
    payload = _step(steps, 2, lambda: _attested(jws.strip(), keys))
    return Verdict(tuple(steps), payload[1] if payload else None)


def verify_file(data: bytes, keys: Keys) -> Verdict:
    """Check a file of either kind: a record (JSON), or else a bare attestation."""
    is_record = data.lstrip()[:1] == b"{"
    return verify(data, keys) if is_record else verify_attestation(data, keys)


def open_jws(jws: bytes, keys: Keys) -> bytes:
    """Return the payload of a compact JWS of ours, or raise NotVerified.

    The header must be exactly `alg` Ed25519, `typ` and a `kid` among `keys`; nothing in the
    document chooses how it is verified.
    """
    parts = jws.split(b".")
    if len(jws) > MAX_FILE_BYTES or len(parts) != 3:
        raise NotVerified("it is not a compact JWS")
    header = _json(_base64url(parts[0]))
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"}:
        raise NotVerified("its header is not one of ours")
    if header["alg"] != JWS_ALGORITHM:
        raise NotVerified("its algorithm is not Ed25519")
    if header["typ"] != JWS_TYPE:
        raise NotVerified("it is signed as another type of document")
    _check(keys, header["kid"], _base64url(parts[2]), parts[0] + b"." + parts[1])
    return _base64url(parts[1])


def load_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """Read public keys from a JWKS or PEM file, named by their RFC 7638 thumbprints.

    Raises KeysUnreadable, or OSError when the file cannot be read.
    """
    data = path.read_bytes()
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            key = load_pem_public_key(data)
            if not isinstance(key, Ed25519PublicKey):
                raise KeysUnreadable("The PEM file holds no Ed25519 key.")
            return {thumbprint(key): key}
        return dict(_jwk(item) for item in _member(_json(data), "keys", list))
    except (NotVerified, ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, KeysUnreadable):
            raise
        raise KeysUnreadable("The file holds no public key in JWKS or PEM form.") from error


def thumbprint(key: Ed25519PublicKey) -> str:
    """Return the RFC 7638 thumbprint (base64url SHA-256) of the key as an OKP JWK (RFC 8037)."""
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    text = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def render(verdict: Verdict) -> str:
    """Return the verdict as text for a terminal, in ASCII, whatever the file held."""
    lines = [f"{step.number}. [{step.mark:^7}] {step.sentence}" for step in verdict.steps]
    lines.append("")
    lines.append("VERIFIED." if verdict.ok else "NOT VERIFIED. Do not rely on this file.")
    if verdict.payload is not None:
        shown = json.dumps(json.loads(verdict.payload), indent=2)
        lines += ["", "What the attestation says:", shown]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Verify the file named on the command line; the exit code is 0 only when it verifies."""
    parser = argparse.ArgumentParser(description="Verify a record or attestation offline.")
    parser.add_argument("file", type=Path, help="the record (.json) or attestation (.jws)")
    parser.add_argument("keys", type=Path, help="the public keys (JWKS or PEM)")
    chosen = parser.parse_args(arguments)
    try:
        verdict = verify_file(chosen.file.read_bytes(), load_keys(chosen.keys))
    except (OSError, KeysUnreadable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(render(verdict))
    return 0 if verdict.ok else 1


def _step(steps: list[Step], number: int, check: Callable[[], _Found[T]]) -> T | None:
    """Take one step; whatever goes wrong in it is a failure of the file, never of ours."""
    try:
        found = check()
    except NotVerified as error:
        steps.append(Step(number, Mark.FAILED, f"{_TITLES[number]}: no, {error}."))
    except Exception as error:  # noqa: BLE001 - fail closed on what nobody thought of
        clause = f"it cannot be understood ({type(error).__name__})"
        steps.append(Step(number, Mark.FAILED, f"{_TITLES[number]}: no, {clause}."))
    else:
        steps.append(Step(number, found.mark, f"{_TITLES[number]}: {found.clause}."))
        return found.value
    return None


def _read_record(data: bytes) -> _Found[_Record]:
    if len(data) > MAX_FILE_BYTES:
        raise NotVerified("it is larger than 64 MB")
    record = _json(data)
    if not isinstance(record, dict) or record.get("format") not in RECORD_FORMATS:
        raise NotVerified("its format is not known")
    later = {"openings", "anchors"} if record["format"] == RECORD_FORMATS[1] else set()
    _exactly(record, _RECORD_MEMBERS | later, "the file")
    events = _member(record, "events", list)
    for event in events:
        if not isinstance(event, dict):
            raise NotVerified("an event is not an object")
        _exactly(event, _EVENT_MEMBERS, "an event")
        if not all(isinstance(value, str) for value in event.values()):
            raise NotVerified("an event holds something else than text")
    session, attestation = _member(record, "session", str), _member(record, "attestation", str)
    evidence = _member(record, "evidence", list)
    read = _Record(session, tuple(events), attestation, evidence)
    return _Found(read, f"yes, with {len(events)} events")


def _attested(jws: bytes, keys: Keys) -> _Found[tuple[dict[str, Any], str]]:
    payload = open_jws(jws, keys)
    claims = _json(payload)
    if not isinstance(claims, dict) or claims.get("format") not in ATTESTATION_FORMATS:
        raise NotVerified("the format of what it signs is not known")
    return _Found((claims, payload.decode()), "yes, signed with a key that you trust")


def _bodies(record: _Record) -> tuple[dict[str, Any], ...]:
    """Return the events' bodies; one that is no JSON object stands as an empty one."""
    bodies: list[dict[str, Any]] = []
    for event in record.events:
        try:
            body = _json(event["body"].encode())
        except (NotVerified, ValueError, RecursionError):
            body = None
        bodies.append(body if isinstance(body, dict) else {})
    return tuple(bodies)


def _same_session(
    record: _Record, claims: Mapping[str, Any], bodies: tuple[dict[str, Any], ...]
) -> _Found[None]:
    if _member(claims, "session", str) != record.session:
        raise NotVerified("the attestation is about another session")
    for number, body in enumerate(bodies, 1):
        if body.get("session") != record.session:
            raise NotVerified(f"event {number} belongs to another session")
    what = "the officer's form" if claims.get("kind") == "onboard" else "session"
    return _Found(None, f"yes, all of it is about {what} {_shown(record.session)}")


def _signatures(record: _Record, keys: Keys) -> _Found[None]:
    for number, event in enumerate(record.events, 1):
        try:
            signature = _base64url(event["signature"].encode())
            _check(keys, event["key_id"], signature, event["body"].encode())
        except NotVerified as error:
            raise NotVerified(f"event {number}: {error}") from None
    return _Found(None, f"yes, {len(record.events)} signatures hold")


def _chain(record: _Record, bodies: tuple[dict[str, Any], ...]) -> _Found[None]:
    previous = FIRST_PREVIOUS
    for number, (event, body) in enumerate(zip(record.events, bodies, strict=True), 1):
        if not _well_formed(body, event["body"]):
            raise NotVerified(f"event {number} is not in canonical form")
        if body["seq"] != number:
            raise NotVerified(f"event {number} carries the number {_shown(body['seq'])}")
        if body["prev"] != previous:
            raise NotVerified(f"event {number} does not follow the one before it")
        previous = hashlib.sha256(event["body"].encode()).hexdigest()
    return _Found(None, "yes, each event names the one before it and none is missing between")


def _well_formed(body: dict[str, Any], text: str) -> bool:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return (
        text == canonical
        and type(body.get("v")) is int
        and set(body) == _BODY_MEMBERS.get(body["v"])
        and type(body.get("monotonic_ms", 0)) is int
        and type(body["seq"]) is int
        and isinstance(body["at"], str)
        and _INSTANT.fullmatch(body["at"]) is not None
        and all(isinstance(body[name], str) for name in ("session", "kind", "actor", "prev"))
        and isinstance(body["data"], dict)
        and isinstance(body.get("sealed", {}), dict)
        and all(_SHA256.fullmatch(str(seal)) for seal in body.get("sealed", {}).values())
    )


def _times(bodies: tuple[dict[str, Any], ...]) -> _Found[None]:
    """Show a clock that was set back, but do not condemn it: the order is the sequence's."""
    latest: datetime | None = None
    for number, body in enumerate(bodies, 1):
        try:
            at = datetime.fromisoformat(_member(body, "at", str))
            behind = latest - at if latest else timedelta(0)
        except (ValueError, TypeError):
            raise NotVerified(f"event {number} has no time") from None
        if behind > CLOCK_TOLERANCE:
            minutes = int(behind.total_seconds() // 60)
            clause = f"the clock ran backwards by {minutes} minutes before event {number}"
            return _Found(None, f"not quite, {clause}; the order is proved by the chain", _WARNING)
        latest = max(latest, at) if latest else at
    return _Found(None, "yes, to within 5 minutes")


def _head(
    record: _Record, claims: Mapping[str, Any], bodies: tuple[dict[str, Any], ...]
) -> _Found[None]:
    chain = _member(claims, "chain", dict)
    length, head = _member(chain, "length", int), _member(chain, "head", str)
    if length < 1:
        raise NotVerified("the attestation covers no events")
    if len(record.events) < length:
        raise NotVerified(f"{length} events were attested and {len(record.events)} are here")
    if hashlib.sha256(record.events[length - 1]["body"].encode()).hexdigest() != head:
        raise NotVerified(f"event {length} is not the one that was attested as the last")
    later = Counter(_shown(body.get("kind")) for body in bodies[length:])
    named = ", ".join(f"{kind} {count} times" for kind, count in sorted(later.items()))
    after = f"; {later.total()} signed after the attestation: {named}" if later else ""
    return _Found(None, f"yes, {length} events were attested{after}")


def _evidence(record: _Record, claims: Mapping[str, Any]) -> _Found[None]:
    attested = _items(_member(claims, "evidence", list))
    if _items(record.evidence) != attested:
        raise NotVerified("the list of evidence is not the attested one")
    return _Found(
        None,
        f"yes, {len(attested)} items by their SHA-256; what was erased since needs no file here",
    )


def _items(listed: list[Any]) -> list[tuple[str, str, str, int]]:
    items: list[tuple[str, str, str, int]] = []
    for item in listed:
        if not isinstance(item, dict):
            raise NotVerified("an item of evidence is not an object")
        _exactly(item, _EVIDENCE_MEMBERS, "an item of evidence")
        sha256 = _member(item, "sha256", str)
        if not _SHA256.fullmatch(sha256):
            raise NotVerified("an item of evidence has no SHA-256")
        name, kind = _member(item, "id", str), _member(item, "kind", str)
        items.append((name, kind, sha256, _member(item, "size", int)))
    if len({item[0] for item in items}) != len(items):
        raise NotVerified("an item of evidence is listed twice")
    return items


def _check(keys: Keys, key_id: object, signature: bytes, signed: bytes) -> None:
    key = keys.get(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise NotVerified(f"its key {_shown(key_id)} is not among the keys that you trust")
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise NotVerified("its signature does not hold") from None


def _json(data: bytes) -> Any:
    """Parse strict UTF-8 JSON; a member named twice or a NaN is refused."""
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise NotVerified("it is not valid JSON") from None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotVerified("a member stands in it twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _member(container: Mapping[str, Any], name: str, kind: type[M]) -> M:
    value = container.get(name)
    if type(value) is not kind:  # a bool is no int here
        raise NotVerified(f"it says nothing usable about its {name}")
    return value


def _exactly(container: Mapping[str, Any], members: set[str], what: str) -> None:
    if set(container) != members:
        raise NotVerified(f"{what} has other members than it should")


def _base64url(text: bytes) -> bytes:
    """Decode base64url without padding (RFC 7515, appendix C); one spelling only."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise NotVerified("it is not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text:
        raise NotVerified("it is not base64url")
    return data


def _jwk(item: Any) -> tuple[str, Ed25519PublicKey]:
    if not isinstance(item, dict) or item.get("kty") != "OKP" or item.get("crv") != "Ed25519":
        raise NotVerified("a key is not an Ed25519 key")
    key = Ed25519PublicKey.from_public_bytes(_base64url(_member(item, "x", str).encode()))
    key_id = thumbprint(key)
    if item.get("kid", key_id) != key_id:
        raise NotVerified("a key is published under another name than its thumbprint")
    return key_id, key


def _shown(value: object) -> str:
    """Return a short printable ASCII form of something that came with the file."""
    text = value if isinstance(value, str) else repr(value)
    return ascii(text[:80])[1:-1]


if __name__ == "__main__":
    raise SystemExit(main())
