"""One connection of the simulated learner: Socket.IO and, beside it, aiortc with film and voice."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp
import aioice.ice
import socketio
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

NAMESPACE = "/room"
ACK_S = 8.0
BUSY_TRIES = 5
MEDIA_S = 20.0
"""How long a connection of media may take to come up."""

_every_address = aioice.ice.get_host_addresses


def _addresses(*, use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """Return this machine's addresses; a machine without a network still has its loopback."""
    found: list[str] = _every_address(use_ipv4=use_ipv4, use_ipv6=use_ipv6)
    return found or ["127.0.0.1"]


class Refused(Exception):
    """The room refused a message: its code and its plain sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Call:
    """Joined to a room from `open` until `gone`; then close it and make another.

    `on_state` is called with each state of the room, in order, older ones left out.
    """

    def __init__(self, session: str, on_state: Callable[[dict[str, Any]], None]) -> None:
        self.gone = asyncio.Event()
        self.replaced = False
        self.media_lost = asyncio.Event()
        self._session = session
        self._on_state = on_state
        self._seq = -1
        self._socket: socketio.AsyncClient | None = None
        self._connection: RTCPeerConnection | None = None
        self._listeners: list[asyncio.Task[None]] = []

    async def open(
        self, client: aiohttp.ClientSession, origin: str, path: str, ticket: str
    ) -> None:
        """Connect and join."""
        socket = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=client)
        socket.on("state", self._hear, namespace=NAMESPACE)
        socket.on("replaced", self._replaced, namespace=NAMESPACE)
        socket.on("draining", self._draining, namespace=NAMESPACE)
        socket.on("disconnect", self._disconnected, namespace=NAMESPACE)
        self._socket = socket
        await socket.connect(
            origin,
            headers={"Origin": origin},
            auth={"ticket": ticket},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            socketio_path=path,
            wait_timeout=ACK_S,
        )
        answer = await self.say("join")
        self._hear(answer["state"])

    async def say(self, event: str, **fields: object) -> dict[str, Any]:
        """Send one message and return its acknowledgement; `Refused` when it was refused."""
        assert self._socket is not None, "not open"
        body = {"session": self._session, **fields}
        for attempt in range(1, BUSY_TRIES + 1):
            answer = await self._socket.call(event, body, namespace=NAMESPACE, timeout=ACK_S)
            if answer["ok"]:
                return dict(answer)
            error = answer["error"]
            if error["code"] != "busy":
                break
            await asyncio.sleep(0.2 * attempt)
        raise Refused(error["code"], error["detail"])

    async def chat(self, text: str) -> None:
        """Write a line to the invigilator."""
        await self.say("chat", text=text, client_id=uuid.uuid4().hex)

    async def send_media(self, audio: MediaStreamTrack, video: MediaStreamTrack) -> None:
        """Offer sound and picture, and wait until they flow; what comes back is thrown away."""
        await self.end_media()
        aioice.ice.get_host_addresses = _addresses
        self.media_lost.clear()
        # By any other policy, the stack leaves all but the first picture on a dead transport.
        together = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        connection = RTCPeerConnection(together)
        self._connection = connection
        up = asyncio.Event()

        def changed() -> None:
            if connection.connectionState == "connected":
                up.set()
            elif connection is self._connection and connection.connectionState in {
                "failed",
                "closed",
            }:
                self.media_lost.set()

        connection.on("connectionstatechange", changed)
        connection.on("track", self._listen)
        # The m-lines of a learner: voice, camera, and a screen that nobody shares here.
        connection.addTransceiver(audio, "sendrecv")
        connection.addTransceiver(video, "sendrecv")
        connection.addTransceiver("video", "sendonly")
        await connection.setLocalDescription(await connection.createOffer())
        answer = await self.say("offer", sdp=connection.localDescription.sdp)
        await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await asyncio.wait_for(up.wait(), MEDIA_S)
        await self.say("media", camera=True, microphone=True, screen=False)

    async def end_media(self) -> None:
        """Send and take no more sound and picture."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
        for task in self._listeners:
            task.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        self._listeners.clear()

    async def close(self, *, leaving: bool) -> None:
        """End it all; `leaving` tells the room that this person stays out."""
        with contextlib.suppress(Refused, socketio.exceptions.SocketIOError):
            if leaving:
                await self.say("leave")
        await self.end_media()
        if self._socket is not None:
            await self._socket.disconnect()

    def _listen(self, track: MediaStreamTrack) -> None:
        self._listeners.append(asyncio.create_task(_drain(track)))

    def _hear(self, state: dict[str, Any]) -> None:
        if state["seq"] >= self._seq:
            self._seq = state["seq"]
            self._on_state(state)

    def _replaced(self, _: object) -> None:
        self.replaced = True
        self.gone.set()

    def _draining(self, *_: object) -> None:
        self.gone.set()

    def _disconnected(self, *_: object) -> None:
        self.gone.set()


async def _drain(track: MediaStreamTrack) -> None:
    """Take what the invigilator sends, so that it does not pile up."""
    with contextlib.suppress(MediaStreamError):
        while True:
            await track.recv()
