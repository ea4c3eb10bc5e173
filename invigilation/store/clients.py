"""The secrets of machine clients: for a while an older one is good beside the newest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.device_rows import client_secret
from invigilation.store.rows import client

SECRETS_LIMIT = 2
"""Secrets of one client that are good at the same time, the newest with them."""


class ClientSecrets:
    """Rows of older secrets; the newest stands with the client itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def older(self, ident: str, now: datetime) -> tuple[str, ...]:
        """Return the hashes of older secrets of a client that are still good."""
        query = select(client_secret.c.secret_hash).where(
            client_secret.c.client == ident, client_secret.c.until > now
        )
        return tuple((await self._db.execute(query)).scalars())

    async def replace(self, ident: str, new: str, until: datetime, now: datetime) -> bool:
        """Give a client a new secret; say whether there is such a client.

        The one before is good until then, and any older one no more.
        """
        query = select(client.c.secret_hash).where(client.c.id == ident).with_for_update()
        before = (await self._db.execute(query)).scalar()
        if before is None:
            return False
        await self._db.execute(delete(client_secret).where(client_secret.c.client == ident))
        if until > now:
            values = {"client": ident, "secret_hash": before, "until": until}
            await self._db.execute(insert(client_secret).values(**values))
        await self._db.execute(update(client).where(client.c.id == ident).values(secret_hash=new))
        return True
