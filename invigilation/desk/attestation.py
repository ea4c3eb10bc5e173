"""What the attestation of a remote session says; every name and every free text is sealed.

Its JSON Schema is `web/schemas/attestation-2.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo

from invigilation import record
from invigilation.coverage import Sign, cause, coverage
from invigilation.desk.handover import HANDED_OVER
from invigilation.desk.identity_report import told
from invigilation.fill import FillState
from invigilation.gap import Gap
from invigilation.hole import FINISHED, LOST, holes_of
from invigilation.incident import Incident
from invigilation.inspection import Inspection
from invigilation.record import Entry, Envelope, Head
from invigilation.session import HALTS, STARTS, Session, SessionEvent, runs
from invigilation.store import Tx
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting

SECOND = timedelta(seconds=1)
REMOTE = "remote"
SIGNAL, GAP_OPENED, EXTRA_TIME = "signal", "gap_opened", "extra_time"
CLOCK = frozenset(event.value for event in STARTS | HALTS)
READ_BACK = (*sorted(CLOCK), SIGNAL, GAP_OPENED, EXTRA_TIME, HANDED_OVER, FINISHED, LOST)
"""Kinds of entries that the account is made from."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What is said at the end of a session: by whom it is signed, when, over which chain."""

    session: Session
    head: Head
    statement: str
    due: datetime
    at: datetime


async def payload(
    tx: Tx, sitting: Sitting, closing: Closing, zone: ZoneInfo, envelope: Envelope
) -> dict[str, object]:
    """Return the whole account; its names and texts go into the envelope."""
    session = closing.session
    gaps = await tx.marks.gaps(session.id)
    fills = {one.gap: one.state for one in await tx.fills.of_session(session.id)}
    entries = await tx.sessions.entries_of(session.id, *READ_BACK)
    evidence = await tx.evidence.of_session(session.id)
    return {
        "format": record.ATTESTATION_FORMAT,
        "session": session.id,
        "kind": REMOTE,
        "attested_at": record.stamp(closing.at),
        "assessment": {
            "reference": sitting.reference,
            "title": sitting.title,
            "minutes": session.minutes,
            "materials": list(sitting.materials),
        },
        "learner": {
            "reference": sitting.learner_reference,
            "name": envelope.seal(sitting.learner_name),
        },
        "invigilator": {"id": sitting.staff, "name": envelope.seal(sitting.staff_name)},
        "booked": both(sitting.start, zone),
        "started": both(session.started, zone),
        "finished": both(session.finished, zone),
        "spent_seconds": session.spent // SECOND,
        "given_back_seconds": session.given_back // SECOND,
        "extra_minutes": sum(int(e.data["minutes"] or 0) for e in entries if e.kind == EXTRA_TIME),
        "outcome": session.outcome,
        "reason": envelope.text(session.reason),
        "statement": envelope.seal(closing.statement),
        "due": record.stamp(closing.due),
        "identity": await told(tx, sitting, envelope),
        "presence": _presence(entries, gaps, fills, session.finished or closing.at, envelope),
        "handovers": await _handovers(tx, entries, envelope),
        "incidents": [_incident(one, envelope) for one in await tx.sessions.incidents(session.id)],
        "gaps": [_gap(one, envelope) for one in gaps],
        "inspections": [
            _inspection(one, envelope) for one in await tx.marks.inspections(session.id)
        ],
        "evidence": listed(evidence),
        "damaged": list(_damaged(entries, evidence)),
        "chain": {"head": closing.head.digest, "length": closing.head.seq},
    }


