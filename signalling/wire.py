"""How a room's state looks on the wire; see PROTOCOL.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from invigilation.desk.room_view import RoomView
from invigilation.fill import Fill
from invigilation.gap import Gap
from invigilation.incident import Incident
from invigilation.inspection import Inspection
from invigilation.presence import Link, Sound
from invigilation.session import SessionState
from invigilation.store.devices import LearnerDevice
from invigilation.store.platforms import Refusal
from invigilation.store.sessions import Line
from invigilation.store.views import LobbyRole, Sitting
from signalling import wire_identity
from signalling.capture import Capture
from signalling.ladder_watch import Told
from signalling.lookout import Seen
from signalling.messages import Party
from signalling.seat import Flow, SeatView
from signalling.words import Json, maybe, stamp

CHAT_BYTES: Final = 24 * 1024
"""The newest lines of chat that fit into this are in a state: it must pass a slow link."""
OPEN: Final = frozenset({SessionState.IN_PROGRESS, SessionState.PAUSED})
STAFF: Final = frozenset({Party.INVIGILATOR, Party.SUPERVISOR})
LISTED: Final = 100
"""The newest gaps and inspections: a link that is lost all the time makes many."""
SECOND: Final = timedelta(seconds=1)
LINKS: Final = {Link.LIVE: "good", Link.POOR: "poor"}
"""How a link is told; of another, `media` says what is the matter."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a room shows beside the session's record: it is told anew when this changes.

    `stopped`: why something that comes is not recorded.
    `seen` is what the server finds of the learner, `told` what their page tells of its link,
    `sees` whether they are sent the invigilator's picture.
    `hand`: since when it is raised. `offered_at`: since when the session is offered to a colleague.
    `capture`: what comes of the document from the learner's page.
    """

    seats: Mapping[Party, SeatView]
    recording: bool
    stopped: str | None
    seen: Seen
    told: Told
    sees: bool
    hand: datetime | None
    screen_wanted: bool
    offered_at: datetime | None
    capture: Capture


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What the lobby shows of a room: since when the learner is there, their hand, who watches."""

    since: datetime | None
    hand: datetime | None
    unattended: bool


def versions(view: RoomView, face: Face) -> dict[Party, object]:
    """Return, for each party, what changes exactly when they are to be told the state anew.

    A learner is not told each time they speak and pause, nor what their own page has told: their
    link has better things to carry.
    """
    capture = replace(face.capture, progress=None)
    calm = replace(face, stopped=None, told=Told(), sees=False, capture=capture)
    if face.seen.sound is Sound.HEARD:
        calm = replace(calm, seen=replace(face.seen, sound=Sound.QUIET))
    record = (view.session.seq, view.session.state, view.sitting, view.refusals)
    learner = face.seats[Party.LEARNER].present
    return {
        Party.LEARNER: (record, calm),
        Party.INVIGILATOR: (record, face),
        Party.SUPERVISOR: (record, face),
        Party.SECOND: (view.session.state, learner, face.recording),
    }


def state(party: Party, view: RoomView, face: Face) -> Json:
    """Return the whole state of a session as this side may see it."""
    session, sitting = view.session, view.sitting
    body: Json = {
        "session": session.id,
        "seq": session.seq,
        "now": stamp(view.now),
        "role": party.value,
        "state": session.state.value,
        "recording": face.recording,
    }
    learner = face.seats[Party.LEARNER]
    if party is Party.SECOND:
        return {**body, "learner": {"name": sitting.learner_name, "present": learner.present}}
    released = party is Party.LEARNER and session.state in OPEN
    asked = next((one for one in view.inspections if one.open), None)
    body |= _people(party, view, face) | {
        "assessment": {
            "title": sitting.title,
            "minutes": session.minutes,
            "materials": list(sitting.materials),
            "pass_mark": sitting.pass_mark,
        },
        "booking": {
            "id": sitting.booking,
            "start": stamp(sitting.start),
            "end": stamp(sitting.end),
        },
        "clock": {
            "started": maybe(session.started),
            "running": session.running_since is not None,
            "remaining_s": session.remaining(view.now) // SECOND,
            "given_back_s": session.given_back // SECOND,
        },
        "reason": session.reason,
        "assessment_url": (sitting.assessment_url or None) if released else None,
        "screen_wanted": face.screen_wanted,
        "inspection": None if asked is None else _asked(asked),
        "chat": _chat(view.chat),
    }
    if party in STAFF:
        return body | _for_staff(view, face)
    return body | wire_identity.for_learner(view, face.capture)


