"""The report desk: attesting a session, and the record that anybody can check."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from invigilation import record
from invigilation.desk.identity_report import told
from invigilation.desk.office import Office, actor, allow, saved, sitting_of, watched
from invigilation.errors import Busy, InvalidInput, NotFound
from invigilation.gap import Gap
from invigilation.identity import IdentityCheck
from invigilation.incident import Incident
from invigilation.inspection import Inspection
from invigilation.people import Role, Staff
from invigilation.record import Data, Entry, Head, Opening
from invigilation.report import Delivery, report_due
from invigilation.session import OUTCOMES, Outcome, Session, SessionEvent
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.outbox import Sent
from invigilation.store.sessions import Sealed
from invigilation.store.views import Sitting

STATEMENT = range(20, 4_001)
SECOND = timedelta(seconds=1)
RECORD_FORMAT = "invigilation-record/2"


@dataclass(frozen=True, slots=True)
class Record:
    """A session's record for a screen."""

    sitting: Sitting
    session: Session
    entries: tuple[Entry, ...]
    evidence: tuple[Evidence, ...]
    identity: IdentityCheck
    sealed: Sealed | None
    deliveries: tuple[Sent, ...]
    openings: tuple[Opening, ...] = ()
    """What is still kept of the private texts of the entries and the attestation here."""
    anchors: tuple[Mapping[str, object], ...] = ()
    """What others have signed over the chain's head, as it stands in the record's file."""


