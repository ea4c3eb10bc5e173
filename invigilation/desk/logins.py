"""The desk of everybody's logins: administrators see where staff are signed in, and end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from invigilation.desk.credentials import CredentialDesk
from invigilation.desk.office import Office, actor, allow
from invigilation.desk.people import Kind
from invigilation.errors import NotFound
from invigilation.people import Role, Staff
from invigilation.store.logins import Login


@dataclass(frozen=True, slots=True)
class LoginDesk:
    """Shows and ends the logins of others; all of it is for administrators."""

    office: Office

    async def counts(self, by: Staff) -> Mapping[str, int]:
        """Return in how many browsers each member of staff is signed in, by their id."""
        allow(by, Role.ADMINISTRATOR)
        async with self.office.store.read() as tx:
            return Counter(
                [one.person for one in await tx.logins.of_kind(Kind.STAFF, self.office.clock.now())]
            )

    async def of(self, by: Staff, person: str) -> tuple[Staff, list[Login]]:
        """Return a member of staff and where they are signed in, latest first; or `NotFound`."""
        allow(by, Role.ADMINISTRATOR)
        async with self.office.store.read() as tx:
            found = await tx.people.staff(person)
            if found is None:
                raise NotFound("person", person)
            return found, await tx.logins.of_person(Kind.STAFF, person, self.office.clock.now())

    async def end(self, by: Staff, person: str, ident: str = "") -> int:
        """End one login of somebody, or all of them, and tell them; return how many ended.

        Whoever is between the password and the second step begins anew, too. Raises `NotFound` for
        somebody, or a login, that is not there.
        """
        allow(by, Role.ADMINISTRATOR)
        now = self.office.clock.now()
        async with self.office.store.write() as tx:
            found = await tx.people.staff(person)
            every = await tx.logins.of_person(Kind.STAFF, person, now)
            ended = [one for one in every if ident in {"", one.id}]
            if found is None or not (ended or ident == ""):
                raise NotFound("sign-in", ident or person)
            for one in ended:
                await tx.logins.remove(one.token_sha256)
                data = {"device": one.device or "", "place": one.place or ""}
                who = actor(by, Role.ADMINISTRATOR)
                await self.office.note(tx, who, "staff.signed_out", person, data, None)
            if not ident:
                await tx.logins.end_of(Kind.ENTERING, person)
            if ended:
                await tx.logins.end_tickets(Kind.STAFF, person, now)
                await CredentialDesk(self.office).signed_out(tx, found)
        return len(ended)
