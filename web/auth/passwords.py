"""Passwords: argon2id (RFC 9106), away from the event loop."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from invigilation.errors import Busy

WORKERS = 2
MAX_WAITING = 16
"""Each check takes 64 MiB and some tenths of a second; more at once are turned away."""
FOR_KNOWN = 6
"""Of these places, so many are kept for browsers that are known: a flood of guesses from unknown
ones does not turn them away."""
PASSWORD_LIMIT = 1_000

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Return what is kept of a password (PHC string); blocks for some tenths of a second."""
    return _hasher.hash(password)


class Passwords:
    """Checks passwords in a few threads of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="password")
        self._waiting = 0
        self._nobody = ""

    async def check(self, kept: str | None, password: str, *, known: bool = False) -> bool:
        """Say whether the password is the kept one; with None, refuse in the same time.

        `known`: its owner has signed in before in the browser that asks. Raises `Busy`.
        """
        if self._waiting >= (MAX_WAITING if known else MAX_WAITING - FOR_KNOWN):
            raise Busy("sign-in")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            # Somebody who is not known must take as long to refuse as somebody who is. The first
            # check of all makes the hash for that, whoever it is for.
            if not self._nobody:
                never = secrets.token_urlsafe(16)
                self._nobody = await loop.run_in_executor(self._pool, hash_password, never)
            right = await loop.run_in_executor(
                self._pool, _matches, kept or self._nobody, password[:PASSWORD_LIMIT]
            )
        finally:
            self._waiting -= 1
        return right and kept is not None

    def close(self) -> None:
        """Wait for the checks that run, and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
