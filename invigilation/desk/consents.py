"""The consent desk: what a learner agreed to, purpose by purpose, and took back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from invigilation.consent import NEEDED, Consent, Purpose
from invigilation.desk.identity_facts import taken_back
from invigilation.desk.office import SERVICE, Office, following, held, sitting_of
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.record import Data
from invigilation.session import OVER, SEALED, SessionEvent, SessionState
from invigilation.store import Tx
from invigilation.store.sessions import Open

TAKEN_BACK = "The learner has taken back a consent that we cannot go on without."


@dataclass(frozen=True, slots=True)
class ConsentDesk:
    """Keeps consents; who is asked for them is the learner alone.

    A consent can be taken back at any time, and given again. With that for the likeness, its score
    is deleted; nothing else changes. Without one of the two that are needed nothing new is taken
    or recorded: a clock that runs is paused at once, the invigilator is told, nobody is admitted
    and no session is resumed until the learner gives it again or the invigilator ends the session.
    What was taken before stays for its time, as the record of the session.
    """

    office: Office

    async def of(self, session: str) -> list[Consent]:
        """Return what the learner agreed to in this session; raises `NotFound`."""
        async with self.office.store.read() as tx:
            if await tx.sessions.find(session) is None:
                raise NotFound("session", session)
            return await tx.identities.consents(session)

    async def withdraw(self, session: str, purpose: Purpose, actor: str) -> list[Consent]:
        """Take a consent back; again, or one that was never given, is no change."""
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            now = self.office.clock.now()
            if await tx.identities.withdraw(session, purpose, now):
                one = await self._note(tx, one, "consent_withdrawn", purpose, actor, now)
                if purpose is Purpose.LIKENESS:
                    check = await tx.sessions.identity(session)
                    if check.likeness is not None:
                        await tx.sessions.save_identity(replace(check, likeness=None))
                    await forget_likeness(tx, session)
                elif one.session.state is SessionState.IN_PROGRESS:
                    await self._pause(tx, one, now)
            return await tx.identities.consents(session)

    async def give(self, session: str, purpose: Purpose, actor: str) -> list[Consent]:
        """Agree to a purpose, for the first time or again, before the session is over."""
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            if one.session.state in OVER:
                raise NotAllowed("agree to something in a session that is over")
            now = self.office.clock.now()
            before = await tx.identities.consents(session)
            if not any(it.purpose is purpose and it.withdrawn is None for it in before):
                await self._note(tx, one, "consent_given", purpose, actor, now)
                await tx.identities.give(Consent(session, purpose, now))
            return await tx.identities.consents(session)

    async def _note(
        self, tx: Tx, one: Open, kind: str, purpose: Purpose, actor: str, now: datetime
    ) -> Open:
        """Write into the record; one that is sealed takes nothing more, the audit log does."""
        data: Data = {"purpose": purpose.value}
        if one.session.state in SEALED:
            action = kind.replace("_", ".")
            await self.office.note(tx, actor, action, one.session.id, None, data)
            return one
        entry = self.office.entry(one, kind, actor, data, now)
        await tx.sessions.append(entry)
        return following(one, entry)

    async def _pause(self, tx: Tx, one: Open, now: datetime) -> None:
        after = one.session.after(SessionEvent.PAUSE, now, TAKEN_BACK)
        data: Data = {"reason": TAKEN_BACK, "state": after.state.value}
        entry = self.office.entry(one, SessionEvent.PAUSE.value, SERVICE, data, now)
        await tx.sessions.save(after, entry)
        sitting = await sitting_of(tx, one.session.id)
        notice = self.office.notice(sitting, "session.paused", {"reason": TAKEN_BACK})
        await tx.outbox.add(notice, session=one.session.id)


async def forget_likeness(tx: Tx, session: str) -> None:
    """Forget in record and attestation, too, how alike the faces were found."""
    await tx.texts.forget_likeness(session)


async def give_all(tx: Tx, session: str, purposes: Iterable[Purpose], now: datetime) -> None:
    """Write what the learner agrees to as they come in."""
    for purpose in purposes:
        await tx.identities.give(Consent(session, purpose, now))


def purposes_of(raw: Iterable[str]) -> frozenset[Purpose]:
    """Return the purposes of these words; raises `InvalidInput`, also where a needed one lacks."""
    known = {purpose.value for purpose in Purpose}
    if {*raw} - known:
        raise InvalidInput("consent", "There is no such purpose.")
    purposes = frozenset(Purpose(word) for word in raw)
    if NEEDED - purposes:
        raise InvalidInput("consent", "We cannot go on without your consent to both points.")
    return purposes


async def refuse_without_consent(tx: Tx, session: str) -> None:
    """Raise `NotAllowed` while a consent that is needed has been taken back."""
    consents = await tx.identities.consents(session)
    if any(taken_back(consents, purpose) for purpose in NEEDED):
        raise NotAllowed("go on before the learner gives back the consent that is missing")
