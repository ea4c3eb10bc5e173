"""The page that checks a record in the browser, for everybody; and the same as one file to keep.

Nothing of a record is sent here: the page may connect to nothing once it is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from web.keys import DESK
from web.pages import words
from web.pages.assets import Assets
from web.pages.frame import render
from web.pages.headers import digest_of

routes = web.RouteTableDef()
ASSETS = web.AppKey("verify_assets", Assets)
PUBLISHED: web.AppKey[Callable[[], list[dict[str, Any]]]] = web.AppKey("published")
"""Returns the service's public keys as JWKs; it is asked each time, for keys change."""
FILE_NAME = "check-a-record.html"
_SEALED_OFF = (
    "default-src 'none'",
    "img-src 'self' blob:",
    "media-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
PAGE_POLICY = "; ".join(
    (*_SEALED_OFF, "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'")
)
"""Stricter than that of other pages: this one connects to nothing."""


@routes.get("/verify")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page, with the service's own keys in it."""
    response = render(request, "verify.html", boot=await _keys(request))
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


@routes.get("/verify/file")
async def file(request: web.Request) -> web.StreamResponse:
    """Answer with the page as one file, which works alone and connects to nothing."""
    assets = request.app[ASSETS]
    style, script = await asyncio.gather(
        asyncio.to_thread(assets.text, "verify.css"), asyncio.to_thread(assets.text, "verify.js")
    )
    now, policy = request.app[DESK].office.clock.now(), file_policy(style, script)
    response = render(
        request,
        "verify_file.html",
        boot=await _keys(request),
        made=words.day(now),
        policy=policy,
        style=style,
        script=script,
    )
    response.headers["Content-Security-Policy"] = policy
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def file_policy(style: str, script: str) -> str:
    """Return the content security policy of the file: just this style and this script run."""
    inline = (f"style-src '{digest_of(style)}'", f"script-src '{digest_of(script)}'")
    return "; ".join((*_SEALED_OFF, *inline))


async def _keys(request: web.Request) -> dict[str, Any]:
    return {"keys": await asyncio.to_thread(request.app[PUBLISHED])}
