"""The outbox: what must leave, written in the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.report import Channel, Delivery, DeliveryState
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import delivery


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery as the staff sees it: how it stands, and what was last heard."""

    id: str
    channel: Channel
    target: str
    type: str
    state: DeliveryState
    attempts: int
    next_at: datetime
    created: datetime
    note: str | None


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

    async def due(self, now: datetime, limit: int) -> list[Delivery]:
        """Return deliveries whose time has come, oldest first, held against other workers.

        A claimed one is due again when its claim runs out (`next_at` then is the claim's end).
        """
        query = all_of(delivery, Delivery).where(
            delivery.c.state.in_([DeliveryState.PENDING, DeliveryState.CLAIMED]),
            delivery.c.next_at <= now,
        )
        query = query.order_by(delivery.c.next_at).limit(limit).with_for_update(skip_locked=True)
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
        return await self._mark(one, {"state": state, "next_at": next_at, "note": note})

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
        query = select(delivery.c.session, delivery.c.next_at).where(
            delivery.c.type == "report.ready",
            delivery.c.state == DeliveryState.DELIVERED,
            delivery.c.session.is_not(None),
        )
        return {row[0]: row[1] for row in await self._db.execute(query)}

    async def _sent(self, query: Select[Any]) -> list[Sent]:
        return [load(Sent, row) for row in await self._db.execute(query)]
