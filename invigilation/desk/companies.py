"""The desk of the company's sign-in: whom an account there belongs to.

The first time somebody is found by the e-mail address that the company has verified; once they have
shown two factors, by its own name for the account alone. An address is given to another person some
day, an account never (OpenID Connect Core 1.0, 5.7). What does not fit is refused and stands in the
audit log; an administrator can let somebody begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from invigilation.desk.credentials import CredentialDesk
from invigilation.desk.office import Office, actor, allow
from invigilation.desk.people import Whence
from invigilation.errors import NotFound
from invigilation.people import Role, Staff
from invigilation.store import Tx
from invigilation.store.credentials import CompanyAccount

ACTOR: Final = "company's sign-in"
REFUSED: Final = "sign_in.company_refused"


class NotThem(StrEnum):
    """Why nobody comes in by an account."""

    UNKNOWN = "unknown"
    """Nobody with this address works here."""
    OTHER_ACCOUNT = "other account"
    """Who has this address came in by another account before."""
    OTHER_EMAIL = "other e-mail address"
    """Whose account it is has another address here."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the company vouches for: its name for somebody, and their address, in lower case."""

    issuer: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Bound:
    """Somebody who comes in by the company, and since when."""

    person: Staff
    since: datetime


@dataclass(frozen=True, slots=True)
class CompanyDesk:
    """Keeps by which account of the company each member of staff comes in."""

    office: Office

    async def who(self, account: Account, whence: Whence) -> Staff | NotThem:
        """Return whose account this is, or would be; before the second step nothing is theirs."""
        return await self._find(account, whence, bind=False)

    async def bind(self, account: Account, whence: Whence) -> Staff | NotThem:
        """Return whose account this is; from the first time on it is theirs, and they are told.

        Only for who has shown two factors: nobody else's account may take their place.
        """
        return await self._find(account, whence, bind=True)

    async def _find(self, account: Account, whence: Whence, *, bind: bool) -> Staff | NotThem:
        async with self.office.store.write() as tx:
            kept = await tx.credentials.account(account.issuer, account.subject)
            if kept is None:
                return await self._first(tx, account, whence, bind=bind)
            person = await tx.people.staff(kept.staff)
            if person is None or not person.roles:
                return NotThem.UNKNOWN
            if person.email != account.email:
                return await self._refuse(tx, person, NotThem.OTHER_EMAIL, whence)
            return person

    async def bound(self) -> list[Bound]:
        """Return who comes in by the company."""
        async with self.office.store.read() as tx:
            people = {one.id: one for one in await tx.people.all_staff()}
            return [Bound(people[one.staff], one.made) for one in await tx.credentials.accounts()]

    async def undo(self, by: Staff, person: str) -> None:
        """Forget somebody's account: the next one with their address is theirs.

        Raises `NotFound` when they have none.
        """
        allow(by, Role.ADMINISTRATOR)
        who = actor(by, Role.ADMINISTRATOR)
        async with self.office.store.write() as tx:
            if not await tx.credentials.drop_accounts(person):
                raise NotFound("account", person)
            await self.office.note(tx, who, "staff.company_reset", person, None, None)

    async def _first(
        self, tx: Tx, account: Account, whence: Whence, *, bind: bool
    ) -> Staff | NotThem:
        known = await tx.people.staff_secret(account.email)
        if known is None or not known[0].roles:
            return NotThem.UNKNOWN
        person, now = known[0], self.office.clock.now()
        if not bind:
            other = await tx.credentials.account_of(person.id, account.issuer)
            if other is None:
                return person
            return await self._refuse(tx, person, NotThem.OTHER_ACCOUNT, whence)
        one = CompanyAccount(person.id, account.issuer, account.subject, account.email, now)
        if await tx.credentials.add_account(one):
            await CredentialDesk(self.office).company_bound(tx, person, whence)
            return person
        # Of two that come for the first time at once, the other may have been this very account.
        kept = await tx.credentials.account(account.issuer, account.subject)
        if kept is not None and kept.staff == person.id:
            return person
        return await self._refuse(tx, person, NotThem.OTHER_ACCOUNT, whence)

    async def _refuse(self, tx: Tx, person: Staff, why: NotThem, whence: Whence) -> NotThem:
        facts = {"why": why.value, "device": whence.device, "place": whence.place}
        await self.office.note(tx, ACTOR, REFUSED, person.id, None, facts)
        return why
