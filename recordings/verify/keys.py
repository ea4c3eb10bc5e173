"""The public keys that the reader trusts, each with the time in which it was in use."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .strict import base64url, member, parse, shown
from .verdict import NotVerified

CLOCK_TOLERANCE = timedelta(minutes=5)
_SMALL = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""The points of small order (RFC 7748, 7), without their sign: such a key signs whatever it is."""


class KeysUnreadable(ValueError):
    """The file holds no public Ed25519 key in JWKS or PEM form."""


@dataclass(frozen=True, slots=True)
class DatedKey:
    """A public key, in use from `since` until `until`; None is without a limit."""

    public: Ed25519PublicKey
    since: datetime | None = None
    until: datetime | None = None


Keys = Mapping[str, DatedKey | Ed25519PublicKey]
"""By their RFC 7638 thumbprints; a bare key is one without limits of time."""


def dated(keys: Keys, key_id: object) -> DatedKey:
    """Return a trusted key, or raise NotVerified."""
    key = keys.get(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise NotVerified(f"its key {shown(key_id)} is not among the keys that you trust")
    return key if isinstance(key, DatedKey) else DatedKey(key)


def check(keys: Keys, key_id: object, signature: bytes, signed: bytes) -> None:
    """Raise NotVerified unless a trusted key of this name has signed exactly these bytes."""
    try:
        dated(keys, key_id).public.verify(signature, signed)
    except InvalidSignature:
        raise NotVerified("its signature does not hold") from None


def check_time(keys: Keys, key_id: object, at: datetime) -> None:
    """Raise NotVerified if the key was not in use at that time, to within five minutes."""
    key = dated(keys, key_id)
    if key.since is not None and at < key.since - CLOCK_TOLERANCE:
        raise NotVerified(
            f"its key {shown(key_id)} did not exist yet on {at:%d %B %Y at %H:%M} UTC"
        )
    if key.until is not None and at > key.until + CLOCK_TOLERANCE:
        raise NotVerified(f"its key {shown(key_id)} was retired before {at:%d %B %Y at %H:%M} UTC")


def check_turn(keys: Keys, key_id: object, newest: datetime | None) -> datetime | None:
    """Raise NotVerified if a newer key has signed what stands before, when this was retired.

    `newest` is when the newest of those keys began; return it with this one taken in. Otherwise
    whoever steals a retired key could add to a record, dated back, behind its end.
    """
    key = dated(keys, key_id)
    if newest is not None and key.until is not None and key.until <= newest:
        # Two that began in the same second may both have been in use.
        older = key.since is None or key.since < newest
        if older:
            raise NotVerified(f"its key {shown(key_id)} was retired before what it follows")
    begun = [one for one in (newest, key.since) if one is not None]
    return max(begun, default=None)


def load_keys(path: Path) -> dict[str, DatedKey]:
    """Read public keys from a JWKS or PEM file, named by their RFC 7638 thumbprints.

    Raises KeysUnreadable, or OSError when the file cannot be read.
    """
    return parse_keys(path.read_bytes())


def parse_keys(data: bytes) -> dict[str, DatedKey]:
    """Return the keys of a JWKS (RFC 7517; `nbf` and `exp` in epoch seconds) or PEM file.

    Keys of other kinds are passed over (RFC 7517, section 5): they sign other documents.
    """
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            read = [_from_pem(data)]
        else:
            listed = member(parse(data), "keys", list)
            read = [from_jwk(item) for item in listed if not _for_something_else(item)]
    except (NotVerified, ValueError, AttributeError, UnsupportedAlgorithm) as error:
        raise KeysUnreadable("The file holds no public key in JWKS or PEM form.") from error
    if not read or len(dict(read)) != len(read):
        raise KeysUnreadable("The file holds no key, or one of them twice.")
    return dict(read)


def thumbprint(key: Ed25519PublicKey) -> str:
    """Return the RFC 7638 thumbprint (base64url SHA-256) of the key as an OKP JWK (RFC 8037)."""
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    text = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def from_jwk(item: Any) -> tuple[str, DatedKey]:
    """Return a key and its name from a JWK of ours; raises NotVerified."""
    if not isinstance(item, dict) or item.get("kty") != "OKP" or item.get("crv") != "Ed25519":
        raise NotVerified("a key is not an Ed25519 key")
    raw = base64url(member(item, "x", str).encode())
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        raise NotVerified("a key is not an Ed25519 key") from None
    if raw[:-1] + bytes([raw[-1] & 0x7F]) in _SMALL:
        raise NotVerified("a key is one by which anything is signed")
    key_id = thumbprint(key)
    if item.get("kid", key_id) != key_id:
        raise NotVerified("a key is published under another name than its thumbprint")
    return key_id, DatedKey(key, _moment(item, "nbf"), _moment(item, "exp"))


def _for_something_else(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("kty"), str) and item["kty"] != "OKP"


def _from_pem(data: bytes) -> tuple[str, DatedKey]:
    key = load_pem_public_key(data)
    if not isinstance(key, Ed25519PublicKey):
        raise NotVerified("the PEM file holds no Ed25519 key")
    return thumbprint(key), DatedKey(key)


def _moment(item: dict[str, Any], name: str) -> datetime | None:
    if name not in item:
        return None
    try:
        return datetime.fromtimestamp(member(item, name, int), UTC)
    except (OverflowError, OSError, ValueError):
        raise NotVerified(f"the {name} of a key is no time") from None
