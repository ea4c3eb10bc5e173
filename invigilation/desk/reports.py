"""The report desk: attesting a session, and the record that anybody can check."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from invigilation import record
from invigilation.desk.attestation import Closing, listed, payload
from invigilation.desk.filling import FILLED
from invigilation.desk.office import Office, Told, actor, allow, saved, sitting_of, watched
from invigilation.errors import Busy, InvalidInput, NotFound
from invigilation.identity import IdentityCheck
from invigilation.people import Role, Staff
from invigilation.record import Data, Entry, Envelope, Opening
from invigilation.report import Delivery, report_due
from invigilation.session import OUTCOMES, Outcome, Session, SessionEvent
from invigilation.store import Tx
from invigilation.store.evidence import LOCAL, Evidence
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
            closing, envelope = Closing(after, entry.head, statement, due, now), Envelope()
            told = await payload(tx, sitting, closing, self.office.rules.zone, envelope)
            sealed = self.office.sealer.seal(record.canonical(told))
            await tx.sessions.seal(session, statement, sealed)
            await tx.openings.keep(session, envelope.openings)
            facts: Told = {
                "outcome": outcome.value,
                "attestation": sealed.decode("ascii"),
                "openings": record.keyed(envelope.openings),
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

    async def record(self, session: str, by: Staff) -> Record:
        """Return all that is kept of a session, for its invigilator or for those who oversee."""
        allow(by, Role.INVIGILATOR, Role.SCHEDULER, Role.AUDITOR)
        async with self.office.store.read() as tx:
            sitting = await sitting_of(tx, session)
            found = await tx.sessions.find(session)
            overseer = by.roles & {Role.SCHEDULER, Role.ADMINISTRATOR, Role.AUDITOR}
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
                _in_order(await tx.evidence.of_session(session), entries, attestation),
                await tx.sessions.identity(session),
                sealed,
                tuple(await tx.outbox.of_session(session)),
                openings_of(await tx.openings.of(session), entries, attestation),
                tuple(await tx.anchors.of(session)),
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
    evidence = listed(of.evidence)
    return file_of(of.session.id, of.entries, attestation, evidence, of.openings, of.anchors)


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
        "openings": record.keyed(openings),
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


def _in_order(
    evidence: Iterable[Evidence], entries: Iterable[Entry], attestation: bytes | None
) -> tuple[Evidence, ...]:
    """Return what was attested, and after it what a device brought later and an entry has named.

    What came and is not named yet is not a part of the record yet.
    """
    if attestation is None:
        return tuple(evidence)
    told: Any = record.payload_of(attestation)["evidence"]
    attested = {one["id"] for one in told}
    named = {
        chunk["evidence"]
        for one in entries
        if one.kind == FILLED
        for chunk in json.loads(one.body)["data"]["chunks"]
    }
    known = [one for one in evidence if one.id in attested | named or one.kind != LOCAL]
    return tuple(sorted(known, key=lambda one: one.id not in attested))


async def _complete(tx: Tx, session: str) -> None:
    for one in await tx.evidence.of_session(session):
        if one.sha256 is None and one.erased is None:
            raise Busy("recording")
