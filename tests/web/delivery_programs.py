"""The programs of the delivery suite: workers that carry, and a backend that takes in.

`python -m tests.web.delivery_programs` reads one JSON line for each program to start, forks it and
answers with its process id: forked programs begin at once, and each can be killed by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from aiohttp import web

from invigilation.desk import Desk, Office
from invigilation.dispatch import Dispatch
from invigilation.store import Store
from recordings.seal import Seal, SigningKey
from web.backends import webhook
from web.carrier import Carrier, pause_after
from web.clock import ShiftedClock
from web.outward import ANYWHERE
from web.practice.signatures import Refused, check_webhook

SECRET = "whsec_" + "c2VjcmV0" * 4
SCHEMA = """
CREATE TABLE IF NOT EXISTS heard (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL, what TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS effect (id TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (number INTEGER NOT NULL);
"""


async def work(url: str, shift: str) -> None:
    """Carry what is due, again and again, until somebody kills this."""
    store, clock, key = Store(url), ShiftedClock(Path(shift)), SigningKey.generate()
    desk = Desk.of(Office(store, clock, key, Seal(key)))
    async with webhook.open_session(ANYWHERE) as client:
        carrier: Any = Carrier(desk, client, None, None)  # type: ignore[arg-type] - no letters
        async with Dispatch(desk, carrier, pause_after).running() as dispatch:
            while True:
                await dispatch.sweep()
                await asyncio.sleep(0.1)


class Backend:
    """Gives each message one effect; on its bad days it says nothing, or dies after the effect."""

    def __init__(self, database: str, shift: str, seed: int) -> None:
        self._database = database
        self._clock = ShiftedClock(Path(shift))
        self._dice = random.Random(seed)

    async def take(self, request: web.Request) -> web.Response:
        """Take a message in."""
        body = await request.read()
        try:
            ident = check_webhook(SECRET, request.headers, body, self._clock.now())
        except Refused as refused:
            return web.Response(status=401, text=str(refused))
        fate = self._dice.random()
        if fate < 0.05:
            return web.Response(status=503)
        what = "lost" if fate < 0.15 else "died" if fate < 0.17 else "answered"
        self._effect(ident, body, what)
        if what == "died":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "lost":
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=204)

    def _effect(self, ident: str, body: bytes, what: str) -> None:
        with closing(sqlite3.connect(self._database, timeout=10)) as db, db:
            db.execute("INSERT INTO heard (id, body, what) VALUES (?, ?, ?)", (ident, body, what))
            done = db.execute("INSERT OR IGNORE INTO effect VALUES (?, ?)", (ident, body))
            db.execute("UPDATE ledger SET number = number + ?", (done.rowcount,))


async def serve(database: str, shift: str, port: int, seed: int) -> None:
    """Listen until somebody kills this."""
    app = web.Application()
    app.router.add_post("/hook", Backend(database, shift, seed).take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    await asyncio.Event().wait()


def prepare(database: Path) -> None:
    """Make the backend's tables."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(SCHEMA)
        db.execute("INSERT INTO ledger VALUES (0)")


def main() -> None:
    """Fork a program for each line; the kernel clears up after those that are killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children = []
    for line in sys.stdin:
        asked = json.loads(line)
        program = {"work": work, "serve": serve}[asked.pop("program")]
        if (child := os.fork()) == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(program(**asked))
            os._exit(1)
        children.append(child)
        print(child, flush=True)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
