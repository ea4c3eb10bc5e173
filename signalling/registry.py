"""All live rooms of this process."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from invigilation.document import DocumentKind
from invigilation.errors import Busy, NotAllowed
from signalling.actor import COMMAND_S
from signalling.capture import Progress, Side
from signalling.commands import Answer, RoomClosed, Said
from signalling.full_size import Told
from signalling.means import Means
from signalling.messages import Join, Message, TakeOver, WithdrawHandover
from signalling.room import UNATTENDED_S, Room
from signalling.seat import Person
from signalling.watching import RoomFigures
from signalling.wire import Glimpse

ROOM_LIMIT: Final = 200
DRAIN_S: Final = 8.0
TRIES: Final = 3
WATCH_LIMIT: Final = 16
"""Rooms that one connection of staff may be in."""
OPENING: Final = (Join, TakeOver, WithdrawHandover)
"""Messages that open a room: they may come from outside."""

log = structlog.get_logger(__name__)


class Rooms:
    """Opens rooms when somebody joins, and owns the tasks that they live in."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._rooms: dict[str, Room] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._joining: dict[str, set[str]] = {}
        self._draining = False
        self._began = means.clock.monotonic()
        self._watched_from = means.clock.now()

    def __len__(self) -> int:
        """Return how many rooms are open."""
        return len(self._rooms)

    @property
    def figures(self) -> tuple[RoomFigures, ...]:
        """How each open room stands, in figures."""
        return tuple(room.figures for room in self._rooms.values())

    async def say(self, person: Person, message: Message) -> Answer:
        """Hand a message to its room and return the answer; raises as `Room.do` does."""
        if not isinstance(message, Join):
            return await self._say(person, message)
        inside = {one for one, room in self._rooms.items() if room.holds(person.sid)}
        joining = self._joining.setdefault(person.sid, set())
        try:
            if len((inside | joining) - {message.session}) >= WATCH_LIMIT:
                raise NotAllowed(f"watch more than {WATCH_LIMIT} sessions at once")
            joining.add(message.session)
            return await self._say(person, message)
        finally:
            joining.discard(message.session)
            if not joining:
                self._joining.pop(person.sid, None)

    async def _say(self, person: Person, message: Message) -> Answer:
        for _ in range(TRIES):
            room = self._rooms.get(message.session)
            if room is None:
                if not isinstance(message, OPENING):
                    raise NotAllowed("do this before you have joined the session")
                room = self._open(message)
            if room.too_many(person, message):
                raise Busy("offers")
            try:
                return await room.do(Said(person, message))
            except RoomClosed:
                await self._wait_closed(room)
        raise Busy("room")

    def gone(self, sid: str) -> None:
        """Note that a connection is gone."""
        for room in self._rooms.values():
            room.gone(sid)

    def look(self, session: str) -> None:
        """Tell the session's room, if it is open, that something outside has changed it."""
        room = self._rooms.get(session)
        if room is not None:
            room.look()

    def look_again(self) -> None:
        """Tell every open room that something outside may have changed its session."""
        for room in self._rooms.values():
            room.look()

    def progress(self, session: str, progress: Progress) -> None:
        """Tell the session's room how much of a picture has come from the learner's page."""
        room = self._rooms.get(session)
        if room is not None:
            room.progress(progress)

    def told(self, session: str, sha256: str) -> Told | None:
        """Return what the learner's page told the session's room of a picture, if it did."""
        room = self._rooms.get(session)
        return None if room is None else room.told(sha256)

    def captured(self, session: str, side: Side, kind: DocumentKind) -> None:
        """Tell the session's room that such a picture is in the record."""
        room = self._rooms.get(session)
        if room is not None:
            room.captured(side, kind)

    def glimpse(self, session: str) -> Glimpse:
        """Return what a lobby shows of the session's room."""
        room = self._rooms.get(session)
        if room is not None:
            return room.glimpse
        # Nobody is in it. But after a restart people need a moment to come back.
        up_for = self._means.clock.monotonic() - self._began
        return Glimpse(None, None, unattended=up_for >= UNATTENDED_S)

    async def drain(self) -> None:
        """Open no more rooms, and close those that are open."""
        self._draining = True
        for room in self._rooms.values():
            room.close()
        tasks = [*self._tasks.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in late:
            task.cancel()
        if late:
            log.warning("rooms were closed by force", rooms=len(late))
            await asyncio.wait(late)

    def _open(self, message: Message) -> Room:
        session = message.session
        if self._draining or len(self._rooms) >= ROOM_LIMIT:
            raise Busy("server")
        # To take over is only possible where nobody has been for a while.
        take_over = isinstance(message, TakeOver)
        nobody_since = self._began if take_over else self._means.clock.monotonic()
        room = Room(session, self._means, nobody_since, self._watched_from)
        self._rooms[session] = room
        self._tasks[session] = asyncio.create_task(self._live(room))
        return room

    async def _live(self, room: Room) -> None:
        # Whatever is logged in this task or by its children says whose room it was.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(session=room.session)
        try:
            await room.run()
        except Exception:
            log.exception("a room failed", session=room.session)
        finally:
            del self._rooms[room.session]
            del self._tasks[room.session]

    async def _wait_closed(self, room: Room) -> None:
        try:
            async with asyncio.timeout(COMMAND_S):
                await room.closed.wait()
        except TimeoutError:
            raise Busy("room") from None
