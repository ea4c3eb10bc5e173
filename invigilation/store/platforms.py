"""Platforms that speak LTI 1.3, what they launched, and what they refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.mapping import all_of, dump, load
from invigilation.store.platform_rows import lti_attempt, lti_nonce, lti_refusal, platform


@dataclass(frozen=True, slots=True)
class Platform:
    """A learning platform as it is registered; `backend` is the id of its backend.

    `deployments` are those it may launch from; none: any. A launch can be answered for
    `launch_minutes`, then the platform has forgotten it. `minutes` is how long an assessment takes
    when a launch does not say.
    """

    backend: str
    issuer: str
    client_id: str
    deployments: tuple[str, ...]
    authorize_url: str
    token_url: str
    keys_url: str
    audience: str
    launch_minutes: int
    minutes: int
    added: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a person at an assessment, as its newest launch describes it.

    `spelt` is `number` as the platform writes it (JSON), `link_claim` its resource link (JSON).
    """

    id: str
    platform: str
    deployment: str
    subject: str
    link: str
    number: int
    spelt: str
    link_claim: str
    session_data: str
    start_url: str
    control_url: str
    actions: tuple[str, ...]
    return_url: str
    launched: datetime
    request: str | None = None
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a platform did not accept: the delivery's id, the action, and what it said."""

    delivery: str
    session: str
    action: str
    said: str
    at: datetime


_KEY = ("platform", "deployment", "subject", "link", "number")
_LAUNCH = (
    "spelt",
    "link_claim",
    "session_data",
    "start_url",
    "control_url",
    "actions",
    "return_url",
    "launched",
)


SHOWN = 50
REFUSALS = (
    all_of(lti_refusal, Refusal)
    .where(lti_refusal.c.session == bindparam("ident", type_=String))
    .order_by(lti_refusal.c.at)
    .limit(SHOWN)
)


class Platforms:
    """Rows of platforms, attempts, used nonces and refusals."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add(self, one: Platform) -> bool:
        """Insert a platform unless it is known; say whether it was."""
        statement = self._insert(platform).values(**dump(one))
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def remove(self, backend: str) -> bool:
        """Delete a platform, not what it has launched; say whether there was one."""
        mine = platform.c.backend == backend
        return (await self._db.execute(delete(platform).where(mine))).rowcount == 1

    async def of_backend(self, backend: str) -> Platform | None:
        """Find the platform of a backend."""
        query = all_of(platform, Platform).where(platform.c.backend == backend)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Platform, row)

    async def of_issuer(self, issuer: str, client_id: str | None = None) -> list[Platform]:
        """Return the platforms of an issuer; one at most when the client is named."""
        query = all_of(platform, Platform).where(platform.c.issuer == issuer)
        if client_id is not None:
            query = query.where(platform.c.client_id == client_id)
        rows = await self._db.execute(query.order_by(platform.c.backend).limit(2))
        return [load(Platform, row) for row in rows]

    async def launched(self, one: Attempt) -> Attempt:
        """Insert an attempt, or bring it up to date with a new launch; return it as it is kept."""
        new = self._insert(lti_attempt).values(**dump(one))
        fresh = {name: new.excluded[name] for name in _LAUNCH}
        await self._db.execute(new.on_conflict_do_update(index_elements=_KEY, set_=fresh))
        found = await self.attempt_of(
            one.platform, one.deployment, one.subject, one.number, one.link
        )
        if found is None:
            raise LookupError(one.id)
        return found

    async def attempt(self, ident: str) -> Attempt | None:
        """Find an attempt."""
        query = all_of(lti_attempt, Attempt).where(lti_attempt.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Attempt, row)

    async def attempt_of(
        self, backend: str, deployment: str, subject: str, number: int, link: str
    ) -> Attempt | None:
        """Find an attempt by the platform's own names."""
        query = all_of(lti_attempt, Attempt).where(
            lti_attempt.c.platform == backend,
            lti_attempt.c.deployment == deployment,
            lti_attempt.c.subject == subject,
            lti_attempt.c.number == number,
            lti_attempt.c.link == link,
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Attempt, row)

    async def attempt_for(self, request: str) -> Attempt | None:
        """Find the attempt that a request was made for."""
        query = all_of(lti_attempt, Attempt).where(lti_attempt.c.request == request)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Attempt, row)

    async def set_request(self, ident: str, request: str) -> None:
        """Write which request was made for an attempt."""
        mine = lti_attempt.c.id == ident
        await self._db.execute(update(lti_attempt).where(mine).values(request=request))

    async def set_started(self, ident: str, at: datetime) -> bool:
        """Write when an attempt was first sent to its assessment; say whether this is the first."""
        return await self._first(ident, "started", at)

    async def set_ended(self, ident: str, at: datetime) -> bool:
        """Write when the platform said that an attempt is over; say whether this is the first."""
        return await self._first(ident, "ended", at)

    async def _first(self, ident: str, name: str, at: datetime) -> bool:
        column = lti_attempt.c[name]
        statement = update(lti_attempt).where(lti_attempt.c.id == ident, column.is_(None))
        return (await self._db.execute(statement.values({name: at}))).rowcount == 1

    async def use_nonce(self, digest: str, now: datetime, forget: datetime) -> bool:
        """Note a nonce; say whether it is new. Those used before `forget` are forgotten."""
        await self._db.execute(delete(lti_nonce).where(lti_nonce.c.used < forget))
        statement = self._insert(lti_nonce).values(digest=digest, used=now)
        return (await self._db.execute(statement.on_conflict_do_nothing())).rowcount == 1

    async def keep_refusal(self, one: Refusal) -> bool:
        """Write what was not accepted, once for a delivery; say whether it says something new."""
        statement = self._insert(lti_refusal).values(**dump(one))
        statement = statement.on_conflict_do_update(
            index_elements=[lti_refusal.c.delivery],
            set_={"said": one.said},
            where=lti_refusal.c.said != one.said,
        )
        return (await self._db.execute(statement)).rowcount == 1

    async def drop_refusal(self, ident: str) -> bool:
        """Delete what was not accepted of a delivery; say whether there was something."""
        mine = lti_refusal.c.delivery == ident
        return (await self._db.execute(delete(lti_refusal).where(mine))).rowcount == 1

    async def refusals(self, session: str) -> list[Refusal]:
        """Return what was not accepted in a session, oldest first; `SHOWN` at most."""
        rows = await self._db.execute(REFUSALS, {"ident": session})
        return [load(Refusal, row) for row in rows]
