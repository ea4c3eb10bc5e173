"""A backend's receipt: its signature that it took a report, found in the answer to the webhook.

The answer is JSON, `{"receipt": JWS, "key": JWK}`. The receipt is a compact JWS (RFC 7515) with the
header `{"alg": "Ed25519", "kid": THUMBPRINT, "typ": "invigilation-receipt+jws"}` over
`{"type": "report.accepted", "webhook_id", "backend", "session", "head", "attestation_sha256",
"accepted_at"}`; the key is the public one, `{"kty": "OKP", "crv": "Ed25519", "x"}` (RFC 8037).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from invigilation import record
from invigilation.dispatch import Receipt
from invigilation.report import Delivery
from recordings.verify import RECEIPT_TYPE, NotVerified, open_jws
from recordings.verify.keys import from_jwk
from recordings.verify.strict import exactly, instant, parse

__all__ = ["NotVerified", "find"]

REPORT = "report.ready"
TOLERANCE = timedelta(minutes=5)
_CLAIMS = {
    "type",
    "webhook_id",
    "backend",
    "session",
    "head",
    "attestation_sha256",
    "accepted_at",
}


def find(delivery: Delivery, answer: bytes, now: datetime) -> Receipt | None:
    """Return the receipt in the answer to a report; None if there is none.

    Raises `NotVerified` for one that is not for exactly this report, signed by the key beside it.
    """
    given = _given(answer) if delivery.type == REPORT else None
    if given is None:
        return None
    jws, jwk = given
    key_id, key = from_jwk(exactly(jwk, {"kty", "crv", "x"}, "its key"))
    claims = exactly(parse(open_jws(jws.encode(), {key_id: key}, RECEIPT_TYPE)), _CLAIMS, "it")
    data = json.loads(delivery.body)["data"]
    attestation = data["attestation"].encode("ascii")
    expected = {
        "type": "report.accepted",
        "webhook_id": delivery.id,
        "backend": delivery.target,
        "session": data["session"],
        "head": record.payload_of(attestation)["chain"]["head"],
        "attestation_sha256": hashlib.sha256(attestation).hexdigest(),
    }
    for name, value in expected.items():
        if claims[name] != value:
            raise NotVerified(f"its {name} is not that of the report")
    at = instant(claims["accepted_at"])
    if at > now + TOLERANCE:
        raise NotVerified("it is dated ahead")
    body = {"backend": delivery.target, "receipt": jws, "key": jwk}
    return Receipt(data["session"], at, body, key_id)


def _given(answer: bytes) -> tuple[str, Any] | None:
    try:
        said = parse(answer)
    except NotVerified:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("receipt"), str):
        return None
    if not said["receipt"].isascii():
        raise NotVerified("it is not a compact JWS")
    return said["receipt"], said.get("key")
