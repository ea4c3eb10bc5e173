"""The device desk: a learner takes part on one device; another one may take its place.

A device is known by the digest of a secret that its browser keeps. Whoever comes with the learner's
login on another device is not shut out: they may go on there, and then the record says so, the
invigilator is told, and the device before can do nothing more in the room.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from invigilation.desk.office import LEARNER, Office, held, sitting_of
from invigilation.desk.people import Kind
from invigilation.errors import NotAllowed
from invigilation.session import LIVE
from invigilation.store.devices import LearnerDevice
from invigilation.store.views import Sitting

CHANGED = "device_changed"
"""The kind of the entry that tells of it."""


@dataclass(frozen=True, slots=True)
class DeviceDesk:
    """Keeps which device a session belongs to, from check-in until it is over."""

    office: Office

    async def of(self, session: str) -> LearnerDevice | None:
        """Return the device on which the learner takes part; None before check-in, and after."""
        async with self.office.store.read() as tx:
            return await tx.devices.find(session)

    async def bind(self, session: str, device: str) -> bool:
        """Let the session belong to this device if it belongs to none; say whether it is this one.

        Only a session that goes on is bound; in another one every device counts as its own.
        """
        known = await self.of(session)
        if known is None:
            async with self.office.store.write() as tx:
                one = await held(tx, session)
                if one.session.state not in LIVE:
                    return True
                await tx.devices.add(LearnerDevice(session, device, self.office.clock.now(), 0))
                known = await tx.devices.find(session)
        return known is None or known.device == device

    async def take_over(self, session: str, device: str) -> Sitting | None:
        """Let the session belong to this device from now on; return its sitting if that is new.

        The tickets by which the device before would come back are good no more. Raises
        `NotAllowed` when the session does not go on.
        """
        async with self.office.store.write() as tx:
            one, sitting = await held(tx, session), await sitting_of(tx, session)
            if one.session.state not in LIVE:
                raise NotAllowed("go on in a session that is over")
            now, known = self.office.clock.now(), await tx.devices.find(session)
            if known is None:
                await tx.devices.add(LearnerDevice(session, device, now, 0))
                return None
            if known.device == device:
                return None
            changed = replace(known, device=device, since=now, changes=known.changes + 1)
            await tx.devices.change(changed)
            await tx.logins.end_tickets(Kind.LEARNER, sitting.request, now)
            entry = self.office.entry(one, CHANGED, LEARNER, {"changes": changed.changes})
            await tx.sessions.append(entry)
        return sitting
