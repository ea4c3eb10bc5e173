"""How a room's state looks on the wire; see PROTOCOL.md."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from invigilation.desk.sessions import RoomView
from invigilation.identity import IdentityCheck
from invigilation.incident import Incident
from invigilation.session import SessionState
from invigilation.store.sessions import Line
from invigilation.store.views import Sitting
from signalling.messages import Party
from signalling.seat import SeatView

CHAT_BYTES: Final = 24 * 1024
"""The newest lines of chat that fit into this are in a state: it must pass a slow link."""
OPEN: Final = frozenset({SessionState.IN_PROGRESS, SessionState.PAUSED})

Json = dict[str, object]


def state(party: Party, view: RoomView, seats: dict[Party, SeatView], *, recording: bool) -> Json:
    """Return the whole state of a session as this side may see it."""
    session, sitting = view.session, view.sitting
    released = party is Party.LEARNER and session.state in OPEN
    body: Json = {
        "session": session.id,
        "seq": session.seq,
        "now": stamp(view.now),
        "role": party.value,
        "state": session.state.value,
        "learner": _seat(sitting.learner_name, seats[Party.LEARNER]),
        "invigilator": _seat(sitting.staff_name, seats[Party.INVIGILATOR]),
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
            "started": _maybe(session.started),
            "running": session.running_since is not None,
            "remaining_s": session.remaining(view.now) // timedelta(seconds=1),
        },
        "reason": session.reason,
        "assessment_url": (sitting.assessment_url or None) if released else None,
        "recording": recording,
        "chat": _chat(view.chat),
    }
    if party is Party.INVIGILATOR:
        body["identity"] = _identity(view.identity)
        body["incidents"] = [_incident(one) for one in view.incidents]
    return body


def lobby_entry(sitting: Sitting, since: datetime | None) -> Json:
    """Return one line of an invigilator's lobby; `since` is when the learner came in."""
    return {
        "session": sitting.session,
        "learner": sitting.learner_name,
        "assessment": sitting.title,
        "start": stamp(sitting.start),
        "state": sitting.session_state.value,
        "present": since is not None,
        "since": _maybe(since),
    }


def stamp(at: datetime) -> str:
    """Return the moment in RFC 3339, UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


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
            {"seq": line.seq, "from": line.sender, "text": line.text, "at": stamp(line.at)}
        )
    return shown[::-1]


def _identity(check: IdentityCheck) -> Json:
    return {
        "state": check.state.value,
        "document": check.document,
        "face": check.face,
        "decision": None if check.decision is None else check.decision.value,
        "reason": check.reason,
        "at": _maybe(check.decided_at),
    }


def _incident(one: Incident) -> Json:
    return {
        "id": one.id,
        "category": one.category,
        "severity": one.severity.value,
        "note": one.note,
        "picture": one.picture,
        "at": stamp(one.at),
    }
