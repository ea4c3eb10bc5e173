"""The reception: who is signed in, and one-time tickets for the live room."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from invigilation.desk.office import Office
from invigilation.errors import NotSignedIn
from invigilation.people import Staff
from invigilation.store.logins import Login, Ticket

STAFF_HOURS = 12
LEARNER_HOURS = 12
TICKET_SECONDS = 30


class Kind(StrEnum):
    """Who a login or a ticket is for."""

    STAFF = "staff"
    LEARNER = "learner"


@dataclass(frozen=True, slots=True)
class Reception:
    """Keeps logins; passwords are checked by the front office, which can wait for them."""

    office: Office

    async def staff_secret(self, email: str) -> tuple[Staff, str] | None:
        """Return the member of staff with this address and the password's hash."""
        async with self.office.store.read() as tx:
            return await tx.people.staff_secret(email.strip().lower())

    async def sign_in(self, kind: Kind, person: str) -> tuple[str, Login]:
        """Open a login and return its secret token; `person` is a staff or a request id."""
        token = secrets.token_urlsafe(32)
        hours = STAFF_HOURS if kind is Kind.STAFF else LEARNER_HOURS
        expires = self.office.clock.now() + timedelta(hours=hours)
        login = Login(digest(token), kind, person, secrets.token_urlsafe(24), expires)
        async with self.office.store.write() as tx:
            await tx.logins.add(login)
        return token, login

    async def login(self, token: str) -> Login | None:
        """Return the login of a token, unless it has run out."""
        async with self.office.store.read() as tx:
            return await tx.logins.find(digest(token), self.office.clock.now())

    async def sign_out(self, token: str) -> None:
        """End a login."""
        async with self.office.store.write() as tx:
            await tx.logins.remove(digest(token))

    async def staff(self, ident: str) -> Staff:
        """Return a member of staff; raises `NotSignedIn`."""
        async with self.office.store.read() as tx:
            found = await tx.people.staff(ident)
        if found is None:
            raise NotSignedIn("Please sign in.")
        return found

    async def everybody(self) -> list[Staff]:
        """Return all staff, by name."""
        async with self.office.store.read() as tx:
            return await tx.people.all_staff()

    async def ticket(self, kind: Kind, person: str, session: str | None) -> str:
        """Return a ticket that opens one live connection within 30 seconds."""
        token = secrets.token_urlsafe(32)
        expires = self.office.clock.now() + timedelta(seconds=TICKET_SECONDS)
        async with self.office.store.write() as tx:
            await tx.logins.add_ticket(Ticket(digest(token), kind, person, session, expires))
        return token

    async def use_ticket(self, token: str) -> Ticket:
        """Take a ticket in; raises `NotSignedIn` for one that is used, late or unknown."""
        async with self.office.store.write() as tx:
            found = await tx.logins.use_ticket(digest(token), self.office.clock.now())
        if found is None:
            raise NotSignedIn("This ticket is not valid.")
        return found


def digest(token: str) -> str:
    """Return what is kept of a secret token: its hex SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()
