"""Places in the line for a full day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.request import RequestState
from invigilation.store.calendar_rows import waiting
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.rows import assessment, learner, request
from invigilation.waiting import IN_LINE, Waiting, WaitingState

_STANDS = waiting.c.state.in_(sorted(IN_LINE))


@dataclass(frozen=True, slots=True)
class Queued:
    """A place in the line, and whose it is."""

    waiting: Waiting
    learner_name: str
    title: str


class WaitingRows:
    """Rows of places in the line."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def join(self, one: Waiting, limit: int) -> Waiting | None:
        """Insert a place, or return the one that the request has for that day already.

        None if the request has `limit` places.
        """
        # The request's row is held, so that two that join at once are counted.
        await self._db.execute(
            select(request.c.id).where(request.c.id == one.request).with_for_update(key_share=True)
        )
        mine = await self.of(one.request)
        for place in mine:
            if place.first == one.first:
                return place
        if len(mine) >= limit:
            return None
        await self._db.execute(self._insert(waiting).values(**dump(one)))
        return one

    async def find(self, ident: str) -> Waiting | None:
        """Find a place, and hold it until the transaction ends."""
        return await self._one(waiting.c.id == ident)

    async def offered(self, booking: str) -> Waiting | None:
        """Find the place to which a reserved booking is offered, and hold it."""
        return await self._one(
            (waiting.c.booking == booking) & (waiting.c.state == WaitingState.OFFERED)
        )

    async def of(self, request_id: str) -> list[Waiting]:
        """Return where a request stands in line, by day."""
        query = all_of(waiting, Waiting).where(waiting.c.request == request_id, _STANDS)
        return await self._many(query.order_by(waiting.c.first))

    async def ahead(self, one: Waiting) -> int:
        """Return how many others joined before, for a time that touches this place's day."""
        query = select(func.count()).where(
            waiting.c.first < one.last,
            waiting.c.last > one.first,
            waiting.c.request != one.request,
            or_(
                waiting.c.created < one.created,
                (waiting.c.created == one.created) & (waiting.c.id < one.id),
            ),
            _STANDS,
        )
        return int((await self._db.execute(query)).scalar_one())

    async def line(self, after: tuple[datetime, str], limit: int) -> list[Waiting]:
        """Return who waits for an offer, in the order of joining, from behind a time and id."""
        query = all_of(waiting, Waiting).where(
            waiting.c.state == WaitingState.WAITING,
            or_(
                waiting.c.created > after[0],
                (waiting.c.created == after[0]) & (waiting.c.id > after[1]),
            ),
        )
        return await self._many(query.order_by(waiting.c.created, waiting.c.id).limit(limit))

    async def queue(self, first: datetime, last: datetime) -> list[Queued]:
        """Return who stands in line for a time from `first` to before `last`, as they joined."""
        place = columns(waiting, Waiting)
        query = (
            select(*place, learner.c.name, assessment.c.title)
            .join(request, waiting.c.request == request.c.id)
            .join(learner, request.c.learner == learner.c.id)
            .join(assessment, request.c.assessment == assessment.c.id)
            .where(waiting.c.first < last, waiting.c.last > first, _STANDS)
        )
        rows = await self._db.execute(query.order_by(waiting.c.created, waiting.c.id))
        return [Queued(load(Waiting, row[: len(place)]), *row[len(place) :]) for row in rows]

    async def save(self, one: Waiting, was: WaitingState) -> bool:
        """Write a place's state and booking, if it is in the state that was read; say whether."""
        done = await self._db.execute(
            update(waiting)
            .where(waiting.c.id == one.id, waiting.c.state == was)
            .values(state=one.state, booking=one.booking)
        )
        return done.rowcount == 1

    async def leave_all(self, request_id: str, booking: str) -> None:
        """Take a request out of all lines; the place that was offered `booking` has accepted it."""
        mine = update(waiting).where(waiting.c.request == request_id, _STANDS)
        accepted = mine.where(waiting.c.booking == booking, waiting.c.state == WaitingState.OFFERED)
        await self._db.execute(accepted.values(state=WaitingState.ACCEPTED))
        await self._db.execute(mine.values(state=WaitingState.LEFT))

    async def lapse(self, earliest: datetime) -> int:
        """End the waiting for days that are over, or too near, and of requests that are closed.

        `earliest` is the first start that can still be offered. Return how many ended; whatever
        somebody else holds just now is left for the next time, so that neither waits in a circle.
        """
        closed = exists().where(
            request.c.id == waiting.c.request, request.c.state != RequestState.OPEN
        )
        over = (
            select(waiting.c.id)
            .where(waiting.c.state == WaitingState.WAITING, or_(waiting.c.last <= earliest, closed))
            .with_for_update(skip_locked=True)
        )
        ended = update(waiting).where(waiting.c.id.in_(over))
        done = await self._db.execute(ended.values(state=WaitingState.LAPSED))
        return int(done.rowcount)

    async def _one(self, condition: Any) -> Waiting | None:
        query = all_of(waiting, Waiting).where(condition).with_for_update()
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Waiting, row)

    async def _many(self, query: Select[Any]) -> list[Waiting]:
        return [load(Waiting, row) for row in await self._db.execute(query)]
