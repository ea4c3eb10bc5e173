"""The built files: their names for the pages, and the files themselves, compressed beforehand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
_NAME = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9.]+", re.ASCII)
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    b'<circle cx="16" cy="16" r="16" fill="#083f55"/><circle cx="16" cy="11" r="4" fill="#fff"/>'
    b'<path d="M4.5 20q3.8-3.4 7.7 0t7.6 0 7.7 0" fill="none" stroke="#fff" stroke-width="2.5"/>'
    b'<path d="M7.5 25q2.8-2.4 5.7 0t5.6 0 5.7 0" fill="none" stroke="#8fd0e6"'
    b' stroke-width="2.5"/></svg>'
)


@dataclass(slots=True)
class Assets:
    """Turns `site.css` into the address of its newest build; reads the list when it changes."""

    folder: Path = STATIC
    _names: dict[str, str] = field(default_factory=dict)
    _read: int = 0

    def address(self, name: str) -> str:
        """Return where a built file is served; one that was never built is served nowhere."""
        manifest = self.folder / "manifest.json"
        try:
            changed = manifest.stat().st_mtime_ns
        except FileNotFoundError:
            return PREFIX + name
        if changed != self._read:
            self._names = json.loads(manifest.read_text(encoding="utf-8"))
            self._read = changed
        return PREFIX + self._names.get(name, name)

    def text(self, name: str) -> str:
        """Return what a built file holds, to stand in a page; raises `FileNotFoundError`."""
        file = self.address(name).removeprefix(PREFIX)
        return (self.folder / file).read_text(encoding="utf-8")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer with a built file, as brotli or gzip where the browser takes it.

        A name holds the digest of its content, so it may be kept for ever.
        """
        name = request.match_info["name"]
        path = self.folder / name
        # Only files of the build: the compressed twins are chosen by the header, not by name.
        if not _NAME.fullmatch(name) or name.endswith((".br", ".gz")) or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=_FOR_EVER)


async def icon(_: web.Request) -> web.Response:
    """Answer with the small picture of a browser's tab."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return web.Response(body=_ICON, content_type="image/svg+xml", headers=headers)
