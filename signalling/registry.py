"""All live rooms of this process."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

import structlog

from invigilation.errors import Busy, NotAllowed
from signalling.actor import COMMAND_S
from signalling.commands import Answer, RoomClosed, Said
from signalling.messages import Join, Message
from signalling.room import Means, Room
from signalling.seat import Person

ROOM_LIMIT: Final = 200
DRAIN_S: Final = 8.0
TRIES: Final = 3

log = structlog.get_logger(__name__)


class Rooms:
    """Opens rooms when somebody joins, and owns the tasks that they live in."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._rooms: dict[str, Room] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._draining = False

    def __len__(self) -> int:
        """Return how many rooms are open."""
        return len(self._rooms)

    async def say(self, person: Person, message: Message) -> Answer:
        """Hand a message to its room and return the answer; raises as `Room.do` does."""
        for _ in range(TRIES):
            room = self._rooms.get(message.session)
            if room is None:
                if not isinstance(message, Join):
                    raise NotAllowed("do this before you have joined the session")
                room = self._open(message.session)
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

    def learner_since(self, session: str) -> datetime | None:
        """Since when the learner is in the session's room."""
        room = self._rooms.get(session)
        return None if room is None else room.learner_since

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

    def _open(self, session: str) -> Room:
        if self._draining or len(self._rooms) >= ROOM_LIMIT:
            raise Busy("server")
        room = Room(session, self._means)
        self._rooms[session] = room
        self._tasks[session] = asyncio.create_task(self._live(room))
        return room

    async def _live(self, room: Room) -> None:
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