def _presence(
    entries: list[Entry],
    gaps: list[Gap],
    fills: Mapping[str, FillState],
    until: datetime,
    envelope: Envelope,
) -> dict[str, object]:
    steps = [(SessionEvent(one.kind), one.at) for one in entries if one.kind in CLOCK]
    signs = [
        Sign(one.at, str(one.data["signal"]), str(one.data["state"]))
        for one in entries
        if one.kind == SIGNAL and {"signal", "state"} <= one.data.keys()
    ]
    opened = {one.data["gap"]: one.at for one in entries if one.kind == GAP_OPENED}
    figures = coverage(runs(steps), signs, gaps, until)
    return {
        "assessment_seconds": figures.assessment // SECOND,
        "on_camera_seconds": figures.on_camera // SECOND,
        "on_camera_permille": figures.on_camera_permille,
        "heard_seconds": figures.heard // SECOND,
        "stills_seconds": figures.stills // SECOND,
        "link_gone_seconds": figures.link_gone // SECOND,
        "gaps": [
            {
                "id": one.id,
                "began": record.stamp(one.began),
                "ended": _stamp(one.ended),
                "seconds": ((one.ended or until) - one.began) // SECOND,
                "cause": cause(one, opened.get(one.id, one.began), signs),
                "filled": fills.get(one.id) is FillState.ACCEPTED,
                "fill": fills.get(one.id, FillState.NONE),
                "ruling": one.ruling,
            }
            for one in gaps
        ],
        "pauses": list(_pauses(entries, until, envelope)),
    }


def _pauses(
    entries: Iterable[Entry], until: datetime, envelope: Envelope
) -> Iterable[dict[str, object]]:
    clock = [one for one in entries if one.kind in CLOCK]
    for one, after in zip_longest(clock, clock[1:]):
        if one.kind == SessionEvent.PAUSE:
            ended = until if after is None else after.at
            reason = one.data.get("reason")
            yield {
                "began": record.stamp(one.at),
                "ended": record.stamp(ended),
                "seconds": max(ended - one.at, timedelta(0)) // SECOND,
                "reason": envelope.text(None if reason is None else str(reason)),
            }


async def _handovers(
    tx: Tx, entries: Iterable[Entry], envelope: Envelope
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for one in entries:
        if one.kind != HANDED_OVER:
            continue
        people: dict[str, object] = {}
        for name in ("from", "to"):
            staff = await tx.people.staff(str(one.data[name]))
            people[name] = one.data[name]
            people[f"{name}_name"] = None if staff is None else envelope.seal(staff.name)
        unattended = bool(one.data["unattended"])
        found.append({"at": record.stamp(one.at), **people, "unattended": unattended})
    return found


def _incident(one: Incident, envelope: Envelope) -> dict[str, object]:
    return {
        "id": one.id,
        "category": one.category,
        "severity": one.severity,
        "note": envelope.text(one.note),
        "picture": one.picture,
        "at": record.stamp(one.at),
    }


def _gap(one: Gap, envelope: Envelope) -> dict[str, object]:
    return {
        "id": one.id,
        "began": record.stamp(one.began),
        "ended": _stamp(one.ended),
        "lost_seconds": None if one.lost is None else one.lost // SECOND,
        "ruling": one.ruling,
        "note": envelope.text(one.note),
        "ruled_by": one.ruled_by,
        "ruled_at": _stamp(one.ruled_at),
    }


def _inspection(one: Inspection, envelope: Envelope) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "asked_at": record.stamp(one.asked_at),
        "done_at": _stamp(one.done_at),
        "result": one.result,
        "note": envelope.text(one.note),
        "judged_at": _stamp(one.judged_at),
    }


def _damaged(entries: list[Entry], evidence: Iterable[Evidence]) -> Iterable[dict[str, object]]:
    """Yield the recordings that lack something. All are complete, so it is known by now."""
    holes = holes_of(entries)
    lost = {one.data["evidence"] for one in entries if one.kind == LOST}
    for one in evidence:
        if one.id in holes or one.id in lost:
            yield {
                "evidence": one.id,
                "kind": one.kind,
                "started": record.stamp(one.started),
                "lost": "all" if one.id in lost else "part",
                "holes": [hole.facts for hole in holes.get(one.id, ())],
            }


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else record.stamp(at)


def listed(evidence: Iterable[Evidence]) -> list[dict[str, object]]:
    """Return pieces of evidence as the attestation and the record's file list them."""
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
