"""The built files: their names for the pages, and the files themselves, compressed beforehand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)
STATIC = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
_NAME = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9.]+", re.ASCII)
_LATER = re.compile(r"\w+_\w+\.js|capture\.(?:js|css)", re.ASCII)
"""What pages load after they were opened: parts of their scripts, and what takes pictures."""
_TWINS = ("", ".br", ".gz")
KEPT_S: Final = 7 * 86_400.0
"""So long the files of a build stay after the last start of a service that had them."""
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
    """Turns `site.css` into the address of its newest build; reads the list when it changes.

    `kept` is where earlier builds' files lie that pages load later: a page that was opened before
    the newest build still finds its own.
    """

    folder: Path = STATIC
    kept: Path | None = None
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
        # Only files of the build: the compressed twins are chosen by the header, not by name.
        if not _NAME.fullmatch(name) or name.endswith((".br", ".gz")):
            raise web.HTTPNotFound
        for folder in (self.folder, self.kept):
            if folder is not None and (folder / name).is_file():
                return web.FileResponse(folder / name, headers=_FOR_EVER)
        raise web.HTTPNotFound

    def keep(self, now: Callable[[], float] = time.time) -> None:
        """Copy what pages of this build load later, and forget what is `KEPT_S` old; blocks.

        A service whose disk is full does without: its own build is served all the same.
        """
        self.address("")  # reads the list
        if self.kept is None or not self._names:
            return
        later = [name for logical, name in self._names.items() if _LATER.fullmatch(logical)]
        try:
            self.kept.mkdir(parents=True, exist_ok=True)
            for name in (name + twin for name in later for twin in _TWINS):
                if (self.folder / name).is_file():
                    _copy(self.folder / name, self.kept / name, now())
            for path in self.kept.iterdir():
                if path.stat().st_mtime < now() - KEPT_S:
                    path.unlink()
        except OSError as error:
            log.warning("what pages load later could not be kept", why=error.strerror)

    async def living(self, _: web.Application) -> AsyncIterator[None]:
        """Keep what pages of this build load later, from the start on."""
        await asyncio.to_thread(self.keep)
        yield


def _copy(source: Path, target: Path, now: float) -> None:
    """Copy a file, whole or not at all; one that is there already is marked as of now."""
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            shutil.copyfile(source, draft)
            draft.replace(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
    os.utime(target, (now, now))


async def icon(_: web.Request) -> web.Response:
    """Answer with the small picture of a browser's tab."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return web.Response(body=_ICON, content_type="image/svg+xml", headers=headers)
