"""Noting an incident in a held session: by itself, or with what showed it."""

from __future__ import annotations

from invigilation.desk.office import Office, actor, new_id
from invigilation.incident import Incident, Severity
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.store import Tx
from invigilation.store.sessions import Open
from invigilation.store.views import Sitting


async def incident_in(
    office: Office,
    tx: Tx,
    one: Open,
    sitting: Sitting,
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
    entry = office.entry(one, "incident", who, data, now, {"note": note})
    told = {"category": category, "severity": severity.value}
    notice = office.notice(sitting, "session.incident", told)
    await tx.sessions.append(entry, incident, notice)
    return incident
