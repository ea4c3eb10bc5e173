"""A session's record for staff, checked as it is shown, and as a file to take away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from invigilation.anchor import AnchorKind
from invigilation.comparing import Field
from invigilation.desk.reports import Record, record_file
from invigilation.errors import ReasonNeeded
from invigilation.hints import WORDS as HINTS
from invigilation.hole import LOST, holes_of
from invigilation.identity import IdentityCheck
from invigilation.people import Role, Staff
from invigilation.presence import Source
from invigilation.record import Data, Entry
from web.auth.visitor import staff_of
from web.keys import DESK, VAULT, VERIFIER
from web.pages import fills, link_words, look_words, words
from web.pages.frame import staff_page
from web.pages.glances import RECORDINGS, glances_of, present
from web.pages.holes import told as told_of
from web.pages.identity_words import DOCUMENTS, PURPOSES
from web.pages.looks import lookable, way_to_ask
from web.pages.timeline import NAMES, SIGNALS, Words, time_line

routes = web.RouteTableDef()
READERS = (Role.INVIGILATOR, Role.SCHEDULER, Role.AUDITOR)

EVENTS = {
    "booked": "The session was booked",
    "moved": "The session was moved to another time",
    "cancelled": "The session was cancelled",
    "page_opened": "The learner opened their page",
    "probe": "The learner tested the link",
    "token_used": "The learner used their personal link",
    "invigilator_ready": "The invigilator was ready",
    "check_in": "The learner checked in and gave consent",
    "joined": "Came into the room",
    "left": "Left the room",
    "chat": "Wrote a message",
    "snapshot": "Took a picture",
    "document_read": "The document was read",
    "document_unread": "Nothing could be read of the document",
    "likeness": "How alike the two faces are was computed",
    "hint": "Something to look at twice",
    "identity_referred": "Asked a colleague to look at the identity, too",
    "identity_decided": "Decided on the identity",
    "identity_reopened": "Asked for the identity document again",
    "challenge_asked": "Asked the learner to do something unforeseen",
    "challenge_judged": "Judged what the learner did",
    "rechecked": "The face was taken again",
    "recheck_judged": "Compared the face that was taken again",
    "consent_given": "The learner gave consent",
    "consent_withdrawn": "The learner took a consent back",
    "admit": "Admitted the learner: the assessment began",
    "pause": "Paused the assessment",
    "resume": "Resumed the assessment",
    "extra_time": "Gave extra time",
    "incident": "Noted an incident",
    "stop": "Stopped the session",
    "refuse": "Refused to admit the learner",
    "end": "Ended the assessment",
    "recording_started": "The recording began",
    "recording_finished": "The recording was complete",
    "recording_lost": "A recording was lost: nothing of it is kept",
    "recording_stopped": "The recording stopped by itself",
    "gap_opened": "Nothing came from the learner: a gap began",
    "gap_closed": "Sound or picture came again: the gap ended",
    "gap_ruled": "Judged a gap",
    "local_chain": "The learner's device told how far its own recording has come",
    "gap_filled": "What the learner's device recorded in a gap came",
    "fill_judged": "Judged what the learner's device recorded in a gap",
    "inspection_asked": "Asked the learner to show something",
    "inspection_done": "Said that it was done",
    "inspection_judged": "Judged what was shown",
    "handover_offered": "Offered the session to a colleague",
    "handover_withdrawn": "Took the offer to a colleague back",
    "handed_over": "Took the session over",
    "looked_in": "Began to look in",
    "looked_out": "Stopped looking in",
    "hand_raised": "Raised a hand",
    "hand_lowered": "Lowered the hand",
    "screen_asked": "Asked the learner to share the screen",
    "screen_shared": "Shared the screen",
    "screen_ended": "Stopped sharing the screen",
    "second_camera_added": "Added a phone as second camera",
    "device_changed": "Went on on another device",
    "notice": "Showed the learner a notice",
    "evidence_viewed": "Looked at evidence",
    "no_show_proposed": "The session was missed",
    "attendance_decided": "Decided what the missed session was",
    "attested": "Signed the statement",
    "record_exported": "Took the record with evidence away as a file",
    "texts_erased": "Erased the names and texts of this record",
    "assessment_opened": "Sent the learner to the assessment",
    "assessment_handed_in": "The assessment system says: handed in",
    "control_refused": "The assessment system did not accept",
    "report_made": "Made the report for people",
}
_SAID = (
    "decision",
    "proposed",
    "reason",
    "why",
    "category",
    "minutes",
    "kind",
    "detail",
    "cause",
    "purpose",
    "rung",
    "hint",
    "outcome",
    "ruling",
    "result",
    "action",
)
"""What of an entry's data is shown beside its words."""
_PLAIN = {
    "id_document": "identity document",
    "id_back": "back of the identity document",
    "face_again": "face, taken again",
    "portrait": "portrait, cut out of the document",
    "face_aligned": "face, cut out of its picture",
    "technical": "technical, its time is given back",
    "room_scan": "the room",
    "identity": "the face and the document",
    "recording": "learner's camera",
    "screen_recording": "learner's screen",
    "second_recording": "second camera",
    "invigilator_recording": "invigilator's voice",
    "stills": "learner's still pictures",
    "local_recording": "recording by the learner's device",
}
"""Words of the record that a reader would stumble over; the others are plain by themselves."""
_WRITTEN = frozenset({"reason", "why", "detail"})
"""What people wrote, and numbers: shown as they are."""
_COMPARED = {
    Field.NAME: "name",
    Field.BORN: "date of birth",
    Field.NUMBER: "document number",
    Field.EXPIRES: "day of expiry",
    Field.ISSUER: "issuing state",
}
_NOTED = {"differs": "differs", "explained": "differs as documents do"}
_BY_NAME = {
    "rung": {rung.value: words for rung, words in link_words.RUNGS.items()},
    "hint": {kind.value: words for kind, words in HINTS.items()},
    "purpose": {purpose.value: name.lower() for purpose, name in PURPOSES.items()},
    "proposed": {"confirmed": "would confirm", "not_confirmed": "would not confirm"},
    "cause": {
        "random": "at a random moment",
        "gap": "after a gap",
        "asked": "because the invigilator asked",
    },
}
"""Words of facts whose values mean something else elsewhere."""
_LINK = {"ladder": link_words.step, "link_budget": link_words.budget}
GOOD_AGAIN = {"picture": ("good",), "sound": ("heard", "quiet"), "link": ("live",)}
"""What a signal says while nothing is wrong."""
_GROUPS = {
    "examinee": "The learner",
    "environment": "The place",
    "technical": "Technology",
    "staff": "Staff",
    "other": "Other",
}
"""The groups of incidents, as the console names them."""


