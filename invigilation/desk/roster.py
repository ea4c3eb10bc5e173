"""The roster desk: who is on the staff, as what, and who is not any more.

Everything here is done from the command line, works in its caller's transaction, and is noted in
the audit log there. Somebody who is removed keeps their row, since records name them; but they hold
no role, fit no password, have no second factor and are signed out everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from invigilation.desk.changes import SetCapacity, today
from invigilation.desk.deliveries import COMMAND
from invigilation.desk.office import Office, new_id
from invigilation.desk.people import Kind
from invigilation.errors import InvalidInput
from invigilation.office_hours import DAY
from invigilation.people import Role, Staff, clean_email, clean_name
from invigilation.record import Data
from invigilation.session import LIVE
from invigilation.store import Tx

AROUND = timedelta(days=1)
"""A session that is live now began, or was due, so near to now."""


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody on the staff, as a list shows them; `seats`: how many learners they watch."""

    person: Staff
    seats: int


@dataclass(frozen=True, slots=True)
class RosterDesk:
    """Takes people on, changes what they may do, and lets them go."""

    office: Office

    async def everybody(self, tx: Tx) -> list[Post]:
        """Return who is on the staff now, by name."""
        lanes = await tx.rota.lanes()
        return [
            Post(one, sum(lane.staff == one.id and not lane.retired for lane in lanes))
            for one in await tx.people.all_staff()
            if one.roles
        ]

    async def find(self, tx: Tx, email: str) -> Staff:
        """Return who has that address and is on the staff; raises `InvalidInput`."""
        found = await tx.people.staff_secret(clean_email(email))
        if found is None or not found[0].roles:
            raise InvalidInput("email", f"Nobody with the address {email} is on the staff.")
        return found[0]

    async def add(
        self,
        tx: Tx,
        email: str,
        name: str,
        roles: frozenset[Role],
        seats: int,
        password_hash: str,
    ) -> Staff:
        """Take somebody on, or back; an invigilator watches `seats` learners at once."""
        person = Staff(new_id("st"), clean_email(email), clean_name(name), roles)
        if not await tx.people.add_staff(person, password_hash):
            person = await self._back(tx, person, password_hash)
        await self._seat(tx, person, seats)
        await self.office.note(tx, COMMAND, "staff.added", person.id, None, _told(person))
        return person

    async def _back(self, tx: Tx, asked: Staff, password_hash: str) -> Staff:
        found = await tx.people.staff_secret(asked.email)
        if found is None or found[0].roles:
            raise InvalidInput("email", f"Somebody with the address {asked.email} is on the staff.")
        person = Staff(found[0].id, asked.email, asked.name, asked.roles)
        await tx.people.set_roles(person.id, person.name, person.roles)
        await tx.credentials.set_password(person.id, password_hash)
        return person

    async def change_roles(
        self, tx: Tx, email: str, roles: frozenset[Role], seats: int | None
    ) -> Staff:
        """Give somebody these roles and no others; raises `InvalidInput` where that cannot be.

        `seats` are for an invigilator; None leaves them, or is one for a new invigilator. Whoever
        loses the role of the invigilator must have nothing left to watch.
        """
        await tx.rota.changing()
        before = await self.find(tx, email)
        after = Staff(before.id, before.email, before.name, roles)
        await self._keep_an_administrator(tx, before, roles)
        if before.is_a(Role.INVIGILATOR) and Role.INVIGILATOR not in roles:
            await self._unseat(tx, before)
        await tx.people.set_roles(before.id, before.name, roles)
        if Role.INVIGILATOR in roles:
            was = before.is_a(Role.INVIGILATOR)
            await self._seat(tx, after, seats or (0 if was else 1))
        await self.office.note(tx, COMMAND, "staff.roles", before.id, _told(before), _told(after))
        return after

    async def set_password(self, tx: Tx, email: str, password_hash: str) -> Staff:
        """Give somebody a new password, and sign them out everywhere."""
        person = await self.find(tx, email)
        await tx.credentials.set_password(person.id, password_hash)
        await _sign_out(tx, person)
        await self.office.note(tx, COMMAND, "staff.password", person.id, None, None)
        return person

    async def reset_factors(self, tx: Tx, email: str) -> Staff:
        """Forget how somebody proves who they are beside the password; they set that up anew."""
        person = await self.find(tx, email)
        await tx.credentials.forget(person.id)
        await _sign_out(tx, person)
        await self.office.note(tx, COMMAND, "staff.factors_reset", person.id, None, None)
        return person

    async def reset_company(self, tx: Tx, email: str) -> Staff:
        """Forget by which account of the company somebody comes in: the next one is theirs."""
        person = await self.find(tx, email)
        if not await tx.credentials.drop_accounts(person.id):
            raise InvalidInput("email", f"{person.name} has no account at the company's sign-in.")
        await self.office.note(tx, COMMAND, "staff.company_reset", person.id, None, None)
        return person

    async def remove(self, tx: Tx, email: str) -> Staff:
        """Let somebody go: they can do nothing from this moment on.

        Raises `InvalidInput` while sessions are theirs, and for the last administrator.
        """
        await tx.rota.changing()
        person = await self.find(tx, email)
        await self._keep_an_administrator(tx, person, frozenset())
        await self._unseat(tx, person)
        await tx.people.set_roles(person.id, person.name, frozenset())
        await tx.credentials.set_password(person.id, "")
        await tx.credentials.forget(person.id)
        await tx.credentials.drop_accounts(person.id)
        await _sign_out(tx, person)
        await tx.feeds.drop(person.id)
        await tx.busy.drop_source(person.id)
        await tx.busy.replace(person.id, ())
        await self.office.note(tx, COMMAND, "staff.removed", person.id, _told(person), None)
        return person

    async def _keep_an_administrator(self, tx: Tx, person: Staff, roles: frozenset[Role]) -> None:
        """Refuse to leave the office without anybody who may do everything."""
        if not person.is_a(Role.ADMINISTRATOR) or Role.ADMINISTRATOR in roles:
            return
        others = [one for one in await tx.people.all_staff() if one.id != person.id]
        if not any(one.is_a(Role.ADMINISTRATOR) for one in others):
            raise InvalidInput(
                "email", f"{person.name} is the only administrator: first make another one."
            )

    async def _seat(self, tx: Tx, person: Staff, seats: int) -> None:
        if seats and person.is_a(Role.INVIGILATOR):
            await SetCapacity(person.id, seats).apply(tx, self.office)

    async def _unseat(self, tx: Tx, person: Staff) -> None:
        """Take somebody out of the rota; raises `InvalidInput` while sessions are theirs."""
        now = self.office.clock.now()
        ahead = await tx.ahead.bookings(now, person.id)
        if ahead:
            first = f"{ahead[0].booking.start:%d %B %Y, %H:%M} UTC"
            raise InvalidInput(
                "email",
                f"{person.name} has sessions ahead: {len(ahead)}, the first on {first}. "
                "Let a scheduler give them to somebody else first.",
            )
        around = await tx.views.between(now - AROUND, now + AROUND, person.id)
        if any(one.session_state in LIVE for one in around):
            raise InvalidInput("email", f"{person.name} is in a session that is not over yet.")
        day = today(self.office)
        for kept in await tx.rota.shifts(person.id):
            if kept.shift.first >= day:
                await tx.rota.remove_shift(kept.id)
            elif kept.shift.last is None or kept.shift.last >= day:
                await tx.rota.end_shift(kept.id, day - DAY)
        lanes = [one.id for one in await tx.rota.lanes(person.id) if not one.retired]
        if lanes:
            await tx.rota.retire(lanes, retired=True)


async def _sign_out(tx: Tx, person: Staff) -> None:
    for kind in (Kind.STAFF, Kind.ENTERING):
        await tx.logins.end_of(kind, person.id)


def _told(person: Staff) -> Data:
    """Return what the audit log says of somebody: no name, which their row has."""
    return {"roles": ", ".join(sorted(person.roles))}
