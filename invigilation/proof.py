"""How somebody of the staff proves, beyond a password, that it is they.

A login without such a proof opens nothing. What weighs much (charges, keys, other people's
sign-in) asks for a proof of the last minutes: see `FRESH`.
"""

from __future__ import annotations

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
_GROUPS, _GROUP = 7, 4
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, without the letters that are read for digits (and without u)."""
_MISREAD = str.maketrans("oil", "011")
_GAPS = str.maketrans("", "", " -\t")
_OLD_LENGTH = 16
"""Codes of before have 80 bits, in the base32 of RFC 4648; good until there are new ones."""
_OLD_MISREAD = str.maketrans("018", "OIB")


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
    SIGNED_OUT = "signed_out"
    COMPANY_BOUND = "company_bound"


def new_recovery_code() -> str:
    """Return a fresh code of 140 random bits, like `k7qd-m2xw-a4tz-hb6n-30vr-9wec-5pg1`.

    That is too many to guess, so its digest needs no slow hash.
    """
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def plain_code(typed: str) -> str:
    """Return a recovery code as it is digested, however it was typed."""
    bare = typed.lower().translate(_GAPS)
    if len(bare) == _OLD_LENGTH:
        return bare.upper().translate(_OLD_MISREAD)
    return bare.translate(_MISREAD)
