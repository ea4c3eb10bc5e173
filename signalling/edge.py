"""The Socket.IO server and what it refuses before a message is looked at.

WebSocket and text frames only; named origins only, and never none; so many connections, so many
frames a second, so long a frame. A connection that sends what cannot be a message is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import socketio
import structlog
from aiohttp import web
from socketio.packet import BINARY_ACK, BINARY_EVENT, EVENT, Packet

from invigilation.ports import Clock
from signalling.bucket import Bucket
from signalling.tasks import Tasks
from signalling.waiting import Waiting

NAMESPACE: Final = "/room"
PATH: Final = "room/socket"
PING_INTERVAL_S: Final = 5
PING_TIMEOUT_S: Final = 10
FRAME_LIMIT: Final = 64 * 1024
CONNECTION_LIMIT: Final = 1_000
"""Of connections whose ticket was good."""
OUTSIDE_LIMIT: Final = 400
"""Of those that have given none yet; when there are more, the oldest has to go."""
WAITING_LIMIT: Final = 100
"""Of connections from one place that have joined nothing yet: nobody alone takes all of them."""
FRAMES_A_SECOND: Final = 100.0
FRAMES_AT_ONCE: Final = 300.0
"""Of frames of any kind; a client that keeps to the limit of messages is far below."""
ENTER_S: Final = 10.0
"""How long a connection may take until it has given a ticket."""
JOIN_S: Final = 180.0
"""How long one with a ticket may wait before it joins: somebody looks at their camera first."""
UNREADABLE: Final = (ValueError, TypeError, LookupError, RecursionError)
"""What the library's decoders raise for frames that they cannot read."""
RESERVED: Final = frozenset({"connect", "disconnect", "connect_error"})
CLOSE_S: Final = 3.0
GRACE_S: Final = 0.5
"""How long a client that was asked to go may take."""

log = structlog.get_logger(__name__)

Place = Callable[[web.Request], str]


class Malformed(ValueError):
    """A frame that cannot be a message of this protocol."""


@dataclass(slots=True)
class Link:
    """An engine connection: its request and place, its frames, its deadline, how far it came."""

    request: web.BaseRequest
    place: str
    bucket: Bucket
    deadline: asyncio.TimerHandle
    tried: bool = False


class TextPacket(Packet):  # type: ignore[misc]  # the library is untyped
    """A packet without attachments: those would be hoarded until the last of them came."""

    uses_binary_events = False

    def decode(self, encoded_packet: object) -> int:
        """Read a text frame; raises `Malformed` for anything else."""
        if not isinstance(encoded_packet, str):
            raise Malformed("binary")
        count = super().decode(encoded_packet)
        if self.packet_type in {BINARY_EVENT, BINARY_ACK} or count:
            raise Malformed("attachments")
        if self.packet_type == EVENT and not (
            isinstance(self.data, list)
            and self.data
            and isinstance(self.data[0], str)
            and self.data[0] not in RESERVED
        ):
            raise Malformed("event")
        return 0


