"""Establishing who sits there: the pictures taken and the invigilator's decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.document import DocumentKind, Reading
from invigilation.likeness import Likeness
from invigilation.transitions import advance


class SnapshotKind(StrEnum):
    """What a picture taken from the live video is of."""

    ID_DOCUMENT = "id_document"
    ID_BACK = "id_back"
    FACE = "face"
    INCIDENT = "incident"
    FACE_AGAIN = "face_again"
    """For a re-check in the middle of a session."""
    PORTRAIT = "portrait"
    """Cut out of the document's picture."""
    FACE_ALIGNED = "face_aligned"
    """Cut out of the face's picture, as large and as light as the portrait."""


class IdentityState(StrEnum):
    """How far the check has come."""

    OPEN = "open"
    DOCUMENT_SEEN = "document_seen"
    FACE_SEEN = "face_seen"
    BOTH_SEEN = "both_seen"
    REFERRED = "referred"
    """A colleague is to look at it, too."""
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


class IdentityEvent(StrEnum):
    """What moves the check on."""

    SEE_DOCUMENT = "see_document"
    SEE_FACE = "see_face"
    REFER = "refer"
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
    (_S.BOTH_SEEN, _E.REFER): _S.REFERRED,
    (_S.REFERRED, _E.CONFIRM): _S.CONFIRMED,
    (_S.REFERRED, _E.REJECT): _S.NOT_CONFIRMED,
    # Who asked has made up their mind: now they propose something.
    (_S.REFERRED, _E.REFER): _S.REFERRED,
    (_S.REFERRED, _E.REOPEN): _S.OPEN,
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
    """The check of one session.

    `document`, `back`, `face`, `portrait` and `aligned` are ids of evidence. Who referred it to a
    colleague proposed a decision, or none, and gave a reason; `decided_by` then is the colleague.
    """

    session: str
    state: IdentityState
    document: str | None = None
    face: str | None = None
    decision: Decision | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    back: str | None = None
    portrait: str | None = None
    aligned: str | None = None
    kind: DocumentKind | None = None
    reading: Reading | None = None
    likeness: Likeness | None = None
    referred_by: str | None = None
    referred_at: datetime | None = None
    referred_reason: str | None = None
    proposed: Decision | None = None

    def with_picture(
        self, kind: SnapshotKind, evidence: str, derived: str | None = None
    ) -> IdentityCheck:
        """Return the check with a newer picture, and with what was cut out of it.

        What was said of the older picture is forgotten; a document's back changes no state. With
        a new front the back goes, too: it may be another document.
        """
        if kind is SnapshotKind.ID_BACK:
            advance(TABLE, "identity check", self.state, _E.SEE_DOCUMENT)  # or it is refused
            reading = self.reading if self.back is None else None
            return replace(self, back=evidence, reading=reading)
        state = advance(TABLE, "identity check", self.state, SEEN[kind])
        if kind is SnapshotKind.ID_DOCUMENT:
            return replace(
                self,
                state=state,
                document=evidence,
                back=None,
                portrait=derived,
                reading=None,
                likeness=None,
            )
        return replace(self, state=state, face=evidence, aligned=derived, likeness=None)

    def referred(
        self, proposed: Decision | None, reason: str, by: str, at: datetime
    ) -> IdentityCheck:
        """Return the check as the invigilator `by` asks a colleague to look at it."""
        state = advance(TABLE, "identity check", self.state, _E.REFER)
        return replace(
            self,
            state=state,
            proposed=proposed,
            referred_by=by,
            referred_at=at,
            referred_reason=reason,
        )

    def decided(self, decision: Decision, reason: str, by: str, at: datetime) -> IdentityCheck:
        """Return the check as `by` decided it."""
        event = _E.CONFIRM if decision is Decision.CONFIRMED else _E.REJECT
        state = advance(TABLE, "identity check", self.state, event)
        return replace(
            self, state=state, decision=decision, reason=reason, decided_by=by, decided_at=at
        )
