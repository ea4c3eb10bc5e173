"""What is written about an officer's form: its record's first entry, the report, the letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from invigilation import record
from invigilation.desk.attestation import both
from invigilation.desk.office import Told
from invigilation.desk.reports import file_of
from invigilation.desk.requests import Asked
from invigilation.onboard import DECLARATION, Verification
from invigilation.people import Staff
from invigilation.record import Data, Entry, Envelope, Opening, Texts

PICTURE_KIND = "id_document"
KIND = "onboard"
ACCEPTED = "accepted"


class Closed(StrEnum):
    """Why no form can be sent for a request now."""

    BOOKED = "booked"
    DONE = "done"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class Review:
    """A form as staff sees it: its request, its record, the sealed bytes once it is accepted."""

    form: Verification
    asked: Asked
    closed: Closed | None
    entries: tuple[Entry, ...]
    attestation: bytes | None
    openings: tuple[Opening, ...] = ()
    anchors: tuple[Mapping[str, object], ...] = ()

    @property
    def declaration(self) -> str:
        """The text that the officer agreed to."""
        return str(self.entries[0].data["declaration"])


def onboard_file(of: Review) -> bytes:
    """Return the record of a form as one JSON file for `invigilation verify`."""
    listed = [evidence_of(of.form)]
    return file_of(of.form.id, of.entries, of.attestation, listed, of.openings, of.anchors)


def payload(
    of: Review, by: Staff, due: datetime, zone: ZoneInfo, envelope: Envelope
) -> dict[str, object]:
    """Return what the report of an accepted form says; `due` is when the certificate is."""
    form, asked, last = of.form, of.asked, of.entries[-1]
    return {
        "format": record.ATTESTATION_FORMAT,
        "session": form.id,
        "kind": KIND,
        "attested_at": None if form.reviewed is None else record.stamp(form.reviewed),
        "assessment": {
            "reference": asked.request.reference,
            "title": asked.assessment.title,
            "minutes": asked.assessment.minutes,
            "materials": list(asked.assessment.materials),
        },
        "learner": {
            "reference": asked.learner.reference,
            "name": envelope.seal(asked.learner.name),
        },
        "officer": {
            "name": envelope.seal(form.officer),
            "rank": form.rank,
            "rank_words": envelope.text(form.rank_words),
        },
        "vessel": {"name": envelope.seal(form.vessel), "imo": form.imo},
        "sits_on": form.sits_on.isoformat(),
        "outcome": ACCEPTED,
        "declaration": of.declaration,
        "submitted": both(form.submitted, zone),
        "reviewed": both(form.reviewed, zone),
        "reviewer": {"id": by.id, "name": envelope.seal(by.name)},
        "due": record.stamp(due),
        "evidence": [evidence_of(form)],
        "chain": {"head": last.head.digest, "length": last.head.seq},
    }


def stated(form: Verification) -> Data:
    """Return what a form's record begins with: what was declared, and about what."""
    return {
        "declaration": DECLARATION,
        "rank": form.rank.value,
        "imo": form.imo,
        "sits_on": form.sits_on.isoformat(),
        "evidence": form.id,
        "sha256": form.sha256,
        "size": form.size,
    }


def named(form: Verification) -> Texts:
    """Return the names that stand, sealed, beside what was declared."""
    return {"officer": form.officer, "vessel": form.vessel, "rank_words": form.rank_words}


def evidence_of(form: Verification) -> dict[str, object]:
    """Return the picture as a list of evidence names it."""
    return {"id": form.id, "kind": PICTURE_KIND, "sha256": form.sha256, "size": form.size}


def letter_facts(form: Verification, asked: Asked) -> Data:
    """Return what the letter about a decision is made of."""
    facts: Data = {
        "name": asked.learner.name,
        "title": asked.assessment.title,
        "request": asked.request.id,
        "zone": asked.learner.zone,
        "officer": form.officer,
        "vessel": form.vessel,
    }
    return facts if form.reason is None else {**facts, "reason": form.reason}


def notice_facts(
    form: Verification, asked: Asked, sealed: bytes, openings: Iterable[Opening], due: datetime
) -> Told:
    """Return what the backend is told with the report; the form stands for a session."""
    return {
        "request": asked.request.reference,
        "learner": asked.learner.reference,
        "session": form.id,
        "booking": None,
        "kind": KIND,
        "outcome": ACCEPTED,
        "attestation": sealed.decode("ascii"),
        "openings": record.keyed(openings),
        "due": record.stamp(due),
    }
