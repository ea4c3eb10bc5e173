"""What a receiver checks: the signature of a webhook and the seal of a report.

Webhooks as Standard Webhooks says (https://www.standardwebhooks.com); reports as compact JWS
(RFC 7515) with `alg` exactly `Ed25519` (RFC 9864) and keys from a JWK set (RFC 7517, RFC 8037).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_S = 300
MAX_ID = 256
MAX_SIGNATURES = 10
ALGORITHM = "Ed25519"
ATTESTATION_FORMATS = ("invigilation-attestation/1", "invigilation-attestation/2")
"""In the second, names and what people wrote are sealed; the openings come beside it."""

Keys = Mapping[str, Ed25519PublicKey]


class Refused(Exception):
    """What came cannot be trusted; the words say why."""


def check_webhook(
    secret: str, headers: Mapping[str, str], body: bytes, now: datetime, public: str = ""
) -> str:
    """Return the webhook's id if a secret signed exactly this, now; raises `Refused`.

    `secret` may be several, with spaces between: while one replaces another. With `public`
    (`whpk_...`) the service's own signature, `v1a`, must be right as well.
    """
    ident = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    if not 0 < len(ident) <= MAX_ID or not ident.isascii() or not ident.isprintable():
        raise Refused("the webhook has no usable id")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Refused("the webhook has no usable timestamp")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_S:
        raise Refused("the webhook's timestamp is too far from now")
    signed = f"{ident}.{stamp}.".encode() + body
    given = [
        (version, _plain_base64(text))
        for one in headers.get("webhook-signature", "").split(" ")[:MAX_SIGNATURES]
        for version, _, text in [one.partition(",")]
    ]
    if not _shared(secret, signed, [one for version, one in given if version == "v1"]):
        raise Refused("no signature of the webhook is right")
    if public and not _own(public, signed, [one for version, one in given if version == "v1a"]):
        raise Refused("the service's own signature of the webhook is not right")
    return ident


def _shared(secret: str, signed: bytes, given: Sequence[bytes]) -> bool:
    """Say whether one of the signatures is by one of the secrets."""
    keys = (base64.b64decode(one.removeprefix("whsec_")) for one in secret.split())
    wanted = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    return any(hmac.compare_digest(one, right) for one in given for right in wanted)


def _own(public: str, signed: bytes, given: Sequence[bytes]) -> bool:
    """Say whether one of the signatures is by the service's own key."""
    raw = base64.b64decode(public.removeprefix("whpk_"))
    key = Ed25519PublicKey.from_public_bytes(raw)
    for one in given:
        with contextlib.suppress(InvalidSignature):
            key.verify(one, signed)
            return True
    return False


def _plain_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def keys_of(jwks: Any) -> dict[str, Ed25519PublicKey]:
    """Return the Ed25519 keys of a JWK set by their `kid`; others are passed over."""
    keys: dict[str, Ed25519PublicKey] = {}
    listed = jwks.get("keys", []) if isinstance(jwks, dict) else []
    for jwk in listed:
        if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519"):
            continue
        try:
            keys[str(jwk["kid"])] = Ed25519PublicKey.from_public_bytes(_base64url(jwk["x"]))
        except (KeyError, TypeError, ValueError, Refused):
            continue
    return keys


def key_id(jws: str) -> str:
    """Return the `kid` that the seal's header names; raises `Refused`."""
    return _header(jws)[0]


