"""How somebody of the staff proves, beyond a password, that it is they.

A login without such a proof opens nothing. What weighs much (charges, keys, other people's
sign-in) asks for a proof of the last minutes: see `FRESH`.
"""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from enum import StrEnum

FRESH = timedelta(minutes=15)
"""So long does a proof suffice for a change that weighs much."""
FRESH_FORM = timedelta(minutes=10)
"""And so long for opening its form: whoever opens one has time to fill it in."""
ENTERING = timedelta(minutes=15)
"""So long may somebody take between the password and the second factor."""
MAX_PASSKEYS = 10
NAME_LIMIT = 60
RECOVERY_CODES = 10
_CODE_BYTES = 10
"""80 random bits: too many to guess, so their digest needs no slow hash."""
_MISREAD = str.maketrans("018", "OIB", " -\t")
"""Digits that base32 does not have, and that are read for letters which it has."""


class Proof(StrEnum):
    """By what somebody proved who they are."""

    CODE = "code"
    PASSKEY = "passkey"
    RECOVERY = "recovery"
    COMPANY = "company"


class Change(StrEnum):
    """What may happen to how somebody signs in; the person is told by mail."""

    APP_SET = "app_set"
    APP_REMOVED = "app_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    CODES_MADE = "codes_made"
    CODE_USED = "code_used"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    CODES_GUESSED = "codes_guessed"
    RESET = "reset"
    COMPANY_BOUND = "company_bound"


def new_recovery_code() -> str:
    """Return a fresh code of 80 random bits, like `k7qd-m2xw-a4tz-hb6n`."""
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def plain_code(typed: str) -> str:
    """Return a recovery code as it is digested, however it was typed."""
    return typed.upper().translate(_MISREAD)
