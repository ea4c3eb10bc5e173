"""The charge desk: what is due from whom, paid or waived by a scheduler."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation.charge import Charge, ChargeEvent
from invigilation.desk.office import Office, allow
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Learner, Role, Staff


@dataclass(frozen=True, slots=True)
class Owed:
    """A charge, and who owes it."""

    charge: Charge
    learner: Learner


@dataclass(frozen=True, slots=True)
class ChargeDesk:
    """Keeps charges."""

    office: Office

    async def open(self, by: Staff) -> list[Owed]:
        """Return all charges that are held or due, oldest first."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            owed = []
            for charge in await tx.charges.open():
                learner = await tx.people.learner(charge.learner)
                if learner is not None:
                    owed.append(Owed(charge, learner))
        return owed

    async def pay(self, charge: str, by: Staff, note: str) -> Charge:
        """Note that a charge was paid, and how (a bank reference, say)."""
        return await self._settle(charge, by, ChargeEvent.SETTLE, note)

    async def waive(self, charge: str, by: Staff, reason: str) -> Charge:
        """Waive a charge, with a reason."""
        return await self._settle(charge, by, ChargeEvent.WAIVE, reason)

    async def _settle(self, ident: str, by: Staff, event: ChargeEvent, note: str) -> Charge:
        allow(by, Role.SCHEDULER)
        note = note.strip()
        if not 0 < len(note) <= 1_000:
            raise InvalidInput("reason", "Say why or how, in 1 to 1,000 letters.")
        async with self.office.store.write() as tx:
            charge = await tx.charges.find(ident)
            if charge is None:
                raise NotFound("charge", ident)
            after = charge.after(event, reason=f"{note} ({by.name})")
            await tx.charges.save(after)
        return after
