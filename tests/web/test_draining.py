"""A process that is told to end says so first, and finishes what it has begun."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from web.draining import DRAINING, run_until_told


class Place:
    """An application under way, in the test's own process."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.seen: list[str] = []
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.app = web.Application()
        self.app[DRAINING] = [lambda: self.seen.append("told")]
        self.app.on_shutdown.append(self._shutdown)
        self.app.add_routes([web.get("/", self._answer), web.get("/slow", self._slow)])

    async def _shutdown(self, _: web.Application) -> None:
        self.seen.append("shut down")
        self.go_on.set()

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(text=" ".join(self.seen))

    async def _slow(self, _: web.Request) -> web.Response:
        self.begun.set()
        await self.go_on.wait()
        self.seen.append("answered")
        return web.Response(text="done")


@asynccontextmanager
async def serving(place: Place, notice: float) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run_until_told(place.app, place.listener, notice))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def end() -> None:
    """Send the signal, and let it come."""
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0)


async def test_a_request_under_way_is_answered(client: aiohttp.ClientSession) -> None:
    place = Place()
    async with serving(place, 0) as task:
        slow = asyncio.create_task(text(client, f"{place.url}/slow"))
        await place.begun.wait()
        await end()

        assert await slow == "done"
        await task

    assert place.seen == ["told", "shut down", "answered"]
    with pytest.raises(aiohttp.ClientConnectorError):
        await text(client, place.url)


async def test_during_the_notice_everything_is_served(client: aiohttp.ClientSession) -> None:
    place = Place()
    async with serving(place, 300) as task:
        await text(client, place.url)
        await end()

        assert await text(client, place.url) == "told"
        assert not task.done()

        await end()  # a second signal: somebody is in a hurry
        await task

    assert place.seen == ["told", "shut down"]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


async def text(client: aiohttp.ClientSession, url: str) -> str:
    async with client.get(url) as answer:
        return await answer.text()