class EdgeServer(socketio.AsyncServer):  # type: ignore[misc]  # the library is untyped
    """The server, with our own checks where a connection and where a frame comes in.

    Only pages of `origins` (`https://host[:port]`) may connect. `place` says where a request comes
    from; behind a reverse proxy that is not who holds the connection.
    """

    def __init__(self, origins: list[str], clock: Clock, place: Place | None = None) -> None:
        if not origins or "*" in origins:
            raise ValueError("name the origins that may connect")
        super().__init__(
            async_mode="aiohttp",
            transports=["websocket"],
            cors_allowed_origins=list(origins),
            cors_credentials=False,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            max_http_buffer_size=FRAME_LIMIT,
            async_handlers=True,  # the namespace keeps the order within a session
            serializer=TextPacket,
            namespaces=[NAMESPACE],
        )
        self._clock = clock
        self._place = place or _peer
        self._tasks = Tasks()
        self._links: dict[str, Link] = {}
        self._outside, self._unjoined = Waiting(), Waiting()
        """Those that have given no ticket yet, and those that have, and joined nothing yet."""
        self._within: set[str] = set()
        self.ended: Callable[[str], None] = _nobody
        """Told of every connection that has ended, however far it had come."""
        self.closed: Callable[[str], None] = _nobody
        """Told why, of every connection that was refused or closed from here."""

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, None]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[None]:
        """Start the handling of one message: the library would own it, and await it never."""
        return self._tasks.start(target(*args, **kwargs))

    def route(self, app: web.Application) -> None:
        """Serve this server's one address in an application."""
        app.router.add_get(f"/{PATH}/", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await self.handle_request(request)
        except UNREADABLE as error:
            log.info("a connection was closed for what it sent", why=_why(error))
            self.closed("unreadable")
            for eio_sid, link in [*self._links.items()]:
                if link.request is request:
                    self.hang_up(eio_sid)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=400)  # to nobody: the connection has just been cut
        return response

    def entered(self, eio_sid: str) -> None:
        """Lift the deadline of a connection."""
        link = self._links.get(eio_sid)
        if link is not None:
            link.deadline.cancel()
            self._let_in(eio_sid, link)
            self._unjoined.discard(link.place, eio_sid)

    def admitted(self, eio_sid: str) -> None:
        """Give a connection whose ticket was good its time to join."""
        link = self._links.get(eio_sid)
        if link is not None:
            link.deadline.cancel()
            self._let_in(eio_sid, link)
            self._unjoined.add(link.place, eio_sid)
            loop = asyncio.get_running_loop()
            link.deadline = loop.call_later(JOIN_S, self._too_late, eio_sid)

    def _let_in(self, eio_sid: str, link: Link) -> None:
        self._outside.discard(link.place, eio_sid)
        self._within.add(eio_sid)

    def lives(self, eio_sid: str) -> bool:
        """Say whether a connection has not ended."""
        return eio_sid in self._links

    def first_try(self, eio_sid: str) -> bool:
        """Say whether this connection tries to enter for the first time."""
        link = self._links.get(eio_sid)
        if link is None or link.tried:
            return False
        link.tried = True
        return True

    def hang_up(self, eio_sid: str) -> None:
        """Close a connection soon, after what was sent before; returns at once."""
        link = self._links.get(eio_sid)
        if link is not None:
            self._tasks.start(self._hang_up(eio_sid, link))

    def cut_off(self, eio_sid: str, why: str) -> None:
        """Close a connection soon, and hear nothing more of it from now on."""
        self.closed(why)
        self.hang_up(eio_sid)
        self._forget(eio_sid)

    def waiting(self, eio_sid: str) -> int:
        """Return how many frames wait to be sent to a connection."""
        socket = self.eio.sockets.get(eio_sid)
        return 0 if socket is None else int(socket.queue.qsize())

    async def close(self) -> None:
        """Close every connection and end the server's own tasks."""
        for eio_sid in [*self._links]:
            self.hang_up(eio_sid)
        await self._tasks.finish()
        for eio_sid in [*self._links]:
            self._forget(eio_sid)
        await self.shutdown()

    async def _hang_up(self, eio_sid: str, link: Link) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.eio.disconnect(eio_sid)
                await asyncio.sleep(GRACE_S)
        # The library only asks the client to go. One that does not is cut off.
        if link.request.transport is not None:
            link.request.transport.abort()

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        # The library checks an Origin that is there; it lets a missing one pass.
        if not environ.get("HTTP_ORIGIN"):
            log.warning("a connection without an origin was refused")
            self.closed("origin")
            return False
        request = environ["aiohttp.request"]
        place = self._place(request)
        if not self._make_room(place):
            self.closed("many")
            return False
        bucket = Bucket(FRAMES_A_SECOND, FRAMES_AT_ONCE, self._clock)
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(ENTER_S, self._too_late, eio_sid)
        self._links[eio_sid] = Link(request, place, bucket, deadline)
        self._outside.add(place, eio_sid)
        await super()._handle_eio_connect(eio_sid, environ)
        return None

    def _make_room(self, place: str) -> bool:
        """Say whether one more may come from a place; one without a ticket may have to go for it.

        Who floods the door so does not shut it: whoever has a ticket gives it at once.
        """
        if len(self._within) >= CONNECTION_LIMIT:
            log.warning("too many connections", limit=CONNECTION_LIMIT)
            return False
        if self._outside.count(place) + self._unjoined.count(place) >= WAITING_LIMIT:
            log.warning("too many connections from one place", limit=WAITING_LIMIT)
            return self._send_away(place)
        if len(self._outside) >= OUTSIDE_LIMIT:
            log.warning("too many connections without a ticket", limit=OUTSIDE_LIMIT)
            return self._send_away(self._outside.fullest())
        return True

    def _send_away(self, place: str) -> bool:
        """Close the oldest connection of a place that has given no ticket, if there is any."""
        oldest = self._outside.oldest(place)
        if oldest is None:
            return False
        self._outside.discard(place, oldest)
        self.closed("many")
        self.hang_up(oldest)
        return True

    def _too_late(self, eio_sid: str) -> None:
        log.info("a connection that entered nothing was closed")
        self.closed("late")
        self.hang_up(eio_sid)

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        link = self._links.get(eio_sid)
        if link is None:
            return
        try:
            if not link.bucket.take():
                raise Malformed("too many frames")
            await super()._handle_eio_message(eio_sid, data)
        except UNREADABLE as error:
            log.info("a connection was closed for what it sent", why=_why(error))
            self.cut_off(eio_sid, "unreadable")

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._forget(eio_sid)
        await super()._handle_eio_disconnect(eio_sid, reason)
        self.ended(eio_sid)

    def _forget(self, eio_sid: str) -> None:
        link = self._links.pop(eio_sid, None)
        if link is not None:
            link.deadline.cancel()
            self._outside.discard(link.place, eio_sid)
            self._unjoined.discard(link.place, eio_sid)
            self._within.discard(eio_sid)


def _peer(request: web.Request) -> str:
    return request.remote or ""


def _nobody(_what: str) -> None:
    """Tell nobody."""


def _why(error: Exception) -> str:
    """Say what was wrong with a frame, in our own words alone: the library's quote what came."""
    return str(error) if isinstance(error, Malformed) else type(error).__name__
