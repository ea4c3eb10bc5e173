"""The live room as a whole: what the service attaches to its application."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

from aiohttp import web

from invigilation.desk import Desk
from invigilation.document import DocumentKind
from invigilation.people import Staff
from invigilation.ports import Clock
from signalling.addresses import default_addresses
from signalling.capture import Progress, Side
from signalling.edge import EdgeServer, Place
from signalling.full_size import Told
from signalling.lobby import Lobby
from signalling.means import Means
from signalling.namespace import Lines, RoomNamespace
from signalling.peer import MediaSettings, Peer
from signalling.ports import EvidenceRoom, MediaPeer, PeerFactory
from signalling.registry import Rooms
from signalling.tasks import Tasks
from signalling.tracks import Shape
from signalling.udp import SharedDoors
from signalling.watching import UNWATCHED, Figures, Watch


class RtcPeers:
    """Makes real peers; owns the sockets that they share, if their settings name one port.

    `open` it first, and `close` it when all its peers are closed.
    """

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._doors = None if settings.port is None else SharedDoors(settings.port)
        self._turn = asyncio.Lock()  # gives turns in the order in which they were asked for
        self.dropped: Counter[str] = Counter()
        """Datagrams that were more than one participant may send, by kind, since the start."""

    def open(self) -> None:
        """Take the one port, if the settings name one; raises OSError where it is taken."""
        if self._doors is not None:
            self._doors.bind(self._settings.host_addresses or default_addresses())

    async def answer(self, sdp: str, shape: Shape) -> tuple[MediaPeer, str]:
        """Answer an offer of this shape; raises `SdpRefused`.

        That takes some 10 ms of the one loop, in pieces: one at a time, so that everybody else has
        their turn between the pieces of many.
        """
        async with self._turn:
            return await Peer.answer(sdp, shape, self._settings, self._doors, self.dropped)

    def close(self) -> None:
        """Close the shared sockets; may be called again."""
        if self._doors is not None:
            self._doors.close()


class Live:
    """Rooms, lobby and the Socket.IO server over them.

    `attach` it to the application, which then starts it, and drains it when it shuts down.
    `origins` are the addresses of our own pages, as a browser's `Origin` names them. The clock's
    `monotonic` must be that of `time.monotonic`, by which peers note their packets. `place` says
    where a request comes from, behind a proxy or not. `watch` hears what happens, for the figures
    of the service.
    """

    def __init__(
        self,
        desk: Desk,
        evidence: EvidenceRoom,
        peers: PeerFactory,
        clock: Clock,
        origins: list[str],
        place: Place | None = None,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._tasks = Tasks()
        self._server = EdgeServer(origins, clock, place)
        self._server.closed = watch.closed
        self._lines = Lines(self._server)
        means = Means(desk, evidence, peers, self._lines, clock, self._changed, watch)
        self.rooms = Rooms(means)
        self._lobby = Lobby(desk, self._lines, clock, self.rooms.glimpse)
        self._server.register_namespace(
            RoomNamespace(desk, self.rooms, self._lobby, self._lines, self._server, clock, watch)
        )
        self._drained = False

    def attach(self, app: web.Application) -> None:
        """Serve `/room/socket/` there, start with the application, drain at its shutdown."""
        self._server.route(app)
        app.cleanup_ctx.append(self._life)
        app.on_shutdown.append(self._on_shutdown)

    @property
    def figures(self) -> Figures:
        """How everything here stands, in figures."""
        waiting = [self._lines.waiting(sid) for sid in self._lines]
        return Figures(self.rooms.figures, len(waiting), max(waiting, default=0))

    def look(self, session: str) -> None:
        """Tell a room that its session was changed by somebody outside (check-in, extra time)."""
        self.rooms.look(session)

    def look_again(self) -> None:
        """Tell all rooms and lobbies that anything may have changed outside."""
        self.rooms.look_again()
        self._lobby.changed(None)

    def progress(self, session: str, progress: Progress) -> None:
        """Tell a room how much of a picture has come from the learner's page."""
        self.rooms.progress(session, progress)

    def told(self, session: str, sha256: str) -> Told | None:
        """Return what a learner's page told of a picture when it took it, if it did."""
        return self.rooms.told(session, sha256)

    def captured(self, session: str, side: Side, kind: DocumentKind) -> None:
        """Tell a room that a picture from the learner's page is in the record."""
        self.rooms.captured(session, side, kind)

    def changed(self, staff: str) -> None:
        """Tell that this invigilator's lobby looks different now (a booking, a check-in)."""
        self._lobby.changed(staff)

    def signed_out(self, person: str) -> None:
        """Close somebody's connections; whoever is still signed in comes back by themselves.

        `person` is one of the staff, or a request, whose learner that is.
        """
        for sid in self._lines.of_person(person):
            self._lines.dismiss(sid)

    def staff(self) -> list[Staff]:
        """Return the staff who are connected, each as they were when they came in last."""
        return self._lines.staff()

    def logins(self) -> set[str]:
        """Return the digests of the logins by which the staff who are connected came in."""
        return self._lines.logins()

    async def drain(self) -> None:
        """Send everybody away to come back, complete recordings, close; may be called again."""
        if self._drained:
            return
        self._drained = True
        await asyncio.gather(*(self._lines.send(sid, "draining", {}) for sid in self._lines))
        await self.rooms.drain()
        await self._server.close()
        await self._tasks.close()

    def _changed(self, staff: str | None) -> None:
        self._lobby.changed(staff)

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        self._tasks.start(self._lobby.run())
        yield
        await self.drain()

    async def _on_shutdown(self, _app: web.Application) -> None:
        await self.drain()
