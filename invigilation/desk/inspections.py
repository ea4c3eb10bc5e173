"""The inspection desk: a look around the room, or at the document again, in mid-session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invigilation.desk.office import (
    LEARNER,
    SERVICE,
    Office,
    actor,
    following,
    held,
    new_id,
    watched,
)
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.incident import NOTE_LIMIT
from invigilation.inspection import Inspection, InspectionKind, InspectionResult
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.session import LIVE
from invigilation.store import Tx
from invigilation.store.sessions import Open


@dataclass(frozen=True, slots=True)
class InspectionDesk:
    """Keeps what was asked for; one thing at a time."""

    office: Office

    async def ask(self, session: str, by: Staff, kind: InspectionKind) -> Inspection:
        """Ask the learner to show something; refused while another request is open."""
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            if one.session.state not in LIVE:
                raise NotAllowed("ask for this when the session is not running")
            if any(other.open for other in await tx.marks.inspections(session)):
                raise NotAllowed("ask for a second thing before the first is judged")
            now = self.office.clock.now()
            asked = Inspection(new_id("is"), session, kind, now)
            data: Data = {"inspection": asked.id, "kind": kind.value}
            who = actor(by, Role.INVIGILATOR)
            entry = self.office.entry(one, "inspection_asked", who, data, now)
            await tx.sessions.append(entry)
            await tx.marks.add_inspection(asked)
        return asked

    async def done(self, session: str, inspection: str) -> Inspection:
        """Note that the learner says to have done it; again is fine, while it is open."""
        async with self.office.store.write() as tx:
            one = await held(tx, session)
            now = self.office.clock.now()
            done = (await _find(tx, session, inspection)).done(now)
            data: Data = {"inspection": inspection}
            entry = self.office.entry(one, "inspection_done", LEARNER, data, now)
            await tx.sessions.append(entry)
            await tx.marks.save_inspection(done)
        return done

    async def judge(
        self, session: str, by: Staff, inspection: str, result: InspectionResult, note: str
    ) -> Inspection:
        """Judge what was shown, once, or withdraw the request."""
        note = note.strip()
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", f"A note has at most {NOTE_LIMIT} letters.")
        async with self.office.store.write() as tx:
            one, _ = await watched(tx, session, by)
            now = self.office.clock.now()
            judged = (await _find(tx, session, inspection)).judged(result, note, now)
            who = actor(by, Role.INVIGILATOR)
            await _judged(self.office, tx, one, who, judged, now)
        return judged


async def withdraw_inspection(office: Office, tx: Tx, one: Open, now: datetime) -> Open:
    """Withdraw what the held session's learner is still asked for; return the session after."""
    for asked in await tx.marks.inspections(one.session.id):
        if asked.open:
            withdrawn = asked.judged(InspectionResult.WITHDRAWN, "", now)
            one = await _judged(office, tx, one, SERVICE, withdrawn, now)
    return one


async def _judged(
    office: Office, tx: Tx, one: Open, who: str, judged: Inspection, now: datetime
) -> Open:
    data: Data = {
        "inspection": judged.id,
        "result": None if judged.result is None else judged.result.value,
    }
    entry = office.entry(one, "inspection_judged", who, data, now, {"note": judged.note})
    await tx.sessions.append(entry)
    await tx.marks.save_inspection(judged)
    return following(one, entry)


async def _find(tx: Tx, session: str, inspection: str) -> Inspection:
    for one in await tx.marks.inspections(session):
        if one.id == inspection:
            return one
    raise NotFound("inspection", inspection)
