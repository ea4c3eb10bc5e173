"""The feed desk: a secret address at which a member of staff subscribes to their own sessions."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.desk.office import Office, actor, allow
from invigilation.errors import NotFound
from invigilation.people import Role, Staff
from invigilation.store import Tx
from invigilation.store.busy import Feed
from invigilation.store.views import Sitting

TOKEN_BYTES = 32
BACK = timedelta(days=90)
AHEAD = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class FeedDesk:
    """Gives out addresses of feeds, and takes them back. Everybody may for themselves."""

    office: Office

    async def new(self, by: Staff, staff: str) -> str:
        """Make a new address for a person and return its token, which is never shown again.

        An older one is worth nothing from now on. Raises `NotAllowed` or `NotFound`.
        """
        who = _for(by, staff)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        async with self.office.store.write() as tx:
            await _known(tx, staff)
            older = await tx.feeds.of_staff(staff)
            await tx.feeds.set(Feed(staff, _digest(token), self.office.clock.now()))
            before = None if older is None else {"feed": True}
            await self.office.note(tx, who, "feed.made", staff, before, {"feed": True})
        return token

    async def revoke(self, by: Staff, staff: str) -> None:
        """Take a person's address back; without one, nothing happens."""
        who = _for(by, staff)
        async with self.office.store.write() as tx:
            if await tx.feeds.drop(staff):
                await self.office.note(tx, who, "feed.revoked", staff, {"feed": True}, None)

    async def created(self, staff: str) -> datetime | None:
        """Return when a person's present address was made; None if there is none."""
        async with self.office.store.read() as tx:
            found = await tx.feeds.of_staff(staff)
        return None if found is None else found.created

    async def of(self, token: str) -> tuple[Staff, list[Sitting]]:
        """Return whose address it is, and their sessions around now; raises `NotFound`."""
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            found = await tx.feeds.of_token(_digest(token))
            if found is None:
                raise NotFound("calendar", "")
            person = await _known(tx, found.staff)
            return person, await tx.views.between(now - BACK, now + AHEAD, person.id)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _for(by: Staff, staff: str) -> str:
    """Return the name under which `by` acts for that person; raises `NotAllowed`."""
    if by.id == staff:
        return actor(by, Role.INVIGILATOR)
    allow(by, Role.SCHEDULER)
    return actor(by, Role.SCHEDULER)


async def _known(tx: Tx, staff: str) -> Staff:
    found = await tx.people.staff(staff)
    if found is None:
        raise NotFound("person", staff)
    return found
