"""What is kept about a learner, as one file for them: to be read by people and by machines."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import jinja2

from invigilation.desk.persons import Kept
from invigilation.desk.reports import record_file
from invigilation.errors import NotFound
from invigilation.looks import LookReason
from invigilation.store.evidence import Evidence
from recordings.errors import EvidenceDamaged, EvidenceUnfinished
from recordings.reader import Reader
from recordings.vault import Vault
from recordings.verify import file_name
from web.pages import look_words, words

CHUNK = 1024 * 1024
TEMPLATES = Path(__file__).parent / "templates"
KINDS = {
    "id_document": "Identity document",
    "id_back": "Back of the identity document",
    "portrait": "Portrait, cut out of the document",
    "face": "Face",
    "face_aligned": "Face, cut out",
    "face_again": "Face, taken again",
    "incident": "Picture of an incident",
    "recording": "Recording of your camera and microphone",
    "screen_recording": "Recording of your screen",
    "second_recording": "Recording of your second camera",
    "invigilator_recording": "Recording of the invigilator's voice",
    "stills": "Still pictures of your camera",
    "local_recording": "What your own device recorded in a gap",
    "report": "Report (PDF)",
}
TABLES = {
    "learner": "Who you are",
    "request": "What you asked us for",
    "booking": "Bookings",
    "session": "Sessions",
    "consent": "What you agreed to",
    "identity_check": "The check of your identity",
    "chat": "Messages in the room",
    "incident": "Incidents that were noted",
    "gap": "Times without picture and sound",
    "link_probe": "Tests of your link",
    "link_consent": "That your pages may test the link",
    "enquiry": "Your questions and our answers",
    "charge": "Charges",
    "payment": "Payments",
    "delivery": "Letters and messages about you",
    "onboard": "Officers on board who invigilated",
    "waiting": "Places in the line",
    "document_mark": "Keyed digests of your document, to know it again",
    "face_mark": "Prints of pictures of you, to know the same picture again",
    "audit": "What staff changed about your bookings",
    "look": "Who of the staff said why they look at your evidence",
    "learner_device": "On which device you sat the session",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What went into a file, and sentences about what did not."""

    pieces: int
    lacks: tuple[str, ...]


def write(
    file: BinaryIO,
    kept: Kept,
    vault: Vault,
    keys: list[dict[str, Any]],
    now: datetime,
    service: str,
) -> Written:
    """Write the ZIP: an index to read, the data as JSON, and each session's record and evidence.

    Recordings pass through in pieces. Blocks.
    """
    lacks: list[str] = []
    shown: dict[str, list[tuple[str, str, str]]] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for export in kept.sessions:
            session = export.record.session.id
            folder = f"sessions/{session}"
            archive.writestr(f"{folder}/record.json", record_file(export.record))
            here = {piece.id for piece in export.pieces}
            shown[session] = []
            for piece in export.pieces:
                name = f"{folder}/{file_name(piece.id, piece.kind, piece.media_type)}"
                if _copied(archive, vault, piece, name):
                    taken = f"{words.short(piece.started)} London"
                    shown[session].append((name, KINDS.get(piece.kind, piece.kind), taken))
                else:
                    lacks.append(f"{session}: {piece.id} could not be read.")
            lacks += _absent(session, export.record.evidence, here)
        lacks += [f"The identity document of the officer on form {one}." for one in kept.of.forms]
        data = {"made": now.isoformat(), "service": service, "tables": kept.rows}
        archive.writestr("data.json", json.dumps(data, indent=1, ensure_ascii=False))
        archive.writestr("keys.json", json.dumps({"keys": keys}, indent=1))
        archive.writestr("index.html", _index(kept, shown, lacks, now, service))
    return Written(sum(map(len, shown.values())), tuple(lacks))


def _copied(archive: zipfile.ZipFile, vault: Vault, piece: Evidence, name: str) -> bool:
    """Copy a piece of evidence; say whether it could be read. Pictures are packed already."""
    try:
        reader = vault.open(piece.session, piece.id)
    except (NotFound, EvidenceDamaged, EvidenceUnfinished):
        return False
    info = zipfile.ZipInfo(name)
    with reader, archive.open(info, "w", force_zip64=True) as member:
        try:
            for part in _parts(reader):
                member.write(part)
        except EvidenceDamaged:
            return False
    return True


def _parts(reader: Reader) -> Iterator[bytes]:
    for start in range(0, reader.size, CHUNK):
        yield reader.read(start, min(start + CHUNK, reader.size))


def _absent(session: str, evidence: tuple[Evidence, ...], here: set[str]) -> Iterator[str]:
    for one in evidence:
        if one.id in here:
            continue
        name = KINDS.get(one.kind, one.kind)
        if one.erased is not None:
            yield f"{session}: {name}: deleted on {words.day(one.erased)}."
        elif one.sha256 is None:
            yield f"{session}: {name}: not finished yet."
        else:
            yield f"{session}: {name}: shows or lets hear somebody else; ask us for it."


def _index(
    kept: Kept,
    shown: dict[str, list[tuple[str, str, str]]],
    lacks: list[str],
    now: datetime,
    service: str,
) -> str:
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sessions = [
        {
            "id": one.record.session.id,
            "title": one.record.sitting.title,
            "start": words.moment(one.record.sitting.start),
            "outcome": one.record.session.outcome or one.record.session.state,
            "pieces": shown[one.record.session.id],
        }
        for one in kept.sessions
    ]
    looks = [
        (look_words.REASONS[LookReason(str(one["reason"]))], str(one["opened"])[:16])
        for one in kept.rows["look"]
    ]
    return pages.get_template("learner_export.html").render(
        learner=kept.of.learner,
        sessions=sessions,
        looks=looks,
        lacks=lacks,
        tables=[
            (TABLES.get(name, name.replace("_", " ").capitalize()), name, rows)
            for name, rows in kept.rows.items()
            if rows
        ],
        made=words.moment(now),
        service=service,
    )
