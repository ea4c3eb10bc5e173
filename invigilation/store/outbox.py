"""The outbox: what must leave, written in the transaction that made it true."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.report import TABLE, Channel, Delivery, DeliveryEvent, DeliveryState
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import delivery
from invigilation.transitions import can

Place = tuple[Channel, str]
"""Where deliveries go: a channel, and a target on it."""
_WAITING = (DeliveryState.PENDING, DeliveryState.CLAIMED)


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery as the staff sees it: how it stands, and what was last heard.

    `accepted` is when it was first accepted, however often it was sent again.
    """

    id: str
    channel: Channel
    target: str
    type: str
    state: DeliveryState
    attempts: int
    next_at: datetime
    created: datetime
    note: str | None
    accepted: datetime | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not arrived at a place: how many, and when the oldest was made."""

    waiting: int
    oldest: datetime
    refused: int
    """How many are given up, and are not among those that wait."""


class Outbox:
    """Rows of deliveries."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add(self, *letters: Delivery, session: str | None = None) -> None:
        """Insert deliveries."""
        if letters:
            rows = [dump(letter) | {"session": session} for letter in letters]
            await self._db.execute(self._insert(delivery), rows)

    async def add_once(self, letter: Delivery, once: str, *, session: str | None = None) -> bool:
        """Insert a delivery unless one was made before under this name; say whether it was."""
        row = dump(letter) | {"once": once, "session": session}
        statement = self._insert(delivery).values(row)
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def due(
        self,
        now: datetime,
        limit: int,
        passing: Collection[Place] = (),
        full: Collection[Channel] = (),
    ) -> list[Delivery]:
        """Return deliveries whose time has come, oldest first, held against other workers.

        A claimed one is due again when its claim runs out (`next_at` then is the claim's end).
        Passed over are the places `passing` and all that goes by the channels `full`.
        """
        query = all_of(delivery, Delivery).where(
            delivery.c.state.in_(_WAITING), delivery.c.next_at <= now
        )
        if passing:
            place = tuple_(delivery.c.channel, delivery.c.target)
            query = query.where(place.not_in(sorted(passing)))
        if full:
            query = query.where(delivery.c.channel.not_in(sorted(full)))
        query = query.order_by(delivery.c.next_at, delivery.c.created).limit(limit)
        query = query.with_for_update(skip_locked=True)
        return [load(Delivery, row) for row in await self._db.execute(query)]

    async def claim(self, one: Delivery, state: DeliveryState, until: datetime) -> bool:
        """Write the claim, and count the attempt, if nobody else did since it was read."""
        return await self._mark(
            one, {"state": state, "attempts": one.attempts + 1, "next_at": until}
        )

    async def settle(
        self, one: Delivery, state: DeliveryState, next_at: datetime, note: str
    ) -> bool:
        """Write how an attempt ended; `next_at` of an accepted one is when it was accepted.

        Only if the claim is still this worker's; says whether it was.
        """
        values: dict[str, Any] = {"state": state, "next_at": next_at, "note": note}
        if state is DeliveryState.DELIVERED:
            values["accepted"] = func.coalesce(
                delivery.c.accepted, literal(next_at, delivery.c.accepted.type)
            )
        return await self._mark(one, values)

    async def release(self, one: Delivery, state: DeliveryState, next_at: datetime) -> bool:
        """Give a claim back that was not used: the attempt does not count."""
        return await self._mark(
            one, {"state": state, "attempts": one.attempts - 1, "next_at": next_at}
        )

    async def hasten(self, place: Place, now: datetime) -> None:
        """Make all due now that waits to go to a place."""
        await self._db.execute(
            update(delivery)
            .where(*_at(place), delivery.c.state == DeliveryState.PENDING, delivery.c.next_at > now)
            .values(next_at=now)
        )

    async def replay(
        self,
        place: Place,
        now: datetime,
        *,
        idents: Collection[str] | None = None,
        since: datetime | None = None,
        given_up: datetime | None = None,
    ) -> int:
        """Let deliveries to a place leave again, under the names that they had; say how many.

        Which: those named, those made since, those given up since; what is in a worker's hands
        at this moment stays there.
        """
        states = [one for one in DeliveryState if _replayable(one)]
        # What is empty was erased.
        which = [*_at(place), delivery.c.state.in_(states), func.length(delivery.c.body) > 0]
        if idents is not None:
            which.append(delivery.c.id.in_(sorted(idents)))
        if since is not None:
            which.append(delivery.c.created >= since)
        if given_up is not None:
            which += [delivery.c.state == DeliveryState.DISABLED, delivery.c.next_at >= given_up]
        done = await self._db.execute(
            update(delivery).where(*which).values(state=DeliveryState.PENDING, next_at=now)
        )
        return done.rowcount

    async def _mark(self, one: Delivery, values: dict[str, Any]) -> bool:
        done = await self._db.execute(
            update(delivery)
            .where(
                delivery.c.id == one.id,
                delivery.c.state == one.state,
                delivery.c.attempts == one.attempts,
            )
            .values(**values)
        )
        return done.rowcount == 1

    async def of_session(self, session: str) -> list[Sent]:
        """Return what was sent about a session, oldest first."""
        query = all_of(delivery, Sent).where(delivery.c.session == session)
        return await self._sent(query.order_by(delivery.c.created, delivery.c.id))

    async def to(self, place: Place, limit: int) -> list[Sent]:
        """Return the last deliveries to a place, newest first."""
        query = all_of(delivery, Sent).where(*_at(place))
        query = query.order_by(delivery.c.created.desc(), delivery.c.id.desc())
        return await self._sent(query.limit(limit))

    async def backlogs(self) -> dict[Place, Backlog]:
        """Return what has not arrived, by place; letters are not counted."""
        waits = delivery.c.state.in_(_WAITING)
        query = (
            select(
                delivery.c.channel,
                delivery.c.target,
                func.count().filter(waits),
                func.min(delivery.c.created).filter(waits),
                func.min(delivery.c.created),
                func.count().filter(~waits),
            )
            .where(delivery.c.channel != Channel.MAIL, delivery.c.state != DeliveryState.DELIVERED)
            .group_by(delivery.c.channel, delivery.c.target)
        )
        rows = await self._db.execute(query)
        return {
            (channel, target): Backlog(waiting, oldest or first, refused)
            for channel, target, waiting, oldest, first, refused in rows
        }

    async def waiting(self, limit: int) -> list[Sent]:
        """Return what has been tried and has not arrived, oldest first."""
        query = all_of(delivery, Sent).where(
            delivery.c.state != DeliveryState.DELIVERED, delivery.c.attempts > 0
        )
        return await self._sent(query.order_by(delivery.c.created).limit(limit))

    async def oldest_pending(self) -> datetime | None:
        """Return when the oldest delivery that has not arrived was made."""
        query = (
            select(delivery.c.created)
            .where(delivery.c.state.in_([DeliveryState.PENDING, DeliveryState.CLAIMED]))
            .order_by(delivery.c.created)
            .limit(1)
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else row[0]

    async def reports_accepted(self) -> dict[str, datetime]:
        """Return, by session, when its report was accepted."""
        query = select(delivery.c.session, delivery.c.accepted).where(
            delivery.c.type == "report.ready",
            delivery.c.accepted.is_not(None),
            delivery.c.session.is_not(None),
        )
        return {row[0]: row[1] for row in await self._db.execute(query)}

    async def _sent(self, query: Select[Any]) -> list[Sent]:
        return [load(Sent, row) for row in await self._db.execute(query)]


def _at(place: Place) -> list[ColumnElement[bool]]:
    channel, target = place
    return [delivery.c.channel == channel, delivery.c.target == target]


def _replayable(state: DeliveryState) -> bool:
    return can(TABLE, state, DeliveryEvent.REPLAY)
