"""The identity desk: pictures of the document and the face, and the invigilator's decision."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation import record
from invigilation.desk.office import Office, actor, saved, watched
from invigilation.document import Reading
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.identity import (
    TABLE,
    Decision,
    IdentityCheck,
    IdentityEvent,
    SnapshotKind,
)
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.session import LIVE, Session, SessionEvent, SessionState
from invigilation.store.evidence import Evidence
from invigilation.transitions import advance

REASON_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class IdentityDesk:
    """Keeps what was seen and what was decided."""

    office: Office

    async def may_picture(self, session: str, by: Staff) -> None:
        """Raise unless this invigilator may take a picture in this session now."""
        async with self.office.store.read() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("take a picture when the session is not running")

    async def record(
        self,
        session: str,
        by: Staff,
        kind: SnapshotKind,
        picture: Evidence,
        reading: Reading | None = None,
    ) -> IdentityCheck:
        """Note a picture that the vault has; a document's or a face's moves the check on."""
        if picture.sha256 is None or picture.size is None:
            raise InvalidInput("picture", "The picture is not complete.")
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("take a picture when the session is not running")
            check = await tx.sessions.identity(session)
            if kind is not SnapshotKind.INCIDENT:
                check = check.with_picture(kind, picture.id)
                await tx.sessions.save_identity(check)
            await tx.evidence.add(picture)
            data: dict[str, record.Plain] = {
                "kind": kind.value,
                "evidence": picture.id,
                "sha256": picture.sha256,
                "size": picture.size,
            }
            who = actor(by, Role.INVIGILATOR)
            if reading is not None:
                # The record says that it was read and whether it adds up, not what it says.
                lines = record.commitment(one.secret, "\n".join(reading.lines))
                data |= {"reading": lines, "check_digits_right": reading.check_digits_right}
            await tx.sessions.append(self.office.entry(one, "snapshot", who, data))
        return check

    async def decide(
        self, session: str, by: Staff, decision: Decision, reason: str
    ) -> tuple[Session, IdentityCheck]:
        """Record the invigilator's decision, with its reason; a confirmed one identifies."""
        reason = reason.strip()
        if not 0 < len(reason) <= REASON_LIMIT:
            raise InvalidInput("reason", f"Give a reason of 1 to {REASON_LIMIT} letters.")
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state not in {SessionState.CHECKED_IN, SessionState.IDENTIFIED}:
                raise NotAllowed("decide on the identity in this state of the session")
            now = self.office.clock.now()
            check = await tx.sessions.identity(session)
            check = check.decided(decision, reason, by.id, now)
            after = one.session
            if decision is Decision.CONFIRMED:
                after = after.after(SessionEvent.CONFIRM_IDENTITY, now)
            data: Data = {
                "decision": decision.value,
                "reason": reason,
                "document": check.document,
                "face": check.face,
            }
            entry = self.office.entry(one, "identity_decided", actor(by, Role.INVIGILATOR), data)
            await tx.sessions.save(after, entry)
            await tx.sessions.save_identity(check)
        return saved(after, entry), check

    async def reopen(self, session: str, by: Staff) -> tuple[Session, IdentityCheck]:
        """Ask for the document again."""
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state not in {SessionState.CHECKED_IN, SessionState.IDENTIFIED}:
                raise NotAllowed("ask for the document again in this state of the session")
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

    async def see(self, evidence: str, by: Staff) -> Evidence:
        """Return a piece of evidence to look at; that somebody looked is itself an event."""
        async with self.office.store.write() as tx:
            found = await tx.evidence.find(evidence)
            if found is None:
                raise NotFound("evidence", evidence)
            one = await tx.sessions.hold(found.session)
            sitting = await tx.views.sitting(found.session)
            if one is None or sitting is None:
                raise NotFound("evidence", evidence)
            if sitting.staff != by.id and not by.roles & {Role.SCHEDULER, Role.ADMINISTRATOR}:
                raise NotFound("evidence", evidence)
            who = f"staff:{by.id}"
            data: Data = {"evidence": evidence, "kind": found.kind}
            await tx.sessions.append(self.office.entry(one, "evidence_viewed", who, data))
        return found
