"""Who decides on an identity: the invigilator alone, or with a colleague."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from invigilation.consent import Consent, Purpose
from invigilation.desk.identity_facts import DECIDED, Facts, facts_of, taken_back
from invigilation.desk.looks import OVERSEERS, may_look_too
from invigilation.desk.looks import why as reason
from invigilation.desk.office import Office, actor, allow, held, saved, sitting_of, watched
from invigilation.errors import (
    IllegalTransition,
    InvalidInput,
    NeedsColleague,
    NotAllowed,
    NotFound,
)
from invigilation.identity import (
    TABLE,
    Decision,
    IdentityCheck,
    IdentityEvent,
    IdentityState,
)
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.session import Session, SessionEvent, SessionState
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting
from invigilation.transitions import advance

REASON_LIMIT = 1_000
BEFORE_ADMISSION = frozenset({SessionState.CHECKED_IN, SessionState.IDENTIFIED})
TWO = "The document has expired, or the name on it is another one: nobody confirms this alone."


@dataclass(frozen=True, slots=True)
class Referral:
    """A check that waits for a colleague; `invigilator` is the name of who asked."""

    session: str
    learner: str
    invigilator: str
    since: datetime
    reason: str
    proposed: Decision | None


@dataclass(frozen=True, slots=True)
class Panel:
    """All that a colleague decides by; `may_decide`: whether it waits for this person.

    `names` are those of the staff that the check speaks of, by their ids.
    """

    sitting: Sitting
    check: IdentityCheck
    facts: Facts
    consents: tuple[Consent, ...]
    names: dict[str, str]
    may_decide: bool


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """Keeps what was decided; it takes two people where the document speaks against it."""

    office: Office

    async def decide(
        self,
        session: str,
        by: Staff,
        decision: Decision,
        reason: str,
        *,
        document: str | None = None,
        face: str | None = None,
    ) -> tuple[Session, IdentityCheck]:
        """Record the invigilator's decision; a confirmed one identifies.

        Its reason may be empty for a confirmation in which nothing differs. `document` and `face`
        are the pictures that were looked at, where that is known: what came in their place since
        is not confirmed unseen, but where the same came in full size, it is decided by the small
        one that was seen. Raises `NeedsColleague` where it takes two.
        """
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            _before_admission(one, "decide on the identity in this state of the session")
            check = await tx.sessions.identity(session)
            if check.state is IdentityState.REFERRED:
                raise NotAllowed("decide this while a colleague is asked to look at it")
            facts = await facts_of(tx, sitting, check)
            if decision is Decision.CONFIRMED:
                advance(TABLE, "identity check", check.state, IdentityEvent.CONFIRM)
                check = await _as_seen(tx, check, document, face)
                if facts.needs_two:
                    raise NeedsColleague(TWO)
            free = decision is Decision.CONFIRMED and not facts.needs_reason
            who = actor(by, Role.INVIGILATOR)
            clean = _reason(reason, least=0 if free else 1)
            return await self._decide(tx, one, sitting, check, facts, decision, clean, by, who)

    async def refer(
        self, session: str, by: Staff, proposed: Decision | None, reason: str
    ) -> IdentityCheck:
        """Ask a colleague to look, with a reason; `proposed` is what the invigilator would decide.

        Again, it stands instead of what was asked before.
        """
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            _before_admission(one, "ask a colleague in this state of the session")
            check = await tx.sessions.identity(session)
            now = self.office.clock.now()
            referred = check.referred(proposed, _reason(reason), by.id, now)
            data: Data = {
                "proposed": None if proposed is None else proposed.value,
                **(await facts_of(tx, sitting, check)).grades,
            }
            who, said = actor(by, Role.INVIGILATOR), {"reason": referred.referred_reason or ""}
            entry = self.office.entry(one, "identity_referred", who, data, now, said)
            await tx.sessions.append(entry)
            await tx.sessions.save_identity(referred)
        return referred

    async def second(
        self, session: str, by: Staff, decision: Decision, reason: str
    ) -> tuple[Session, IdentityCheck]:
        """Decide, with a reason, on what a colleague has referred; never on one's own referral.

        Where it takes two, both must be for it: raises `NeedsColleague` to confirm what nobody has
        proposed to confirm.
        """
        allow(by, Role.INVIGILATOR)
        async with self.office.store.write() as tx:
            one, sitting = await held(tx, session), await sitting_of(tx, session)
            check = await tx.sessions.identity(session)
            if check.state is not IdentityState.REFERRED:
                raise IllegalTransition("identity check", check.state, "a colleague decides")
            if check.referred_by == by.id:
                raise NotAllowed("decide what you have asked a colleague about")
            _before_admission(one, "decide on the identity in this state of the session")
            facts = await facts_of(tx, sitting, check)
            alone = check.proposed is not Decision.CONFIRMED
            if decision is Decision.CONFIRMED and facts.needs_two and alone:
                raise NeedsColleague(f"{TWO} Who asked you has not proposed to confirm it.")
            role = Role.INVIGILATOR if by.is_a(Role.INVIGILATOR) else Role.ADMINISTRATOR
            clean, who = _reason(reason), actor(by, role)
            return await self._decide(tx, one, sitting, check, facts, decision, clean, by, who)

    async def _decide(
        self,
        tx: Tx,
        one: Open,
        sitting: Sitting,
        check: IdentityCheck,
        facts: Facts,
        decision: Decision,
        reason: str,
        by: Staff,
        who: str,
    ) -> tuple[Session, IdentityCheck]:
        now = self.office.clock.now()
        after, check = one.session, check.decided(decision, reason, by.id, now)
        if decision is Decision.CONFIRMED:
            if taken_back(await tx.identities.consents(check.session), Purpose.IDENTITY):
                raise NotAllowed("confirm an identity without the learner's consent")
            after = after.after(SessionEvent.CONFIRM_IDENTITY, now)
        data: Data = {
            "decision": decision.value,
            "document": check.document,
            "face": check.face,
            "referred_by": check.referred_by,
            "takes_two": facts.needs_two,
            **facts.grades,
        }
        entry = self.office.entry(one, DECIDED, who, data, now, {"reason": reason})
        await tx.sessions.save(after, entry)
        await tx.sessions.save_identity(check)
        told = {"decision": decision.value}
        notice = self.office.notice(sitting, "session.identity_decided", told)
        await tx.outbox.add(notice, session=sitting.session)
        return saved(after, entry), check

    async def reopen(self, session: str, by: Staff) -> tuple[Session, IdentityCheck]:
        """Ask for the document again; a referral is taken back by this, too."""
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            _before_admission(one, "ask for the document again in this state of the session")
            check = await tx.sessions.identity(session)
            fresh = IdentityCheck(
                session, advance(TABLE, "identity check", check.state, IdentityEvent.REOPEN)
            )
            after = one.session
            if after.state is SessionState.IDENTIFIED:
                after = after.after(SessionEvent.REOPEN_IDENTITY, self.office.clock.now())
            entry = self.office.entry(one, "identity_reopened", actor(by, Role.INVIGILATOR), {})
            await tx.sessions.save(after, entry)
            await tx.sessions.save_identity(fresh)
        return saved(after, entry), fresh

    async def waiting(self, by: Staff) -> list[Referral]:
        """Return what colleagues have referred and this person may decide, oldest first."""
        allow(by, Role.INVIGILATOR)
        found: list[Referral] = []
        async with self.office.store.read() as tx:
            for check in await tx.identities.referred():
                if check.referred_by in {None, by.id} or check.referred_at is None:
                    continue
                sitting = await sitting_of(tx, check.session)
                names = await _names(tx, check.referred_by)
                found.append(
                    Referral(
                        check.session,
                        sitting.learner_name,
                        names.get(check.referred_by or "", sitting.staff_name),
                        check.referred_at,
                        check.referred_reason or "",
                        check.proposed,
                    )
                )
        return found

    async def panel(self, session: str, by: Staff) -> Panel:
        """Return what somebody decides by, to those who may `see` its pictures; else `NotFound`."""
        async with self.office.store.read() as tx:
            sitting = await tx.views.sitting(session)
            check = await tx.sessions.identity(session)
            if sitting is None or not _may_look(sitting, check, by):
                raise NotFound("session", session)
            waits = check.state is IdentityState.REFERRED and check.referred_by != by.id
            return Panel(
                sitting,
                check,
                await facts_of(tx, sitting, check),
                tuple(await tx.identities.consents(session)),
                await _names(tx, sitting.staff, check.referred_by, check.decided_by),
                waits and sitting.session_state in BEFORE_ADMISSION and _may_second(by),
            )

    async def session_of(self, evidence: str) -> str:
        """Return the session that a piece of evidence is of; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.evidence.find(evidence)
        if found is None:
            raise NotFound("evidence", evidence)
        return found.session

    async def see(self, evidence: str, by: Staff) -> Evidence:
        """Return a piece of evidence to look at; that somebody looked is itself an event.

        A colleague who was asked sees what the identity check shows, and nothing else. Whoever has
        no reason by what they are doing says one first: `ReasonNeeded` (`desk.looks.open`).
        """
        async with self.office.store.write() as tx:
            found = await tx.evidence.find(evidence)
            if found is None:
                raise NotFound("evidence", evidence)
            one = await tx.sessions.hold(found.session)
            sitting = await tx.views.sitting(found.session)
            if one is None or sitting is None:
                raise NotFound("evidence", evidence)
            why = await reason(tx, self.office.clock.now(), sitting, by, evidence)
            data: Data = {"evidence": evidence, "kind": found.kind, **why.data}
            who, said = f"staff:{by.id}", why.private
            entry = self.office.entry(one, "evidence_viewed", who, data, private=said)
            await tx.sessions.append(entry)
        return found


