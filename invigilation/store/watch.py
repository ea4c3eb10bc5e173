"""Heartbeats of the service, and what machine clients have asked before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.mapping import all_of, load
from invigilation.store.rows import heartbeat, idempotency


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came under an idempotency key; `status` is None while it is in flight."""

    client: str
    key: str
    digest: str
    status: int | None
    body: bytes | None
    created: datetime


class Watch:
    """Rows of heartbeats and idempotency keys."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def beat(self, at: datetime) -> None:
        """Note that the service was well at `at`."""
        await self._db.execute(self._insert(heartbeat).values(at=at).on_conflict_do_nothing())

    async def beats(self, first: datetime, last: datetime) -> tuple[datetime, ...]:
        """Return the heartbeats from `first` to `last`, ascending."""
        rows = await self._db.execute(
            select(heartbeat.c.at)
            .where(heartbeat.c.at >= first, heartbeat.c.at <= last)
            .order_by(heartbeat.c.at)
        )
        return tuple(row[0] for row in rows)

    async def purge_beats(self, before: datetime) -> None:
        """Remove old heartbeats."""
        await self._db.execute(delete(heartbeat).where(heartbeat.c.at < before))

    async def begin(
        self, one: Asked, kept_since: datetime, in_flight_since: datetime
    ) -> Asked | None:
        """Take a key; None when it was free, else what came under it before.

        A key that came before `kept_since`, or that has had no answer since `in_flight_since`,
        is free again.
        """
        await self._db.execute(
            delete(idempotency).where(
                idempotency.c.client == one.client,
                idempotency.c.key == one.key,
                or_(
                    idempotency.c.created < kept_since,
                    and_(idempotency.c.status.is_(None), idempotency.c.created < in_flight_since),
                ),
            )
        )
        taking = (
            self._insert(idempotency)
            .values(client=one.client, key=one.key, digest=one.digest, created=one.created)
            .on_conflict_do_nothing()
        )
        query = all_of(idempotency, Asked).where(
            idempotency.c.client == one.client, idempotency.c.key == one.key
        )
        while True:
            if (await self._db.execute(taking)).rowcount == 1:
                return None
            # On PostgreSQL whoever had the key may set it free between these two statements.
            if known := (await self._db.execute(query)).first():
                return load(Asked, known)

    async def finish(self, client: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer for those who ask again."""
        await self._db.execute(
            update(idempotency)
            .where(idempotency.c.client == client, idempotency.c.key == key)
            .values(status=status, body=body)
        )

    async def abandon(self, client: str, key: str) -> None:
        """Free a key whose request failed on our side."""
        await self._db.execute(
            delete(idempotency).where(idempotency.c.client == client, idempotency.c.key == key)
        )

    async def purge_keys(self, before: datetime) -> None:
        """Forget keys that came before `before`."""
        await self._db.execute(delete(idempotency).where(idempotency.c.created < before))
