"""How the gate reads the tokens of machines and of edX platforms."""

from __future__ import annotations

from web.access.gate import Guard
from web.api.oauth import Tokens
from web.backends.edx.tokens import backend_of


def machines(tokens: Tokens) -> Guard:
    """Return the guard of the interface for machines."""

    def scopes(authorization: str | None) -> frozenset[str]:
        return tokens.caller(authorization).scopes

    return scopes


def platforms(tokens: Tokens) -> Guard:
    """Return the guard of what edX platforms call: their tokens have no scopes."""

    def scopes(authorization: str | None) -> frozenset[str]:
        backend_of(tokens, authorization)
        return frozenset()

    return scopes
