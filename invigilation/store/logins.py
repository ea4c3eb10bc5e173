"""Signed-in browsers and one-time tickets; only digests of their secrets are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.proof import Proof
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.rows import login, ticket

SECOND_CAMERA = "second"
LINK = "link"
"""The kind of a ticket that opens no connection: it makes a device a session's second camera."""
ID_LENGTH = 20
_OF_SECOND = (LINK, SECOND_CAMERA)


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that is signed in.

    `person` is a staff id; for `learner` a request's id, for `second` a session's. Of staff it is
    known by what they proved who they are, when they did last, on what device and from where, when
    they were `seen` last, and when silence ends it: at `rests`. `account` is the company's (issuer,
    subject, address) by which somebody came who has not shown the second step yet.
    """

    token_sha256: str
    kind: str
    person: str
    csrf: str
    expires: datetime
    opened: datetime | None = None
    proof: Proof | None = None
    proved: datetime | None = None
    device: str | None = None
    place: str | None = None
    seen: datetime | None = None
    rests: datetime | None = None
    account: tuple[str, ...] | None = None

    @property
    def ends(self) -> datetime:
        """When it ends if nothing is heard any more."""
        return self.expires if self.rests is None else min(self.expires, self.rests)

    @property
    def id(self) -> str:
        """A name for it that opens nothing."""
        return self.token_sha256[:ID_LENGTH]


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to open one live connection; `session` is set for learners and second cameras.

    `device` is the learner's, and `login` the one that asked: without them it is good no more.
    """

    token_sha256: str
    kind: str
    person: str
    session: str | None
    expires: datetime
    device: str | None = None
    login: str | None = None


class Logins:
    """Rows of logins and tickets."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Login) -> None:
        """Insert a login."""
        await self._db.execute(insert(login).values(**dump(one)))

    async def find(self, token_sha256: str, now: datetime) -> Login | None:
        """Find a login that has not run out, and that silence has not ended."""
        query = all_of(login, Login).where(login.c.token_sha256 == token_sha256, _good(now))
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Login, row)

    async def rested(self, token_sha256: str, now: datetime) -> Login | None:
        """Find a login that silence has ended, and that would be good else."""
        query = all_of(login, Login).where(
            login.c.token_sha256 == token_sha256, login.c.expires > now, login.c.rests <= now
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Login, row)

    async def hear(self, token_sha256: str, now: datetime, rests: datetime) -> None:
        """Write that its person is there; what silence has ended stays ended."""
        await self._db.execute(
            update(login)
            .where(login.c.token_sha256 == token_sha256, _good(now))
            .values(seen=now, rests=rests)
        )

    async def remove(self, token_sha256: str) -> None:
        """End a login."""
        await self._db.execute(delete(login).where(login.c.token_sha256 == token_sha256))

    async def of_person(self, kind: str, person: str, now: datetime) -> list[Login]:
        """Return somebody's logins that are good, latest first."""
        query = all_of(login, Login).where(
            login.c.kind == kind, login.c.person == person, _good(now)
        )
        query = query.order_by(login.c.expires.desc(), login.c.token_sha256)
        return [load(Login, row) for row in await self._db.execute(query)]

    async def of_kind(self, kind: str, now: datetime) -> list[Login]:
        """Return all logins of a kind that are good."""
        query = all_of(login, Login).where(login.c.kind == kind, _good(now))
        return [load(Login, row) for row in await self._db.execute(query)]

    async def end_of(self, kind: str, person: str, but: str = "") -> int:
        """End somebody's logins, except one, and their tickets; return how many logins went.

        Logins go first, as in `purge`.
        """
        done = await self._db.execute(
            delete(login).where(
                login.c.kind == kind, login.c.person == person, login.c.token_sha256 != but
            )
        )
        await self._db.execute(
            delete(ticket).where(ticket.c.kind == kind, ticket.c.person == person)
        )
        return done.rowcount

    async def prove(self, token_sha256: str, proof: Proof, now: datetime) -> None:
        """Write that who is signed in here has just proved again who they are."""
        await self._db.execute(
            update(login)
            .where(login.c.token_sha256 == token_sha256)
            .values(proof=proof, proved=now)
        )

    async def challenge(self, token_sha256: str, challenge: str) -> None:
        """Keep what a passkey is to sign in this browser, instead of the one before."""
        await self._db.execute(
            update(login).where(login.c.token_sha256 == token_sha256).values(challenge=challenge)
        )

    async def take_challenge(self, token_sha256: str) -> str | None:
        """Take out what a passkey is to sign in this browser: it is good for one answer."""
        mine = login.c.token_sha256 == token_sha256
        found = (await self._db.execute(select(login.c.challenge).where(mine))).scalar()
        if found is None:
            return None
        done = await self._db.execute(
            update(login).where(mine, login.c.challenge == found).values(challenge=None)
        )
        return str(found) if done.rowcount == 1 else None

    async def set_up(self, token_sha256: str, secret: bytes | None) -> None:
        """Keep the wrapped secret of an app that is being set up in this browser."""
        await self._db.execute(
            update(login).where(login.c.token_sha256 == token_sha256).values(setting_up=secret)
        )

    async def setting_up(self, token_sha256: str) -> bytes | None:
        """Return the wrapped secret of the app that is being set up in this browser."""
        query = select(login.c.setting_up).where(login.c.token_sha256 == token_sha256)
        return (await self._db.execute(query)).scalar()

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


def _good(now: datetime) -> ColumnElement[bool]:
    return and_(login.c.expires > now, or_(login.c.rests.is_(None), login.c.rests > now))
