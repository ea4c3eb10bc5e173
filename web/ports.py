"""The machine interface's ports, on the store."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation.desk import Office
from invigilation.store.watch import Asked
from web.api import idempotency
from web.api.oauth import Client


@dataclass(frozen=True, slots=True)
class StoredClients:
    """Machine clients as the store knows them."""

    office: Office

    async def find(self, client_id: str) -> Client | None:
        """Return the client of that name, unless there is none."""
        async with self.office.store.read() as tx:
            found = await tx.people.client(client_id)
            older = await tx.clients.older(client_id, self.office.clock.now())
        if found is None:
            return None
        scopes = frozenset(found.scopes)
        return Client(found.id, found.secret_hash, scopes, found.backend, older)


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """Idempotency keys as the store keeps them."""

    office: Office

    async def begin(self, client: str, key: str, digest: str) -> idempotency.Begun:
        """Take the key for this request, or say what is known of it."""
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            known = await tx.watch.begin(
                Asked(client, key, digest, None, None, now),
                now - idempotency.KEPT_FOR,
                now - idempotency.IN_FLIGHT_FOR,
            )
        if known is None:
            return idempotency.Fresh()
        if known.digest != digest:
            return idempotency.Mismatch()
        if known.status is None or known.body is None:
            return idempotency.InFlight()
        return idempotency.Replay(known.status, known.body)

    async def finish(self, client: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer of a request that took effect."""
        async with self.office.store.write() as tx:
            await tx.watch.finish(client, key, status, body)

    async def abandon(self, client: str, key: str) -> None:
        """Set the key free."""
        async with self.office.store.write() as tx:
            await tx.watch.abandon(client, key)