def open_report(jws: str, keys: Keys, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attested report if every step holds; raises `Refused`.

    1. three parts, a header with alg exactly Ed25519 and nothing that we do not know;
    2. the key is one that the service publishes;
    3. the signature is over exactly these bytes;
    4. the report is an attestation of the session, learner and request that the webhook names;
    5. each text that came with it fits a seal in it: these texts stand in what is returned, and
       None where one did not come.
    """
    kid, signed, signature = _header(jws)
    key = keys.get(kid)
    if key is None:
        raise Refused("the report is sealed with a key that the service does not publish")
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise Refused("the seal of the report is not right") from None
    report = _object(_base64url(signed.decode().partition(".")[2]))
    if report.get("format") not in ATTESTATION_FORMATS:
        raise Refused("the report's format is not one that we know")
    named = {
        "session": (report.get("session"), facts.get("session")),
        "outcome": (report.get("outcome"), facts.get("outcome")),
        "learner": (_inner(report, "learner"), facts.get("learner")),
        "request": (_inner(report, "assessment"), facts.get("request")),
    }
    for what, (attested, told) in named.items():
        if not isinstance(attested, str) or attested != told:
            raise Refused(f"the report's {what} is not the webhook's")
    texts = _texts(facts.get("openings", {}))
    used: set[str] = set()
    whole: dict[str, Any] = _opened(report, texts, used)
    if not used >= set(texts):
        raise Refused("a text came that does not belong to the report")
    return whole


def _texts(openings: Any) -> dict[str, str]:
    """Return the texts by their seals: HMAC-SHA256 (RFC 2104) of the text under the key."""
    texts: dict[str, str] = {}
    try:
        for seal, opening in openings.items():
            key, text = bytes.fromhex(opening["key"]), opening["text"]
            if not hmac.compare_digest(hmac.digest(key, text.encode(), hashlib.sha256).hex(), seal):
                raise Refused("a text of the report does not fit its seal")
            texts[seal] = text
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Refused("the report's openings are not ones that we know") from None
    return texts


def _opened(part: Any, texts: Mapping[str, str], used: set[str]) -> Any:
    """Return what the report says with its texts in place; `used` takes the seals in it."""
    if isinstance(part, list):
        return [_opened(one, texts, used) for one in part]
    if not isinstance(part, dict):
        return part
    if set(part) == {"sealed"} and isinstance(part["sealed"], str):
        used.add(part["sealed"])
        return texts.get(part["sealed"])
    return {name: _opened(one, texts, used) for name, one in part.items()}


def who_watched(report: Mapping[str, Any]) -> tuple[str, str]:
    """Return the kind of an attested report, and who was to watch; raises `Refused`.

    `remote` is an invigilator of the service, `onboard` an officer of the learner's ship.
    """
    kind = report.get("kind")
    if kind not in ("remote", "onboard"):
        raise Refused("the report is of a kind that we do not know")
    if kind == "remote":
        return kind, _text(report, "invigilator", "name")
    officer, vessel = _text(report, "officer", "name"), _text(report, "vessel", "name")
    return kind, f"{officer}, {vessel}, IMO {_text(report, 'vessel', 'imo')}"


def _text(report: Mapping[str, Any], name: str, part: str) -> str:
    inner = report.get(name)
    return str(inner.get(part) or "") if isinstance(inner, dict) else ""


def _inner(report: Mapping[str, Any], name: str) -> Any:
    inner = report.get(name)
    return inner.get("reference") if isinstance(inner, dict) else None


def _header(jws: str) -> tuple[str, bytes, bytes]:
    parts = jws.split(".")
    if len(parts) != 3 or not jws.isascii():
        raise Refused("the report is not a compact JWS")
    header = _object(_base64url(parts[0]))
    if header.get("alg") != ALGORITHM:
        raise Refused(f"the report's alg is not {ALGORITHM}")
    if not isinstance(header.get("kid"), str) or not set(header) <= {"alg", "kid", "typ"}:
        raise Refused("the report's header is not one that we know")
    return header["kid"], f"{parts[0]}.{parts[1]}".encode(), _base64url(parts[2])


def _base64url(text: str) -> bytes:
    """Decode RFC 7515's base64url; any other spelling of the same bytes is refused."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise Refused("a part of the report is not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Refused("a part of the report is not base64url")
    return data


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused("a part of the report is not JSON") from None
    if not isinstance(value, dict):
        raise Refused("a part of the report is not an object")
    return value
