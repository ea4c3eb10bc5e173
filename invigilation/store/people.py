"""Staff, learners, backends and their machine clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.people import Learner, Role, Staff
from invigilation.report import Channel
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import backend, client, learner, staff


@dataclass(frozen=True, slots=True)
class Backend:
    """An assessment backend, how it wants to be told, and where."""

    id: str
    name: str
    webhook_url: str
    webhook_secret: str
    channel: Channel = Channel.WEBHOOK


@dataclass(frozen=True, slots=True)
class Client:
    """A machine that may speak for a backend."""

    id: str
    backend: str
    secret_hash: str
    scopes: tuple[str, ...]


class People:
    """Rows of people, backends and clients."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add_staff(self, person: Staff, password_hash: str) -> bool:
        """Insert a member of staff unless somebody has that address; say whether it was."""
        statement = self._insert(staff).values(**dump(person), password_hash=password_hash)
        done = await self._db.execute(
            statement.on_conflict_do_nothing(index_elements=[staff.c.email])
        )
        return done.rowcount == 1

    async def staff(self, ident: str) -> Staff | None:
        """Find a member of staff."""
        row = (await self._db.execute(all_of(staff, Staff).where(staff.c.id == ident))).first()
        return None if row is None else staff_of(row)

    async def staff_secret(self, email: str) -> tuple[Staff, str] | None:
        """Find a member of staff and the password's hash by mail address."""
        query = all_of(staff, Staff).add_columns(staff.c.password_hash)
        row = (await self._db.execute(query.where(staff.c.email == email))).first()
        return None if row is None else (staff_of(row[:-1]), row[-1])

    async def set_roles(self, ident: str, name: str, roles: frozenset[Role]) -> None:
        """Write what somebody is called and may do; without any role they may not sign in."""
        await self._db.execute(
            staff.update().where(staff.c.id == ident).values(name=name, roles=roles)
        )

    async def all_staff(self) -> list[Staff]:
        """Return everybody, by name."""
        rows = await self._db.execute(all_of(staff, Staff).order_by(staff.c.name))
        return [staff_of(row) for row in rows]

    async def add_backend(self, one: Backend) -> bool:
        """Insert a backend unless there is one of that name; say whether it was."""
        statement = self._insert(backend).values(**dump(one))
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def backend(self, ident: str) -> Backend | None:
        """Find a backend."""
        query = all_of(backend, Backend).where(backend.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Backend, row)

    async def backends(self) -> list[Backend]:
        """Return all backends, by name."""
        rows = await self._db.execute(all_of(backend, Backend).order_by(backend.c.name))
        return [load(Backend, row) for row in rows]

    async def add_client(self, one: Client) -> None:
        """Insert a machine client."""
        await self._db.execute(insert(client).values(**dump(one)))

    async def client(self, ident: str) -> Client | None:
        """Find a machine client."""
        row = (await self._db.execute(all_of(client, Client).where(client.c.id == ident))).first()
        return None if row is None else load(Client, row)

    async def learner(self, ident: str) -> Learner | None:
        """Find a learner."""
        query = all_of(learner, Learner).where(learner.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Learner, row)

    async def learner_known_as(self, backend_id: str, reference: str) -> Learner | None:
        """Find a learner by the backend's own name for them."""
        query = all_of(learner, Learner).where(
            learner.c.backend == backend_id, learner.c.reference == reference
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Learner, row)

    async def add_learner(self, one: Learner) -> bool:
        """Insert a learner unless the backend has one of that reference; say whether it was."""
        statement = self._insert(learner).values(**dump(one))
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def update_learner(self, one: Learner) -> None:
        """Write the learner as they are named now."""
        await self._db.execute(
            learner.update()
            .where(learner.c.id == one.id)
            .values(
                name=one.name,
                email=one.email,
                zone=one.zone,
                born=one.born,
                document_number=one.document_number,
            )
        )

    async def count_staff(self) -> int:
        """Say how many members of staff there are."""
        rows = await self._db.execute(select(staff.c.id))
        return len(rows.all())


def staff_of(row: Any) -> Staff:
    """Return the member of staff of a row of their columns."""
    ident, email, name, roles = row
    return Staff(ident, email, name, frozenset(Role(role) for role in roles))
