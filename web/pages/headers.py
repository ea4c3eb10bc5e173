"""What goes with every answer: what the browser may do with it, and its size on the wire."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import zlib

import brotli
from aiohttp import web
from yarl import URL

from web.keys import SETTINGS

BROTLI_QUALITY = 5
WORTH_IT = 500
"""Bytes below which an answer is sent as it is."""
_DEVICES = ("camera", "microphone", "display-capture")
LIVE_PAGES = {
    "/me/room": frozenset(_DEVICES),
    "/staff/console": frozenset({"camera", "microphone"}),
    "/second": frozenset({"camera"}),
}
"""The only pages that may use such devices, and which of them."""
POLICIES = {"/staff/calendar": "svelte-trusted-html"}
"""The Trusted Types policies of pages whose library needs one."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def content_policy(path: str, public: URL, script: str = "") -> str:
    """Return the content security policy of a page: our own files, nothing inline.

    `script` is the one text that may stand in the page as a script all the same.
    """
    socket = public.with_scheme("wss" if public.scheme == "https" else "ws").origin()
    policy = POLICIES.get(path, "'none'")
    rules = (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        f"connect-src 'self' {socket}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        f"trusted-types {policy}",
    )
    inline = (f"script-src 'self' '{digest_of(script)}'",) if script else ()
    return "; ".join((*rules, *inline))


def digest_of(text: str) -> str:
    """Return how a policy names the one inline script, or style, that it lets pass."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def permissions(path: str) -> str:
    """Return the permissions policy of a page."""
    live = LIVE_PAGES.get(path, frozenset())
    own = ", ".join(f"{name}={'(self)' if name in live else '()'}" for name in _DEVICES)
    return f"{own}, geolocation=(), payment=(), usb=()"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer of the service its headers; what a handler has set stays."""
    headers = response.headers
    headers.pop("Server", None)  # which versions run here is nobody's business
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    url = request.config_dict[SETTINGS].url
    if url.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if response.content_type == "text/html":
        headers.setdefault("Content-Security-Policy", content_policy(request.path, URL(url)))
        headers.setdefault("Permissions-Policy", permissions(request.path))
        headers.setdefault("Cache-Control", "no-store")


async def compress(request: web.Request, response: web.StreamResponse) -> None:
    """Compress a page for a browser that takes it.

    A page carries its form token, and yet its size tells nothing to others: the cookies are
    `SameSite=Strict`, so no other site can make a browser ask for a page in its own name.
    """
    if not isinstance(response, web.Response) or response.content_type != "text/html":
        return
    body = response.body
    if not isinstance(body, bytes) or len(body) < WORTH_IT:
        return
    response.headers["Vary"] = "Accept-Encoding"
    accepted = _accepted(request.headers.get("Accept-Encoding", ""))
    if "br" in accepted:
        encoding, small = "br", await asyncio.to_thread(_brotli, body)
    elif "gzip" in accepted:
        encoding, small = "gzip", await asyncio.to_thread(_gzip, body)
    else:
        return
    response.body = small
    response.headers["Content-Encoding"] = encoding


def _accepted(header: str) -> set[str]:
    """Return the codings that a browser takes (RFC 9110 12.5.3); one with `q=0` is refused."""
    accepted = set()
    for part in header.lower().split(","):
        name, _, quality = part.partition(";")
        if quality.strip().replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            accepted.add(name.strip())
    return accepted


def _brotli(body: bytes) -> bytes:
    return bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY))


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, level=6, wbits=31)