@dataclass(frozen=True, slots=True)
class ReportDesk:
    """Seals records and hands them out."""

    office: Office

    async def attest(self, session: str, by: Staff, statement: str, outcome: Outcome) -> Session:
        """Seal the record under the invigilator's statement and put the report into the outbox.

        All in one transaction: the last event, the sealed bytes, the webhook, the receipt. All
        evidence must be complete: while a recording is not finished (`RecordingDesk.finish`), or
        found to be lost, this raises `Busy`: what was listed later would belie the attestation.
        """
        statement = statement.strip()
        if len(statement) not in STATEMENT:
            raise InvalidInput("statement", "Write a statement of 20 to 4,000 letters.")
        async with self.office.store.write() as tx:
            one, sitting = await watched(tx, session, by)
            now = self.office.clock.now()
            ended = one.session.after(SessionEvent.ATTEST, now)
            after = replace(ended, outcome=outcome)
            if outcome not in OUTCOMES[one.session.state]:
                raise InvalidInput("outcome", "This outcome does not fit how the session ended.")
            await _complete(tx, session)
            data: Data = {"outcome": outcome.value}
            who, said = actor(by, Role.INVIGILATOR), {"statement": statement}
            entry = self.office.entry(one, "attested", who, data, now, said)
            await tx.sessions.save(after, entry)
            calendar = await self.office.calendar(tx)
            due = report_due(after.finished or now, calendar.office)
            payload = await self._payload(tx, sitting, after, entry.head, statement, due)
            sealed = self.office.sealer.seal(record.canonical(payload))
            await tx.sessions.seal(session, statement, sealed)
            facts: Data = {
                "outcome": outcome.value,
                "attestation": sealed.decode("ascii"),
                "due": record.stamp(due),
            }
            await tx.outbox.add(
                self.office.notice(sitting, "report.ready", facts),
                self._receipt(sitting, after, outcome),
                session=session,
            )
        return saved(after, entry)

    def _receipt(self, sitting: Sitting, session: Session, outcome: Outcome) -> Delivery:
        facts: Data = {
            "name": sitting.learner_name,
            "title": sitting.title,
            "request": sitting.request,
            "start": record.stamp(session.started or sitting.start),
            "zone": sitting.zone,
            "outcome": outcome.value,
            "reason": session.reason,
        }
        return self.office.letter(sitting.learner_email, "receipt", facts)

    async def _payload(
        self,
        tx: Tx,
        sitting: Sitting,
        session: Session,
        head: Head,
        statement: str,
        due: datetime,
    ) -> dict[str, object]:
        zone = self.office.rules.zone
        return {
            "format": record.ATTESTATION_FORMAT,
            "session": session.id,
            "kind": "remote",
            "assessment": {
                "reference": sitting.reference,
                "title": sitting.title,
                "minutes": session.minutes,
                "materials": list(sitting.materials),
            },
            "learner": {"reference": sitting.learner_reference, "name": sitting.learner_name},
            "invigilator": {"id": sitting.staff, "name": sitting.staff_name},
            "booked": both(sitting.start, zone),
            "started": both(session.started, zone),
            "finished": both(session.finished, zone),
            "spent_seconds": session.spent // SECOND,
            "given_back_seconds": session.given_back // SECOND,
            "outcome": session.outcome,
            "reason": session.reason,
            "statement": statement,
            "due": record.stamp(due),
            "identity": await told(tx, sitting),
            "incidents": [_incident(one) for one in await tx.sessions.incidents(session.id)],
            "gaps": [_gap(one) for one in await tx.marks.gaps(session.id)],
            "inspections": [_inspection(one) for one in await tx.marks.inspections(session.id)],
            "evidence": _listed(await tx.evidence.of_session(session.id)),
            "chain": {"head": head.digest, "length": head.seq},
        }

    async def record(self, session: str, by: Staff) -> Record:
        """Return all that is kept of a session, for its invigilator or for those who oversee."""
        allow(by, Role.INVIGILATOR, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            sitting = await sitting_of(tx, session)
            found = await tx.sessions.find(session)
            overseer = by.roles & {Role.SCHEDULER, Role.ADMINISTRATOR}
            if found is None or (sitting.staff != by.id and not overseer):
                raise NotFound("session", session)
            # The seal first: on PostgreSQL a session may be sealed between two readings, and a
            # seal over more than what is shown beside it would look broken.
            sealed = await tx.sessions.sealed(session)
            entries = tuple(await tx.sessions.entries(session))
            attestation = None if sealed is None else sealed.attestation
            return Record(
                sitting,
                found,
                entries,
                tuple(await tx.evidence.of_session(session)),
                await tx.sessions.identity(session),
                sealed,
                tuple(await tx.outbox.of_session(session)),
                openings_of(await tx.openings.of(session), entries, attestation),
            )

    async def attestation(self, session: str, backend: str | None = None) -> bytes:
        """Return the sealed bytes; with `backend`, only if the session is theirs."""
        async with self.office.store.read() as tx:
            sitting = await sitting_of(tx, session)
            sealed = await tx.sessions.sealed(session)
        if sealed is None or backend not in {None, sitting.backend}:
            raise NotFound("attestation", session)
        return sealed.attestation


def record_file(of: Record) -> bytes:
    """Return the record as one JSON file for `invigilation verify`."""
    attestation = None if of.sealed is None else of.sealed.attestation
    listed = _listed(of.evidence)
    return file_of(of.session.id, of.entries, attestation, listed, of.openings, of.anchors)


def file_of(
    ident: str,
    entries: Sequence[Entry],
    attestation: bytes | None,
    evidence: list[dict[str, object]],
    openings: Iterable[Opening],
    anchors: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """Return the record of whatever has that id as one JSON file for `invigilation verify`.

    It is canonical: the same record is the same bytes.
    """
    events = [
        {
            "body": one.body.decode(),
            "signature": base64.urlsafe_b64encode(one.signature).rstrip(b"=").decode("ascii"),
            "key_id": one.key_id,
        }
        for one in entries
    ]
    whole = {
        "format": RECORD_FORMAT,
        "session": ident,
        "events": events,
        "attestation": None if attestation is None else attestation.decode("ascii"),
        "openings": {one.seal: {"key": one.key.hex(), "text": one.text} for one in openings},
        "evidence": evidence,
        "anchors": [dict(one) for one in anchors],
    }
    return record.canonical(whole)


def openings_of(
    kept: Iterable[Opening], entries: Iterable[Entry], attestation: bytes | None
) -> tuple[Opening, ...]:
    """Return those openings whose seals stand in these entries or in this attestation.

    What was written while a record was being read may be among the kept ones already.
    """
    seals = {seal for entry in entries for seal in entry.seals.values()}
    if attestation is not None:
        seals.update(record.seals_in(record.payload_of(attestation)))
    return tuple(one for one in kept if one.seal in seals)


async def _complete(tx: Tx, session: str) -> None:
    for one in await tx.evidence.of_session(session):
        if one.sha256 is None and one.erased is None:
            raise Busy("recording")


def _incident(one: Incident) -> dict[str, object]:
    return {
        "id": one.id,
        "category": one.category,
        "severity": one.severity,
        "note": one.note,
        "picture": one.picture,
        "at": record.stamp(one.at),
    }


def _gap(one: Gap) -> dict[str, object]:
    return {
        "id": one.id,
        "began": record.stamp(one.began),
        "ended": _stamp(one.ended),
        "lost_seconds": None if one.lost is None else one.lost // SECOND,
        "ruling": one.ruling,
        "note": one.note,
        "ruled_by": one.ruled_by,
        "ruled_at": _stamp(one.ruled_at),
    }


def _inspection(one: Inspection) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "asked_at": record.stamp(one.asked_at),
        "done_at": _stamp(one.done_at),
        "result": one.result,
        "note": one.note,
        "judged_at": _stamp(one.judged_at),
    }


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else record.stamp(at)


def _listed(evidence: list[Evidence] | tuple[Evidence, ...]) -> list[dict[str, object]]:
    return [
        {"id": one.id, "kind": one.kind, "sha256": one.sha256, "size": one.size}
        for one in evidence
        if one.sha256 is not None
    ]


def both(at: datetime | None, zone: ZoneInfo) -> dict[str, str] | None:
    """Return a moment in UTC, and as the office's clock showed it."""
    if at is None:
        return None
    return {"utc": record.stamp(at), "office": at.astimezone(zone).isoformat(timespec="seconds")}
