"""Signed-in browsers and one-time tickets; only digests of their secrets are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.rows import login, ticket

SECOND_CAMERA = "second"
LINK = "link"
"""The kind of a ticket that opens no connection: it makes a device a session's second camera."""
_OF_SECOND = (LINK, SECOND_CAMERA)


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that is signed in.

    `person` is a staff id; for `learner` a request's id, for `second` a session's.
    """

    token_sha256: str
    kind: str
    person: str
    csrf: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to open one live connection; `session` is set for learners and second cameras."""

    token_sha256: str
    kind: str
    person: str
    session: str | None
    expires: datetime


class Logins:
    """Rows of logins and tickets."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Login) -> None:
        """Insert a login."""
        await self._db.execute(insert(login).values(**dump(one)))

    async def find(self, token_sha256: str, now: datetime) -> Login | None:
        """Find a login that has not run out."""
        query = all_of(login, Login).where(
            login.c.token_sha256 == token_sha256, login.c.expires > now
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Login, row)

    async def remove(self, token_sha256: str) -> None:
        """End a login."""
        await self._db.execute(delete(login).where(login.c.token_sha256 == token_sha256))

    async def add_ticket(self, one: Ticket) -> None:
        """Insert a ticket."""
        await self._db.execute(insert(ticket).values(**dump(one)))

    async def end_tickets(self, kind: str, person: str, after: datetime) -> None:
        """End somebody's tickets that would last beyond a moment."""
        await self._db.execute(
            delete(ticket).where(
                ticket.c.kind == kind, ticket.c.person == person, ticket.c.expires > after
            )
        )

    async def use_ticket(self, token_sha256: str, now: datetime) -> Ticket | None:
        """Take a ticket out; the second caller gets None, and so does a late one."""
        return await self._take(ticket.c.kind != LINK, token_sha256, now)

    async def linked(self, token_sha256: str) -> str | None:
        """Return the session whose second camera's link this is."""
        query = select(ticket.c.session).where(
            ticket.c.token_sha256 == token_sha256, ticket.c.kind == LINK
        )
        return (await self._db.execute(query)).scalar()

    async def use_link(self, token_sha256: str, now: datetime) -> Ticket | None:
        """Take a second camera's link out, as `use_ticket` does with a ticket."""
        return await self._take(ticket.c.kind == LINK, token_sha256, now)

    async def _take(
        self, kind: ColumnElement[bool], token_sha256: str, now: datetime
    ) -> Ticket | None:
        query = (
            delete(ticket)
            .where(ticket.c.token_sha256 == token_sha256, kind)
            .returning(*columns(ticket, Ticket))
        )
        row = (await self._db.execute(query)).first()
        if row is None:
            return None
        found = load(Ticket, row)
        return found if found.expires > now else None

    async def end_links(self, session: str) -> None:
        """End the links that nobody has opened yet."""
        await self._db.execute(
            delete(ticket).where(ticket.c.person == session, ticket.c.kind == LINK)
        )

    async def end_second(self, session: str) -> None:
        """End the session's second camera, its tickets and its links.

        Logins go first, as in `purge`: two that remove the same rows must not wait for each other.
        """
        await self._db.execute(
            delete(login).where(login.c.person == session, login.c.kind == SECOND_CAMERA)
        )
        await self._db.execute(
            delete(ticket).where(ticket.c.person == session, ticket.c.kind.in_(_OF_SECOND))
        )

    async def purge(self, now: datetime) -> int:
        """Remove what has run out; return how many rows went."""
        gone = 0
        for table in (login, ticket):
            done = await self._db.execute(delete(table).where(table.c.expires <= now))
            gone += done.rowcount
        return gone
