"""How backends are reached: what was heard of each, and which secrets are still in use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.endpoint_rows import endpoint, webhook_secret
from invigilation.store.mapping import all_of, load
from invigilation.store.rows import backend

SECRETS_LIMIT = 3
"""Secrets of one backend in use at the same time, the newest with them."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was heard of a backend: `failures` in a row, `said` at the last of them.

    `disabled` is when it answered that it wants no more; `receipt_key` (RFC 7638 thumbprint) is
    the key of its first receipt.
    """

    backend: str
    failures: int = 0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    said: str | None = None
    disabled: datetime | None = None
    receipt_key: str | None = None


class Endpoints:
    """Rows of endpoints and of secrets that are being replaced."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def health(self, ident: str) -> Health:
        """Return what was heard of a backend; of one that was never tried, nothing."""
        query = all_of(endpoint, Health).where(endpoint.c.backend == ident)
        row = (await self._db.execute(query)).first()
        return Health(ident) if row is None else load(Health, row)

    async def all(self) -> dict[str, Health]:
        """Return what was heard, by backend."""
        rows = await self._db.execute(all_of(endpoint, Health))
        return {row[0]: load(Health, row) for row in rows}

    async def disabled(self) -> list[str]:
        """Return the backends that want no more."""
        query = select(endpoint.c.backend).where(endpoint.c.disabled.is_not(None))
        return [row[0] for row in await self._db.execute(query)]

    async def succeeded(self, ident: str, at: datetime) -> None:
        """Note that a backend took something in."""
        await self._heard(ident, failures=0, last_success=at)

    async def failed(self, ident: str, at: datetime, said: str, *, gone: bool = False) -> None:
        """Note that it did not, and what it said; `gone`: that it wants no more."""
        await self._heard(ident, last_failure=at, said=said)
        if gone:
            mine = endpoint.c.backend == ident
            first = endpoint.c.disabled.is_(None)
            await self._db.execute(update(endpoint).where(mine, first).values(disabled=at))

    async def _heard(self, ident: str, **values: Any) -> None:
        known = select(backend.c.id).where(backend.c.id == ident)
        if (await self._db.execute(known)).first() is None:
            return
        counted = {"failures": endpoint.c.failures + 1} | values
        first = {"backend": ident, "failures": 1} | values
        statement = self._insert(endpoint).values(first)
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=[endpoint.c.backend], set_=counted)
        )

    async def enable(self, ident: str) -> None:
        """Let a backend that wanted no more be told again."""
        await self._db.execute(
            update(endpoint).where(endpoint.c.backend == ident).values(disabled=None)
        )

    async def trusts(self, ident: str, key: str) -> bool:
        """Say whether receipts of a backend are signed by this key; its first one is kept."""
        statement = self._insert(endpoint).values(backend=ident, failures=0, receipt_key=key)
        unset = endpoint.c.receipt_key.is_(None)
        await self._db.execute(
            statement.on_conflict_do_update(
                index_elements=[endpoint.c.backend], set_={"receipt_key": key}, where=unset
            )
        )
        return (await self.health(ident)).receipt_key == key

    async def forget_receipt_key(self, ident: str) -> None:
        """Let the key of the next receipt be the one that counts."""
        await self._db.execute(
            update(endpoint).where(endpoint.c.backend == ident).values(receipt_key=None)
        )

    async def older_secrets(self, ident: str, now: datetime) -> tuple[tuple[str, datetime], ...]:
        """Return a backend's earlier secrets that are still in use and until when, newest first."""
        query = (
            select(webhook_secret.c.secret, webhook_secret.c.until)
            .where(webhook_secret.c.backend == ident, webhook_secret.c.until > now)
            .order_by(webhook_secret.c.until.desc(), webhook_secret.c.secret)
            .limit(SECRETS_LIMIT - 1)
        )
        return tuple((row[0], row[1]) for row in await self._db.execute(query))

    async def replace_secret(self, ident: str, new: str, until: datetime, now: datetime) -> None:
        """Give a backend a new secret; all earlier ones are in use until then at the latest."""
        found = select(backend.c.webhook_secret).where(backend.c.id == ident)
        old = (await self._db.execute(found.with_for_update())).scalar_one()
        mine = webhook_secret.c.backend == ident
        await self._db.execute(
            delete(webhook_secret).where(mine, (webhook_secret.c.until <= now) | (now >= until))
        )
        await self._db.execute(
            update(webhook_secret).where(mine, webhook_secret.c.until > until).values(until=until)
        )
        if until > now:
            row = {"backend": ident, "secret": old, "until": until}
            await self._db.execute(
                self._insert(webhook_secret).values(row).on_conflict_do_nothing()
            )
        await self._db.execute(
            update(backend).where(backend.c.id == ident).values(webhook_secret=new)
        )
