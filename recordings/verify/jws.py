"""Compact JWS (RFC 7515) with `alg` Ed25519 (RFC 9864), and nothing else of it."""

from __future__ import annotations

from .keys import Keys, check
from .strict import base64url, parse
from .verdict import NotVerified

JWS_TYPE = "invigilation-attestation+jws"
RECEIPT_TYPE = "invigilation-receipt+jws"
JWS_ALGORITHM = "Ed25519"
MAX_JWS_BYTES = 64 * 1024 * 1024


def open_jws(jws: bytes, keys: Keys, kind: str = JWS_TYPE) -> bytes:
    """Return the payload of a compact JWS of ours, or raise NotVerified.

    The header must be exactly `alg` Ed25519, `typ` (`kind`) and a `kid` among `keys`; nothing in
    the document chooses how it is verified.
    """
    return signed_by(jws, keys, kind)[0]


def signed_by(jws: bytes, keys: Keys, kind: str = JWS_TYPE) -> tuple[bytes, str]:
    """Return the payload and the name of the key that signed it, or raise NotVerified."""
    # Never more parts than one too many: sixty million dots would fill the memory.
    parts = jws.split(b".", 3) if len(jws) <= MAX_JWS_BYTES else []
    if len(parts) != 3:
        raise NotVerified("it is not a compact JWS")
    header = parse(base64url(parts[0]))
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"}:
        raise NotVerified("its header is not one of ours")
    if header["alg"] != JWS_ALGORITHM:
        raise NotVerified("its algorithm is not Ed25519")
    if header["typ"] != kind:
        raise NotVerified("it is signed as another type of document")
    key_id = header["kid"]
    check(keys, key_id, base64url(parts[2]), parts[0] + b"." + parts[1])
    return base64url(parts[1]), str(key_id)
