"""A session to make reports of: two gaps, two incidents, a pause; and a key to sign them with."""

from __future__ import annotations

import functools
import io
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from invigilation import record
from invigilation.record import Entry, Envelope, Moment
from recordings.report_pdf.certificate import DocumentKey, open_document_key
from recordings.report_pdf.drawing import draw
from recordings.report_pdf.sheet import Pictures, Source, openings_file, sheet
from recordings.report_pdf.signing import certify
from recordings.seal import Seal, SigningKey

KEY = SigningKey.generate()
KEYS = {KEY.key_id: KEY.public}
SESSION = "se_4b1f6a09c2d7e8f01234"
START = datetime(2027, 6, 21, 9, 0, tzinfo=UTC)
"""In summer: London is an hour ahead."""
SERVICE = "Invigilation Service"
LEARNER = "María Đorđević Santos"
STATEMENT = "I watched the learner from the admission to the end. Nobody else was in the cabin."
NOTE = "Somebody hammered on deck for a minute."


class Signer:
    """Signs as the office's key does."""

    key_id = KEY.key_id

    def current(self):
        return self

    def sign(self, data):
        return KEY.sign(data)


def at(minutes, seconds=0):
    return START + timedelta(minutes=minutes, seconds=seconds)


def stamp(minutes, seconds=0):
    return record.stamp(at(minutes, seconds))


def both(minutes):
    return {"utc": stamp(minutes), "office": at(minutes).isoformat()}


STEPS = (
    (-14, "check_in", {}),
    (-13, "signal", {"signal": "picture", "state": "good"}),
    (-13, "signal", {"signal": "sound", "state": "quiet"}),
    (-13, "signal", {"signal": "link", "state": "live"}),
    (0, "admit", {}),
    (20, "signal", {"signal": "link", "state": "poor"}),
    (26, "signal", {"signal": "link", "state": "gone"}),
    (26, "signal", {"signal": "picture", "state": "none"}),
    (29, "signal", {"signal": "link", "state": "live"}),
    (29, "signal", {"signal": "picture", "state": "good"}),
    (40, "pause", {}),
    (47, "resume", {}),
    (60, "extra_time", {"minutes": 5}),
    (80, "end", {}),
    (83, "attested", {}),
)


def entries() -> tuple[Entry, ...]:
    head, written = record.EMPTY, []
    for minute, kind, data in STEPS:
        when = Moment(at(minute), minute * 60_000)
        entry = record.write(head, SESSION, when, kind, "service", data, Signer())
        head = entry.head
        written.append(entry)
    return tuple(written)


def gap(number, began, note, envelope, ruling="technical"):
    return {
        "id": f"gap{number}",
        "began": stamp(began),
        "ended": stamp(began, 40),
        "lost_seconds": 40,
        "ruling": ruling,
        "note": None if note is None else envelope.seal(note),
        "ruled_by": None,
        "ruled_at": None,
    }


def incident(number, minute, note, envelope, severity="low"):
    return {
        "id": f"in{number}",
        "category": "environment.noise",
        "severity": severity,
        "note": envelope.seal(note),
        "picture": None,
        "at": stamp(minute),
    }


def payload(envelope: Envelope, head: record.Head, **changes):
    seal = envelope.seal
    ana = {"id": "st_ana", "name": seal("Ana Reyes")}
    gaps = [gap(1, 26, "The dome lost the satellite.", envelope), gap(2, 70, None, envelope, None)]
    told = {
        "format": "invigilation-attestation/2",
        "session": SESSION,
        "kind": "remote",
        "assessment": {
            "reference": "entitlement-77",
            "title": "Ship Security Officer: Official Assessment",
            "minutes": 90,
            "materials": ["Course notes"],
        },
        "learner": {"reference": "learner-1", "name": seal(LEARNER)},
        "invigilator": ana,
        "booked": both(0),
        "started": both(0),
        "finished": both(80),
        "attested_at": stamp(83),
        "spent_seconds": 73 * 60,
        "given_back_seconds": 40,
        "outcome": "completed",
        "reason": None,
        "statement": seal(STATEMENT),
        "due": stamp(3_000),
        "identity": {
            "state": "confirmed",
            "reason": None,
            "document": "ev_document",
            "face": "ev_face",
            "kind": "seamans_book",
            "reading": {
                "source": "machine",
                "form": "TD3",
                "check_digits_right": True,
                "images": 5,
                "agreed": 5,
            },
            "grades": {"name": "explained", "born": "same", "expires": "unknown"},
            "decided_by": ana,
            "decided_at": stamp(-2),
            "referral": None,
            "hints": [],
            "challenges": [{"kind": "number", "result": "seen"}],
            "rechecks": {"taken": 2, "same": 1, "not_same": 0, "unclear": 1, "unjudged": 0},
            "likeness": {"consent": False, "figure": None},
        },
        "incidents": [
            incident(1, 15, NOTE, envelope),
            incident(2, 72, "Left the seat for ten seconds.", envelope, "high"),
        ],
        "gaps": gaps,
        "inspections": [{"kind": "room_scan", "result": "satisfied"}],
        "evidence": [],
        "presence": {
            "assessment_seconds": 73 * 60,
            "on_camera_seconds": 4_165,
            "heard_seconds": 4_300,
            "link_gone_seconds": 40,
            "on_camera_permille": 951,
            "gaps": [
                {"id": one["id"], "cause": "connection_lost", "filled": False} for one in gaps
            ],
            "pauses": [
                {
                    "began": stamp(40),
                    "ended": stamp(47),
                    "seconds": 420,
                    "reason": seal("Fire drill."),
                }
            ],
        },
        "handovers": [],
        "chain": {"head": head.digest, "length": head.seq},
    }
    return told | {name: one(envelope) if callable(one) else one for name, one in changes.items()}


def damaged(kind, minute, *holes, lost="part"):
    """What an attestation says of a recording that lacks something; in seconds of its time."""
    return {
        "evidence": f"ev_{kind}",
        "kind": kind,
        "started": stamp(minute),
        "lost": lost,
        "holes": [
            {
                "bytes": 4_096,
                "since_ms": None if since is None else since * 1000,
                "until_ms": None if until is None else until * 1000 - 500,
            }
            for since, until in holes
        ],
    }


def picture(colour="teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG")
    return out.getvalue()


def source(*, pictures=True, erased=(), key=None, **changes) -> Source:
    """What a report is made of; `erased` texts cannot be opened any more."""
    written, envelope = entries(), Envelope()
    told = payload(envelope, written[-1].head, **changes)
    return Source(
        Seal(key or Signer()).seal(record.canonical(told)),
        tuple(one for one in envelope.openings if one.text not in erased),
        written,
        Pictures(picture(), picture("maroon")) if pictures else Pictures(),
        at(90),
        SERVICE,
        "https://invigilation.example.org",
        document_key().fingerprint,
    )


def drawn(of: Source, openings: bytes | None = None) -> bytes:
    found = {"document": of.pictures.document, "face": of.pictures.face}
    shown = {name: one for name, one in found.items() if one}
    listed = openings_file(of) if openings is None else openings
    return draw(sheet(of), of.attestation, listed, shown, of.made_at)


def sealed(of: Source, key: DocumentKey | None = None) -> bytes:
    return certify(drawn(of), key or document_key(), SERVICE)


def made_key(folder: Path, name: str = SERVICE) -> DocumentKey:
    return open_document_key(folder / "documents.pem", name, datetime.now(UTC))


@functools.cache
def document_key() -> DocumentKey:
    """One for all tests: an RSA key takes a while to find."""
    with tempfile.TemporaryDirectory() as folder:
        return made_key(Path(folder))
