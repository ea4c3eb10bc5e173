"""The hand-over desk: a session goes from one invigilator to another, in mid-session if need be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from invigilation.desk.office import Office, actor, allow, held, saved, sitting_of, watched
from invigilation.errors import InvalidInput, NotAllowed
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.session import LIVE, OUTCOMES, Session
from invigilation.store import Tx
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting

HANDED_OVER = "handed_over"
TIME_TO_COME = timedelta(seconds=60)
"""So long nobody else may take over, without being asked, what somebody has just taken over."""
MAY_CHANGE_HANDS = LIVE | frozenset(OUTCOMES)
"""A session that is over, too, while it waits for somebody to attest it."""


@dataclass(frozen=True, slots=True)
class HandoverDesk:
    """Changes who invigilates; the booking keeps the seat that it took."""

    office: Office

    async def colleagues(self, by: Staff) -> list[Staff]:
        """Return everybody else who invigilates, by name."""
        allow(by, Role.INVIGILATOR)
        async with self.office.store.read() as tx:
            everybody = await tx.people.all_staff()
        return [one for one in everybody if one.is_a(Role.INVIGILATOR) and one.id != by.id]

    async def offer(self, session: str, by: Staff, to: str) -> Session:
        """Offer a session to a colleague; another offer stands instead of the one before."""
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            _may_change_hands(one)
            colleague = await tx.people.staff(to)
            if colleague is None or to == by.id or not colleague.is_a(Role.INVIGILATOR):
                raise InvalidInput("to", "Choose a colleague who invigilates.")
            after = replace(one.session, handing_to=to)
            return await self._note(tx, one, after, by, "handover_offered", {"to": to})

    async def withdraw(self, session: str, by: Staff) -> Session:
        """Take an offer back, or decline it: its two people may; without an offer, no change."""
        async with self.office.store.write() as tx:
            one, sitting = await held(tx, session), await sitting_of(tx, session)
            to = one.session.handing_to
            if by.id not in {sitting.staff, to}:
                raise NotAllowed("withdraw a colleague's offer")
            if to is None:
                return one.session
            after = replace(one.session, handing_to=None)
            return await self._note(tx, one, after, by, "handover_withdrawn", {"to": to})

    async def take(self, session: str, by: Staff, *, unattended: bool) -> Sitting:
        """Take over what was offered to `by`, or what is left alone; again is no change.

        That it is left alone (`unattended`) is for the live room to know: then anybody who
        invigilates may take it, but for a minute after somebody else did.
        """
        if not by.is_a(Role.INVIGILATOR):
            raise NotAllowed("do this with your role")
        async with self.office.store.write() as tx:
            one, sitting = await held(tx, session), await sitting_of(tx, session)
            if sitting.staff == by.id:
                return sitting
            _may_change_hands(one)
            if one.session.handing_to != by.id:
                if not unattended:
                    raise NotAllowed("take over a session that was not offered to you")
                await self._nobody_comes(tx, session)
            after = replace(one.session, invigilator=by.id, handing_to=None)
            data: Data = {"from": sitting.staff, "to": by.id, "unattended": unattended}
            await self._note(tx, one, after, by, HANDED_OVER, data)
            return await sitting_of(tx, session)

    async def _nobody_comes(self, tx: Tx, session: str) -> None:
        before = await tx.sessions.moments(session, HANDED_OVER)
        if before and self.office.clock.now() - before[-1] < TIME_TO_COME:
            raise NotAllowed("take over what a colleague has just taken over")

    async def _note(
        self, tx: Tx, one: Open, after: Session, by: Staff, kind: str, data: Data
    ) -> Session:
        entry = self.office.entry(one, kind, actor(by, Role.INVIGILATOR), data)
        await tx.sessions.save(after, entry)
        return saved(after, entry)


def _may_change_hands(one: Open) -> None:
    if one.session.state not in MAY_CHANGE_HANDS:
        raise NotAllowed("hand over a session that has not begun, or that is closed")
