"""Establishing who sits there: the pictures taken and the invigilator's decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from invigilation.transitions import advance


class SnapshotKind(StrEnum):
    """What a picture taken from the live video is of."""

    ID_DOCUMENT = "id_document"
    FACE = "face"
    INCIDENT = "incident"


class IdentityState(StrEnum):
    """How far the check has come."""

    OPEN = "open"
    DOCUMENT_SEEN = "document_seen"
    FACE_SEEN = "face_seen"
    BOTH_SEEN = "both_seen"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


class IdentityEvent(StrEnum):
    """What moves the check on."""

    SEE_DOCUMENT = "see_document"
    SEE_FACE = "see_face"
    CONFIRM = "confirm"
    REJECT = "reject"
    REOPEN = "reopen"


_S, _E = IdentityState, IdentityEvent
TABLE = {
    (_S.OPEN, _E.SEE_DOCUMENT): _S.DOCUMENT_SEEN,
    (_S.OPEN, _E.SEE_FACE): _S.FACE_SEEN,
    (_S.DOCUMENT_SEEN, _E.SEE_DOCUMENT): _S.DOCUMENT_SEEN,
    (_S.DOCUMENT_SEEN, _E.SEE_FACE): _S.BOTH_SEEN,
    (_S.FACE_SEEN, _E.SEE_FACE): _S.FACE_SEEN,
    (_S.FACE_SEEN, _E.SEE_DOCUMENT): _S.BOTH_SEEN,
    (_S.BOTH_SEEN, _E.SEE_DOCUMENT): _S.BOTH_SEEN,
    (_S.BOTH_SEEN, _E.SEE_FACE): _S.BOTH_SEEN,
    (_S.BOTH_SEEN, _E.CONFIRM): _S.CONFIRMED,
    (_S.BOTH_SEEN, _E.REJECT): _S.NOT_CONFIRMED,
    # Somebody who shows no document at all can be turned away without pictures.
    (_S.OPEN, _E.REJECT): _S.NOT_CONFIRMED,
    (_S.DOCUMENT_SEEN, _E.REJECT): _S.NOT_CONFIRMED,
    (_S.FACE_SEEN, _E.REJECT): _S.NOT_CONFIRMED,
    (_S.CONFIRMED, _E.REOPEN): _S.OPEN,
    (_S.NOT_CONFIRMED, _E.REOPEN): _S.OPEN,
}
SEEN = {SnapshotKind.ID_DOCUMENT: _E.SEE_DOCUMENT, SnapshotKind.FACE: _E.SEE_FACE}


class Decision(StrEnum):
    """What the invigilator decided; the machine never does."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """The check of one session; `document` and `face` are ids of evidence."""

    session: str
    state: IdentityState
    document: str | None = None
    face: str | None = None
    decision: Decision | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    def with_picture(self, kind: SnapshotKind, evidence: str) -> IdentityCheck:
        """Return the check with a newer picture of the document or the face."""
        state = advance(TABLE, "identity check", self.state, SEEN[kind])
        if kind is SnapshotKind.ID_DOCUMENT:
            return replace(self, state=state, document=evidence)
        return replace(self, state=state, face=evidence)

    def decided(self, decision: Decision, reason: str, by: str, at: datetime) -> IdentityCheck:
        """Return the check as the invigilator `by` decided it."""
        event = _E.CONFIRM if decision is Decision.CONFIRMED else _E.REJECT
        state = advance(TABLE, "identity check", self.state, event)
        return replace(
            self, state=state, decision=decision, reason=reason, decided_by=by, decided_at=at
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a document: its machine-readable lines, and whether they add up."""

    lines: tuple[str, ...]
    check_digits_right: bool


class IdentityReader(Protocol):
    """Reads an identity document from a picture; assists, never decides."""

    async def read(self, jpeg: bytes) -> Reading | None:
        """Return what can be read, or None; bounded in time, never raises on a bad picture."""
        ...
