"""The delivery desk: how backends are reached, sending again, and the secrets shared with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.desk.office import Office, actor, allow
from invigilation.desk.requests import FORM
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.store import Tx
from invigilation.store.endpoints import Health
from invigilation.store.outbox import Backlog, Place, Sent
from invigilation.store.people import Backend

OVERDUE = timedelta(days=1)
"""What has waited longer needs somebody to look."""
SHOWN = 100
OVERLAP_LIMIT = timedelta(days=30)
COMMAND = "command line"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A backend as it is reached: what was heard of it, and what has not arrived there."""

    backend: Backend
    health: Health
    backlog: Backlog | None

    def late(self, now: datetime) -> bool:
        """Say whether something has waited for more than a day."""
        left = self.backlog
        return left is not None and left.waiting > 0 and now - left.oldest > OVERDUE


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that messages to a backend are signed with now, the newest first.

    `until`: when the last of the older ones stops being used.
    """

    backend: Backend
    older: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryDesk:
    """For administrators, and to read for auditors; the carriers ask `secrets`."""

    office: Office

    async def endpoints(self, by: Staff | None = None) -> list[Endpoint]:
        """Return every backend that is told something, by name; None asks for the house itself."""
        if by is not None:
            allow(by, Role.ADMINISTRATOR, Role.AUDITOR)
        async with self.office.store.read() as tx:
            health, backlogs = await tx.endpoints.all(), await tx.outbox.backlogs()
            backends = await tx.people.backends()
        return [
            Endpoint(one, health.get(one.id, Health(one.id)), backlogs.get(place_of(one)))
            for one in backends
            if one.id != FORM
        ]

    async def endpoint(self, by: Staff, ident: str) -> tuple[Endpoint, list[Sent]]:
        """Return one of them with the last things sent there, newest first; or `NotFound`."""
        allow(by, Role.ADMINISTRATOR, Role.AUDITOR)
        async with self.office.store.read() as tx:
            backend = await _backend(tx, ident)
            place = place_of(backend)
            health = await tx.endpoints.health(ident)
            left = (await tx.outbox.backlogs()).get(place)
            sent = await tx.outbox.to(place, SHOWN)
        return Endpoint(backend, health, left), sent

    async def secrets(self, ident: str) -> Secrets | None:
        """Return what messages to a backend are signed with; None if there is no such backend."""
        async with self.office.store.read() as tx:
            backend = await tx.people.backend(ident)
            older = await tx.endpoints.older_secrets(ident, self.office.clock.now())
        if backend is None:
            return None
        return Secrets(backend, tuple(one for one, _ in older), older[0][1] if older else None)

    async def again(self, by: Staff, ident: str, delivery: str) -> bool:
        """Let one delivery leave again, under the same name; say whether it will."""
        allow(by, Role.ADMINISTRATOR)
        async with self.office.store.write() as tx:
            place = place_of(await _backend(tx, ident))
            now = self.office.clock.now()
            done = await tx.outbox.replay(place, now, idents=[delivery])
            if done:
                facts: Data = {"backend": ident, "delivery": delivery}
                await self._note(tx, by, "delivery.again", ident, facts)
        return done == 1

    async def again_since(self, by: Staff, ident: str, since: datetime) -> int:
        """Let all leave again that was made since then, under the same names; say how many."""
        allow(by, Role.ADMINISTRATOR)
        async with self.office.store.write() as tx:
            place = place_of(await _backend(tx, ident))
            done = await tx.outbox.replay(place, self.office.clock.now(), since=since)
            facts: Data = {"backend": ident, "since": since.isoformat(), "deliveries": done}
            await self._note(tx, by, "delivery.again", ident, facts)
        return done

    async def enable(self, by: Staff, ident: str) -> int:
        """Tell a backend again that wanted no more, and all that it has missed; say how many."""
        allow(by, Role.ADMINISTRATOR)
        async with self.office.store.write() as tx:
            backend = await _backend(tx, ident)
            health = await tx.endpoints.health(ident)
            if health.disabled is None:
                return 0
            await tx.endpoints.enable(ident)
            now = self.office.clock.now()
            done = await tx.outbox.replay(place_of(backend), now, given_up=health.disabled)
            await self._note(tx, by, "backend.enabled", ident, {"backend": ident, "missed": done})
        return done

    async def trust_next_key(self, by: Staff, ident: str) -> None:
        """Let the next receipt say by which key a backend's receipts are signed."""
        allow(by, Role.ADMINISTRATOR)
        async with self.office.store.write() as tx:
            await _backend(tx, ident)
            health = await tx.endpoints.health(ident)
            await tx.endpoints.forget_receipt_key(ident)
            before = {"receipt_key": health.receipt_key}
            who = actor(by, Role.ADMINISTRATOR)
            await self.office.note(tx, who, "receipt_key.forgotten", ident, before, None)

    async def rotate(self, tx: Tx, ident: str, new: str, overlap: timedelta) -> datetime:
        """Give a backend a new webhook secret; return until when the old one is used as well."""
        if not timedelta(0) <= overlap <= OVERLAP_LIMIT:
            days = OVERLAP_LIMIT.days
            raise InvalidInput("overlap_hours", f"The overlap is from 0 to {days * 24} hours.")
        await _backend(tx, ident)
        now = self.office.clock.now()
        await tx.endpoints.replace_secret(ident, new, now + overlap, now)
        facts = {"backend": ident, "old_until": (now + overlap).isoformat()}
        await self.office.note(tx, COMMAND, "webhook_secret.rotated", ident, None, facts)
        return now + overlap

    async def _note(self, tx: Tx, by: Staff, action: str, subject: str, facts: Data) -> None:
        who = actor(by, Role.ADMINISTRATOR)
        await self.office.note(tx, who, action, subject, None, facts)


def place_of(backend: Backend) -> Place:
    """Return where deliveries to a backend go."""
    return backend.channel, backend.id


async def _backend(tx: Tx, ident: str) -> Backend:
    found = await tx.people.backend(ident)
    if found is None or ident == FORM:
        raise NotFound("backend", ident)
    return found
