"""Codes of an authenticator app: six digits, new every 30 seconds (RFC 6238, with HMAC-SHA-1)."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

DIGITS = 6
STEP_SECONDS = 30
SECRET_BYTES = 20
"""As long as the hash (RFC 4226 4, R6)."""
DRIFT = 1
"""So many steps a device's clock may be early or late."""


def new_secret() -> str:
    """Return a fresh secret as apps take it: 160 random bits in base32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def step_at(moment: datetime) -> int:
    """Return the number of the step that a moment is in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_of(secret: str, step: int) -> str:
    """Return the code of a step."""
    # SHA-1 is what every app knows; nothing here rests on its resistance to collisions.
    counter = HOTP(base64.b32decode(secret), DIGITS, SHA1())  # noqa: S303
    return counter.generate(step).decode()


def step_of(secret: str, code: str, moment: datetime, last: int = -1) -> int | None:
    """Return the step whose code this is, one either way; only one after `last` counts."""
    now = step_at(moment)
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):
        right = secrets.compare_digest(code_of(secret, step).encode(), code.encode())
        if right and step > last and found is None:
            found = step
    return found


def address(secret: str, issuer: str, account: str) -> str:
    """Return what a QR code tells an app: whose secret this is, and for which service."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return f"otpauth://totp/{label}?" + urlencode(
        {"secret": secret, "issuer": issuer}, quote_via=quote
    )