@routes.get("/staff/records/{session}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the record; its chain and signatures are checked first."""
    return await page(request)


async def page(
    request: web.Request, refused: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Show the record; `refused` says how a gap was judged that could not be: gap, note, why."""
    person = await staff_of(request, *READERS)
    desk = request.app[DESK]
    found = await desk.reports.record(request.match_info["session"], person)
    may = await _may_look(request, found, person)
    view = await desk.sessions.view(found.session.id)
    verified = None
    if found.sealed is not None:
        file = await asyncio.to_thread(record_file, found)
        verified = await asyncio.to_thread(request.app[VERIFIER], file)
    names = {one.id: one.name for one in await desk.reception.everybody()}
    vault = request.app[VAULT]
    glances = await vault.aside(glances_of, vault, found) if may else {}
    kept = await desk.fills.kept(found.session.id)
    told = Words(_words, _category, lambda raw: _actor(raw, names))
    record = _shown(found, names) | {
        "playback": time_line(found, view, glances, told, kept) if may else None,
        "ask": "" if may else way_to_ask(found.session.id, request.path),
        "gaps": fills.rows(view, kept, person, names),
        "verified": verified,
        "incidents": [
            {
                "id": one.id,
                "category": _category(one.category),
                "severity": one.severity.value,
                "note": one.note,
                "picture": one.picture if one.picture in present(found) else None,
                "at": _time(one.at),
            }
            for one in view.incidents
        ],
    }
    status = 200 if refused is None else 422
    return staff_page(
        request, person, "record.html", status=status, record=record, refused=refused or {}
    )


async def _may_look(request: web.Request, of: Record, person: Staff) -> bool:
    """Say whether the page shows the evidence; False where a reason is asked for first."""
    if not present(of):
        return True
    try:
        await lookable(request, of.session.id, person)
    except ReasonNeeded:
        return False
    return True


def _shown(of: Record, names: dict[str, str]) -> dict[str, Any]:
    sitting, here = of.sitting, present(of)
    check, holes = of.identity, holes_of(of.entries)
    lost = {one.data["evidence"] for one in of.entries if one.kind == LOST}
    return {
        "session": of.session.id,
        "learner": sitting.learner_name,
        "assessment": sitting.title,
        "booking_start": words.moment(sitting.start),
        "booking_end": f"{words.clock(sitting.end)} (London)",
        "state": of.session.state.value,
        "outcome": None if of.session.outcome is None else of.session.outcome.value,
        "statement": None if of.sealed is None else of.sealed.statement,
        "invigilator": sitting.staff_name,
        "identity": _identity(check, here, names),
        "events": [
            {
                "seq": one.seq,
                "at": _time(one.at),
                "actor": _actor(one.actor, names),
                "words": _words(one),
            }
            for one in of.entries
        ],
        "recordings": [
            {
                "id": one.id,
                "name": NAMES[Source(one.kind)],
                "started": f"{_time(one.started)} (London)",
                "size": _size(one.size or 0),
                "stills": one.kind == Source.STILLS,
                "damage": told_of(holes[one.id]) if one.id in holes else "",
            }
            for one in of.evidence
            if one.kind in RECORDINGS and one.id in here
        ],
        "lost": [
            f"{NAMES[Source(one.kind)]}, to begin at {_time(one.started)} (London)"
            for one in of.evidence
            if one.id in lost
        ],
        "witnesses": [_witness(one) for one in of.anchors],
        "download_url": of.sealed and f"/staff/records/{of.session.id}/download",
    }


def _witness(anchor: Mapping[str, Any]) -> str:
    """Say who outside of the house has signed for this record, and when."""
    at = f"{_time(datetime.fromisoformat(anchor['at']))} (London)"
    if anchor["kind"] == AnchorKind.RECEIPT:
        return f"The training company ({anchor['backend']}) signed for the report on {at}."
    return f"A time-stamp authority signed that the record was there on {at}."


def _identity(check: IdentityCheck, present: set[str], names: dict[str, str]) -> dict[str, Any]:
    """Return the decision, who made it and by what; pictures as long as they are kept."""
    taken = [
        (check.document, "Identity document"),
        *([] if check.back is None else [(check.back, "Back of the document")]),
        (check.face, "Face"),
        *([] if check.portrait is None else [(check.portrait, "Portrait, cut out")]),
        *([] if check.aligned is None else [(check.aligned, "Face, cut out")]),
    ]
    return {
        "decision": None if check.decision is None else check.decision.value,
        "reason": check.reason,
        "kind": None if check.kind is None else DOCUMENTS[check.kind],
        "by": None if check.decided_by is None else names.get(check.decided_by),
        "asked_by": None if check.referred_by is None else names.get(check.referred_by),
        "asked_why": check.referred_reason,
        "pictures": [(one if one in present else None, name) for one, name in taken],
    }


def _time(at: datetime) -> str:
    return f"{words.short(at)}:{at:%S}"


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1_000:.0f} kB"


def _words(entry: Entry) -> str:
    data = entry.data
    if entry.kind == "evidence_viewed":
        return look_words.looked(data, _plain("of", str(data.get("kind", "evidence"))))
    if entry.kind == "signal":
        return _signal(str(data.get("signal")), str(data.get("state")))
    if entry.kind in _LINK:
        return _LINK[entry.kind](data)
    holes = holes_of([entry])
    if holes:
        return f"{EVENTS[entry.kind]}, but for what was damaged. {told_of(*holes.values())}"
    said = EVENTS.get(entry.kind, entry.kind.replace("_", " ").capitalize())
    facts = [_plain(name, str(data[name])) for name in _SAID if data.get(name)]
    facts = [*facts, *_compared(data), *(["in full size"] if data.get("full") else [])]
    return f"{said}: {_sentences(facts)}" if facts else said


def _sentences(facts: list[str]) -> str:
    """Return facts one behind the other; what a person wrote may end with a full stop already."""
    first, *others = facts
    told = [first, *(f"{fact[:1].upper()}{fact[1:]}" for fact in others)]
    return ". ".join(told).replace(".. ", ". ")


def _compared(data: Data) -> list[str]:
    """Return how a document was read, and what of it was not the same as in the booking."""
    read = {"machine": "by machine", "typed": "by eye"}.get(str(data.get("source")))
    grades = [(field, data.get(f"{field.value}_grade")) for field in Field]
    return [
        *([] if read is None else [read]),
        *(
            f"{_COMPARED[field]} {_NOTED[grade]}"
            for field, grade in grades
            if isinstance(grade, str) and grade in _NOTED
        ),
    ]


def _signal(signal: str, state: str) -> str:
    if state in GOOD_AGAIN.get(signal, ()):
        return f"{signal.capitalize()}: as it should be"
    wrong = {(one.value, bad): text for (one, bad), text in SIGNALS.items()}
    return wrong.get((signal, state), f"{signal.capitalize()}: {state}")


def _plain(name: str, value: str) -> str:
    """Return a fact of an entry in words; what a person wrote stays as it is."""
    if name == "category":
        return _category(value)
    if name == "minutes":
        return f"{value} min"
    if name in _WRITTEN:
        return value
    return _BY_NAME.get(name, _PLAIN).get(value, value.replace("_", " "))


def _category(raw: str) -> str:
    """Return "The place, power outage" for "environment.power_outage"."""
    group, _, kind = raw.partition(".")
    return f"{_GROUPS.get(group, group)}, {kind.replace('_', ' ')}"


def _actor(raw: str, names: dict[str, str]) -> str:
    """Return "Ana Reyes (invigilator)" for "invigilator:st_…"."""
    role, _, ident = raw.partition(":")
    return f"{names.get(ident, ident)} ({role})" if ident else raw.capitalize()


@routes.get("/staff/records/{session}/download")
async def download(request: web.Request) -> web.StreamResponse:
    """Answer with the record as a file for `invigilation verify`."""
    person: Staff = await staff_of(request, *READERS)
    found = await request.app[DESK].reports.record(request.match_info["session"], person)
    file = await asyncio.to_thread(record_file, found)
    name = f"record-{found.session.id}.json"
    return web.Response(
        body=file,
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
