"""`python -m tests.bench.live.server ours|recording|relay`: carries sessions, until its input ends.

Prints `{"url": ...}`, then, for every line that comes in, what is on tape. POST /N/learner and
/N/invigilator answer an offer of session N, DELETE /N ends both. `ours` is the project's peers as
the service runs them, `recording` the same with every learner on tape, `relay` aiortc's
MediaRelay, which decodes and encodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

import uvloop
from aiohttp import web

from recordings.recorder import Recorder
from recordings.vault import Vault
from signalling.peer import MediaSettings, Peer
from signalling.tracks import INVIGILATOR, LEARNER, Track
from tests.bench.live.client import use_one_address
from tests.bench.live.page import PAGE
from tests.bench.live.relay import Relay

SHAPES = {"learner": LEARNER, "invigilator": INVIGILATOR}
SETTINGS = MediaSettings(host_addresses=(use_one_address(),))


class Room(Protocol):
    """One session: a learner and an invigilator, who see and hear each other."""

    async def answer(self, who: str, offer: str) -> str:
        """Let somebody in, in place of whoever was there as the same: gives the answer."""

    def recorded(self) -> tuple[int, int]:
        """Say how many recordings have something in them, and how much they have dropped."""

    async def close(self) -> None:
        """End it."""


class Ours:
    """Peers that forward what is encoded; with a vault, the learner is recorded."""

    def __init__(self, name: str, vault: Vault | None) -> None:
        self._name = name
        self._vault = vault
        self._peers: dict[str, Peer] = {}
        self._recorders: list[Recorder] = []

    async def answer(self, who: str, offer: str) -> str:
        before = self._peers.pop(who, None)
        if before is not None:
            await before.close()
        peer, answer = await Peer.answer(offer, SHAPES[who], SETTINGS)
        self._peers[who] = peer
        if who == "learner" and self._vault is not None:
            part = f"part-{len(self._recorders)}"
            recorder = Recorder(self._vault, self._name, part, time.monotonic())
            await recorder.start()
            self._recorders.append(recorder)
            peer.tap(recorder, Track.CAMERA, Track.AUDIO)
        if len(self._peers) == 2:
            learner, invigilator = self._peers["learner"], self._peers["invigilator"]
            for one, other in ((learner, invigilator), (invigilator, learner)):
                one.receive_from({t: (other, t) for t in (Track.AUDIO, Track.CAMERA)})
        return answer

    def recorded(self) -> tuple[int, int]:
        written = sum(not (recorder.empty or recorder.fault) for recorder in self._recorders)
        return written, sum(recorder.dropped for recorder in self._recorders)

    async def close(self) -> None:
        for peer in self._peers.values():
            await peer.close()
        for recorder in self._recorders:
            await recorder.finish()


async def serve(system: str, folder: Path) -> None:
    vault = Vault(folder, bytes(32)) if system == "recording" else None
    rooms: dict[str, Room] = {}

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def offer(request: web.Request) -> web.Response:
        name = f"session-{request.match_info['session']}"
        if name not in rooms:
            rooms[name] = Relay() if system == "relay" else Ours(name, vault)
        answer = await rooms[name].answer(request.match_info["who"], await request.text())
        return web.Response(text=answer)

    async def end(request: web.Request) -> web.Response:
        await rooms.pop(f"session-{request.match_info['session']}").close()
        gc.collect()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", page), web.post("/{session}/{who}", offer)])
    app.add_routes([web.delete("/{session}", end)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while await orders.readline():
        tapes = [room.recorded() for room in rooms.values()]
        written, dropped = (sum(numbers) for numbers in zip(*tapes, strict=True))
        print(json.dumps({"written": written, "dropped": dropped}), flush=True)
    async with asyncio.timeout(10):
        await asyncio.gather(*(room.close() for room in rooms.values()))
        await runner.cleanup()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(TimeoutError):
        uvloop.run(serve(sys.argv[1], Path(folder)))
