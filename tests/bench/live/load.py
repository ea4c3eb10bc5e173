"""`python -m tests.bench.live.load SYSTEM URL SESSIONS FILM`: plays sessions against one server.

Prints `{"ready": ...}` once everybody sees and hears the other; then, for every line that comes
in, the counts so far; ends with its input. SYSTEM is ours, relay, janus or janus-recording, which
asks for learners to be recorded, or churn, which only connects and ends sessions.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import uvloop

from tests.bench.live.client import Client, Line, use_one_address
from tests.bench.live.film import FPS, Film

READY_S = 30
FRAMES = FPS  # a second of picture, and so of sound, is proof that a session runs
BOTH = (("audio", "sendrecv"), ("video", "sendrecv"))
# The service's pages offer the screen and the second camera, too; nothing is sent there here.
SHAPES = {
    "ours": {
        "learner": (*BOTH, ("video", "sendonly")),
        "invigilator": (*BOTH, ("video", "recvonly"), ("video", "recvonly")),
    },
    "relay": {"learner": BOTH, "invigilator": BOTH},
}


class Signaller(Protocol):
    """Connects the two participants of a session: gives their clients, senders and receivers."""

    async def pair(self, session: int) -> list[tuple[Client, Client]]:
        """Connect learner and invigilator; each as (the one that sends, the one that receives)."""


class Http:
    """An offer by POST, the answer in return: one connection carries both ways."""

    def __init__(self, http: aiohttp.ClientSession, url: str, system: str) -> None:
        self._http = http
        self._url = url
        self._shapes = SHAPES[system]

    async def pair(self, session: int) -> list[tuple[Client, Client]]:
        clients = []
        for who, shape in self._shapes.items():
            client = Client()
            lines = [Line(kind, str(mid), way) for mid, (kind, way) in enumerate(shape)]
            offer = await client.offer(lines)
            async with self._http.post(f"{self._url}/{session}/{who}", data=offer) as response:
                response.raise_for_status()
                answer = await response.text()
            await client.accept(answer)
            clients.append((client, client))
        return clients


class Janus:
    """Janus's VideoRoom by its JSON over a WebSocket: a room a session, a connection a way.

    With `recording`, the first in each room is recorded, into files where Janus was started.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, *, recording: bool) -> None:
        self._recording = recording
        self._http = http
        self._url = url
        self._socket: Any = None
        self._reader: Any = None
        self._count = 0
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._session = 0

    async def pair(self, session: int) -> list[tuple[Client, Client]]:
        if self._socket is None:
            await self._open()
        handle = await self._attach()
        room = session + 1
        await self._ask(
            handle,
            {
                "request": "create",
                "room": room,
                "publishers": 2,
                "bitrate": 0,
                "audiocodec": "opus",
                "videocodec": "vp8",
                "transport_wide_cc_ext": False,
            },
            event=False,
        )
        taped = {"record": True, "filename": f"learner-{room}"} if self._recording else {}
        published = [await self._publish(room, more) for more in (taped, {})]
        return [
            (sender, await self._subscribe(room, published[1 - who][1]))
            for who, (sender, _) in enumerate(published)
        ]

    async def _publish(self, room: int, more: dict[str, Any]) -> tuple[Client, int]:
        handle = await self._attach()
        joined = await self._ask(handle, {"request": "join", "ptype": "publisher", "room": room})
        client = Client()
        offer = await client.offer([Line("audio", "0", "sendonly"), Line("video", "1", "sendonly")])
        jsep = {"type": "offer", "sdp": offer}
        answered = await self._ask(handle, {"request": "publish"} | more, jsep)
        await client.accept(answered["jsep"]["sdp"])
        await asyncio.wait_for(self._waiter(f"webrtcup-{handle}"), READY_S)
        return client, joined["plugindata"]["data"]["id"]

    async def _subscribe(self, room: int, feed: int) -> Client:
        handle = await self._attach()
        body = {"request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": feed}]}
        offered = await self._ask(handle, body)
        client = Client()
        answer, theirs = await client.answer(offered["jsep"]["sdp"])
        await self._ask(handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        await client.connect_by(theirs)
        return client

    async def _open(self) -> None:
        self._socket = await self._http.ws_connect(self._url, protocols=["janus-protocol"])
        self._reader = asyncio.create_task(self._read())
        self._session = (await self._call({"janus": "create"}))["data"]["id"]

    async def _attach(self) -> int:
        message = {"janus": "attach", "plugin": "janus.plugin.videoroom"}
        return (await self._call(message))["data"]["id"]

    async def _ask(
        self, handle: int, body: dict[str, Any], jsep: Any = None, *, event: bool = True
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"janus": "message", "handle_id": handle, "body": body}
        if jsep:
            message["jsep"] = jsep
        answer = await self._call(message, "event" if event else "success")
        data = answer["plugindata"]["data"]
        if "error" in data:
            raise RuntimeError(data["error"])
        return answer

    async def _call(self, message: dict[str, Any], kind: str = "success") -> dict[str, Any]:
        self._count += 1
        number = f"{kind}-{self._count}"
        waiter = self._waiter(number)
        if self._session:
            message["session_id"] = self._session
        await self._socket.send_json(message | {"transaction": number})
        return await asyncio.wait_for(waiter, READY_S)

    def _waiter(self, name: str) -> asyncio.Future[dict[str, Any]]:
        """Give what the message of this name, KIND-TRANSACTION or KIND-HANDLE, will set."""
        if name not in self._waiting:
            self._waiting[name] = asyncio.get_running_loop().create_future()
        return self._waiting[name]

    async def _read(self) -> None:
        async for received in self._socket:
            message = received.json()
            kind, name = message["janus"], message.get("transaction", "")
            if kind == "webrtcup":
                name = f"webrtcup-{message['sender']}"
                self._waiter(name)
            waiter = self._waiting.get(name)
            if waiter is None or waiter.done():
                continue
            if kind == "error":
                waiter.set_exception(RuntimeError(str(message["error"])))
            elif kind == name.split("-")[0]:
                waiter.set_result(message)


def counts(pairs: list[tuple[Client, Client]]) -> dict[str, int]:
    """Add up over all participants; `ends` are whole pictures and sounds."""
    received = [count for _, client in pairs for count in client.counts.values()]
    return {
        "sent": sum(client.sent for client, _ in pairs),
        "sent_ends": sum(client.sent_ends for client, _ in pairs),
        "received": sum(count.packets for count in received),
        "received_ends": sum(count.ends for count in received),
        "key_wishes": sum(client.key_wishes for client, _ in pairs),
        "resend_wishes": sum(client.resend_wishes for client, _ in pairs),
    }


async def play(signaller: Signaller, sessions: int, film: Film) -> list[tuple[Client, Client]]:
    """Connect and play them all; return when everybody gets sound and picture."""
    pairs = []
    for session in range(sessions):
        both = await signaller.pair(session)
        for (sender, _), pictures in zip(both, (film.camera, film.small), strict=True):
            sender.play(pictures, film, sender.lines[:2])
        for _, receiver in both:
            if receiver._player is None:  # it reports what it gets, as everybody does
                receiver.play([], film, [])
        pairs += both
    await asyncio.wait_for(asyncio.gather(*(runs(receiver) for _, receiver in pairs)), READY_S)
    return pairs


async def runs(client: Client) -> None:
    """Wait until sound and picture have come for a second."""
    while sum(count.ends >= FRAMES for count in client.counts.values()) < 2:
        client.came.clear()
        await client.came.wait()


async def churn(http: aiohttp.ClientSession, url: str, sessions: int) -> None:
    """Connect that many sessions, one after the other, and end each."""
    signaller = Http(http, url, "ours")
    for session in range(sessions):
        for client, _ in await signaller.pair(session):
            await client.close()
        async with http.delete(f"{url}/{session}") as response:
            response.raise_for_status()


def _signaller(system: str, http: aiohttp.ClientSession, url: str) -> Signaller:
    if system.startswith("janus"):
        return Janus(http, url, recording=system == "janus-recording")
    return Http(http, url, system)


async def main(system: str, url: str, sessions: int, film: Film) -> None:
    use_one_address()
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with aiohttp.ClientSession() as http:
        if system == "churn":
            await churn(http, url, sessions)
            print(json.dumps({"ready": ""}), flush=True)
            return
        signaller = _signaller(system, http, url)
        pairs = await play(signaller, sessions, film)
        cipher = pairs[0][0].dtls._ssl.get_selected_srtp_profile().decode()
        print(json.dumps({"ready": cipher}), flush=True)
        while await orders.readline():
            print(json.dumps(counts(pairs)), flush=True)
        closing: list[Awaitable[None]] = [
            c.close() for c in {id(c): c for p in pairs for c in p}.values()
        ]
        await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), 5)


if __name__ == "__main__":
    _, chosen, address, number, path = sys.argv
    uvloop.run(main(chosen, address, int(number), Film.read(Path(path))))
