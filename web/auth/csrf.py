"""Against forged requests: the browser says where a request comes from, and a token proves it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from aiohttp import web
from yarl import URL

from web.auth.visitor import VISITOR

FIELD = "csrf"
HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = web.RequestKey("form", Mapping)
"""The form in which the token was looked for, so that its files can be closed."""


async def genuine(request: web.Request) -> bool:
    """Say whether a changing request was made by a page of ours, in this very browser."""
    if not _from_here(request):
        return False
    given = request.headers.get(HEADER)
    if given is None:
        given = await _field(request)
    tokens = request[VISITOR].csrf_tokens if given.isascii() else ()
    return any(secrets.compare_digest(given, token) for token in tokens)


async def _field(request: web.Request) -> str:
    try:
        request[FORM] = form = await request.post()
        field = form.get(FIELD)
    except (ValueError, LookupError):
        return ""  # no form that can be read: of no alphabet that there is, or cut in the middle
    return field if isinstance(field, str) else ""


def _from_here(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    # Browsers too old for that header, or on plain http, send an Origin with every POST.
    try:
        return URL(request.headers.get("Origin", "")).authority == request.host
    except ValueError:
        return False
