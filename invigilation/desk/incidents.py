"""Noting an incident in a held session: by itself, or with what showed it."""

from __future__ import annotations

from invigilation.desk.office import Office, actor, new_id, sitting_of
from invigilation.incident import Incident, Severity
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.store import Tx
from invigilation.store.sessions import Open


async def incident_in(
    office: Office,
    tx: Tx,
    one: Open,
    by: Staff,
    *,
    category: str,
    severity: Severity,
    note: str,
    picture: str | None,
) -> Incident:
    """Write an incident and the entry that tells of it; the record seals the note.

    The backend is told of what kind it is.
    """
    now = office.clock.now()
    session = one.session.id
    incident = Incident(new_id("in"), session, category, severity, note, picture, now, by.id)
    data: Data = {
        "incident": incident.id,
        "category": category,
        "severity": severity.value,
        "picture": picture,
    }
    who = actor(by, Role.INVIGILATOR)
    await tx.sessions.append(office.entry(one, "incident", who, data, now, {"note": note}))
    await tx.sessions.add_incident(incident)
    told = {"category": category, "severity": severity.value}
    sitting = await sitting_of(tx, session)
    await tx.outbox.add(office.notice(sitting, "session.incident", told), session=session)
    return incident
