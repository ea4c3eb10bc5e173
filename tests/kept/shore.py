"""The service's side of what devices keep, as signalling and web tell it, for a page under test."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PATH = "/room/local"
PIECE = 32_768


@dataclass(slots=True)
class Shore:
    """Takes chains and chunks in; wants what `asks` names, by recording."""

    asks: dict[str, list[int]] = field(default_factory=dict)
    links: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    here: dict[tuple[str, int], bytearray] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    """What was asked, in order: ("get",), ("chain", recording, links), ("put", recording, n)."""
    brought: int = 0
    """Bytes of all pieces that came."""
    keep: bool = True
    segment_s: float = 20
    drop_all: bool = False
    refuse: list[tuple[int, str]] = field(default_factory=list)
    """Answers to the next pieces instead of taking them in."""
    full: int = 0
    """For so many pieces there is no room yet."""
    forgets_before: int = 0
    """The piece of this number (from 1) finds that what had come of its chunk is forgotten."""
    forgot: int = 0
    """So many bytes were forgotten."""
    unwanted: set[tuple[str, int]] = field(default_factory=set)
    """Chunks that are of no use any more when they come."""
    url: str = ""

    async def all(self, _request: web.Request) -> web.Response:
        """Answer what is known and wanted of every recording."""
        self.calls.append(("get",))
        recordings = {name: self._told(name) for name in self.links}
        return web.json_response(
            {"recordings": recordings, "keep": self.keep, "segment_s": self.segment_s}
        )

    async def chain(self, request: web.Request) -> web.Response:
        """Take links in that go on from what is known."""
        recording = request.match_info["recording"]
        body = await request.json()
        known = self.links.setdefault(recording, [])
        self.calls.append(("chain", recording, str(len(body["links"]))))
        if body["from"] == len(known):
            known.extend(body["links"])
        return web.json_response({**self._told(recording), "keep": self.keep})

    async def put(self, request: web.Request) -> web.Response:
        """Take a piece of a chunk in."""
        info = request.match_info
        key = (info["recording"], int(info["n"]))
        self.calls.append(("put", key[0], str(key[1])))
        data = await request.read()
        self.brought += len(data)
        if sum(call[0] == "put" for call in self.calls) == self.forgets_before:
            self.forgot = len(self.here.pop(key, b""))
        if key in self.unwanted:
            return web.json_response({"have": len(data), "wanted": False})
        if self.full:
            self.full -= 1
            return web.json_response({"have": int(info["offset"]), "later": 0.02})
        if self.refuse:
            status, code = self.refuse.pop(0)
            return web.json_response({"error": {"code": code}}, status=status)
        chunk = self.here.setdefault(key, bytearray())
        if int(info["offset"]) != len(chunk):
            return web.json_response({"have": len(chunk)})
        chunk.extend(data)
        link = self.links[key[0]][key[1]]
        if len(chunk) < link["size"]:
            return web.json_response({"have": len(chunk)})
        assert hashlib.sha256(chunk).hexdigest() == link["sha256"]
        return web.json_response({"have": len(chunk), "kept": True})

    def whole(self, recording: str, n: int) -> bool:
        """Say whether a chunk is all here."""
        links = self.links.get(recording, [])
        return n < len(links) and len(self.here.get((recording, n), b"")) == links[n]["size"]

    def _told(self, recording: str) -> dict[str, Any]:
        have = len(self.links[recording])
        asked = [n for n in self.asks.get(recording, []) if n < have]
        wanted = [
            {"n": n, "have": len(self.here.get((recording, n), b""))}
            for n in asked
            if not self.whole(recording, n)
        ]
        least = min((one["n"] for one in wanted), default=have)
        return {"have": have, "wanted": wanted, "drop": least if self.drop_all else 0}


@asynccontextmanager
async def shore(*more: web.RouteDef) -> AsyncIterator[Shore]:
    """Run one on a free port."""
    one = Shore()
    app = web.Application()
    app.add_routes(
        [
            web.get(PATH, one.all),
            web.post(PATH + "/{recording}/chain", one.chain),
            web.put(PATH + "/{recording}/{n}/{offset}", one.put),
            *more,
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