def _people(party: Party, view: RoomView, face: Face) -> Json:
    learner, second = face.seats[Party.LEARNER], face.seats[Party.SECOND]
    supervisor = face.seats[Party.SUPERVISOR]
    return {
        "learner": _seat(view.sitting.learner_name, learner)
        | {
            "screen": learner.screen,
            "link": LINKS.get(face.seen.link, "none"),
            "picture": face.seen.picture.value,
            "sound": face.seen.sound.value,
            "hand": maybe(face.hand),
            "silent_since": None if learner.media is Flow.LIVE else maybe(face.seen.silent_since),
        }
        | _link(face.told)
        | (_figures(face) if party in STAFF else {}),
        "invigilator": _seat(view.sitting.staff_name, face.seats[Party.INVIGILATOR]),
        "second": {"present": second.present, "media": second.media.value},
        "supervisor": {"name": supervisor.name, "since": maybe(supervisor.since)}
        if supervisor.present
        else None,
    }


def _link(told: Told) -> Json:
    budget = told.budget
    return {
        "rung": None if told.rung is None else told.rung.value,
        "way": None if told.way is None else told.way.value,
        "keeps": told.keeps,
        "budget": {"kbit": budget.kbit, "mb": budget.megabytes} if budget else None,
        "used_kb": told.used_kb,
    }


def _figures(face: Face) -> Json:
    found = face.told.figures
    return {"sees": face.sees, "figures": None if found is None else asdict(found)}


def _for_staff(view: RoomView, face: Face) -> Json:
    to = view.handing_to
    return {
        **wire_identity.for_staff(view, face.capture),
        "recording_stopped": face.stopped,
        "taken_over": view.session.invigilator is not None,
        "device": _device(view.device),
        "incidents": [_incident(one) for one in view.incidents],
        "inspections": [_inspection(one) for one in view.inspections[-LISTED:]],
        "gaps": _gaps(view),
        "backend_refused": [_refusal(one) for one in view.refusals[-LISTED:]],
        "handover": None
        if to is None
        else {
            "to": {"id": to.id, "name": to.name},
            "since": stamp(face.offered_at or view.now),
        },
    }


def _device(device: LearnerDevice | None) -> Json | None:
    """Return how often the learner went on on another device, and since when; None if never."""
    if device is None or not device.changes:
        return None
    return {"changes": device.changes, "since": stamp(device.since)}


def lobby_entry(role: LobbyRole, sitting: Sitting, glimpse: Glimpse) -> Json:
    """Return one line of somebody's lobby, to whom the sitting is `role`."""
    return {
        "session": sitting.session,
        "learner": sitting.learner_name,
        "assessment": sitting.title,
        "start": stamp(sitting.start),
        "state": sitting.session_state.value,
        "present": glimpse.since is not None,
        "since": maybe(glimpse.since),
        "hand": maybe(glimpse.hand),
        "invigilator": sitting.staff_name,
        "role": role.value,
        "offered_by": sitting.staff_name if role is LobbyRole.OFFERED else None,
    }


def _seat(name: str, seat: SeatView) -> Json:
    return {
        "name": name,
        "present": seat.present,
        "camera": seat.camera,
        "microphone": seat.microphone,
        "media": seat.media.value,
    }


def _chat(lines: Iterable[Line]) -> list[Json]:
    shown: list[Json] = []
    room = CHAT_BYTES
    for line in reversed([*lines]):
        room -= len(json.dumps(line.text))
        if room < 0:
            break
        shown.append(
            {
                "seq": line.seq,
                "from": line.sender,
                "text": line.text,
                "at": stamp(line.at),
                "notice": line.notice,
            }
        )
    return shown[::-1]


def _incident(one: Incident) -> Json:
    return {
        "id": one.id,
        "category": one.category,
        "severity": one.severity.value,
        "note": one.note,
        "picture": one.picture,
        "at": stamp(one.at),
    }


def _refusal(one: Refusal) -> Json:
    return {"action": one.action, "said": one.said, "at": stamp(one.at)}


def _asked(one: Inspection) -> Json:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "asked_at": stamp(one.asked_at),
        "done_at": maybe(one.done_at),
    }


def _inspection(one: Inspection) -> Json:
    return _asked(one) | {
        "result": None if one.result is None else one.result.value,
        "note": one.note,
        "judged_at": maybe(one.judged_at),
    }


def _gaps(view: RoomView) -> list[Json]:
    fills = {one.gap: one for one in view.fills}
    gaps = view.gaps[-LISTED:]
    return [_gap(one) | {"fill": _fill(fills.get(one.id))} for one in gaps]


def _fill(one: Fill | None) -> Json:
    if one is None:
        one = Fill("", "")
    return {
        "state": one.state.value,
        "have": one.have,
        "total": one.total,
        "chunks": one.chunks,
        "here": one.here,
        "covers_s": one.covers // SECOND,
        "promised_s": one.promised // SECOND,
        "told": maybe(one.told),
        "before": maybe(one.before),
        "arrived": maybe(one.arrived),
        "evidence": list(one.evidence),
        "note": one.note,
    }


def _gap(one: Gap) -> Json:
    return {
        "id": one.id,
        "began": stamp(one.began),
        "ended": maybe(one.ended),
        "lost_s": None if one.lost is None else one.lost // SECOND,
        "ruling": None if one.ruling is None else one.ruling.value,
        "note": one.note,
    }
