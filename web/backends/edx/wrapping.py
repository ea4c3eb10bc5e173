"""The names under which the secrets of edX platforms are wrapped (`web.wrapping`)."""

from __future__ import annotations


def ours(backend: str) -> str:
    """Return the name of the secret with which a platform signs in here."""
    return f"edx:{backend}:ours"


def theirs(backend: str) -> str:
    """Return the name of the secret with which we sign in at a platform."""
    return f"edx:{backend}:theirs"