def _may_look(sitting: Sitting, check: IdentityCheck, by: Staff) -> bool:
    return sitting.staff == by.id or bool(by.roles & OVERSEERS) or may_look_too(check, by)


def _may_second(by: Staff) -> bool:
    return bool(by.roles & {Role.INVIGILATOR, Role.ADMINISTRATOR})


async def _as_seen(
    tx: Tx, check: IdentityCheck, document: str | None, face: str | None
) -> IdentityCheck:
    """Return the check with the pictures that were looked at; raises for others than these."""
    seen = (document or check.document, face or check.face)
    now = (check.document, check.face)
    if seen == now:
        return check
    snapshots = await tx.sessions.entries_of(check.session, "snapshot")
    small = {one.data["evidence"]: one.data["of"] for one in snapshots if one.data.get("full")}
    for looked_at, stands in zip(seen, now, strict=True):
        if looked_at != stands and small.get(stands) != looked_at:
            raise NotAllowed("confirm a picture that has just come: look at it first")
    return replace(check, document=seen[0], face=seen[1])


async def _names(tx: Tx, *staff: str | None) -> dict[str, str]:
    found = [await tx.people.staff(one) for one in {*staff} if one is not None]
    return {one.id: one.name for one in found if one is not None}


def _before_admission(one: Open, what: str) -> None:
    if one.session.state not in BEFORE_ADMISSION:
        raise NotAllowed(what)


def _reason(raw: str, *, least: int = 1) -> str:
    reason = raw.strip()
    if not least <= len(reason) <= REASON_LIMIT:
        raise InvalidInput("reason", f"Give a reason of 1 to {REASON_LIMIT} letters.")
    return reason
