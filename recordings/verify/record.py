"""The file as it came: a record, or a bundle around one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .archive import is_archive, members
from .strict import SHA256, canonical, exactly, hexadecimal, member, parse, shown
from .verdict import Found, NotVerified

FORMATS = {"invigilation-record/1": 1, "invigilation-record/2": 2}
MAX_FILE_BYTES = 64 * 1024 * 1024
RECORD, REPORT = "record.json", "report.pdf"
_FIRST = {"format", "session", "events", "attestation", "evidence"}
_MEMBERS = {1: _FIRST, 2: _FIRST | {"openings", "anchors"}}
_EVENT_MEMBERS = {"body", "signature", "key_id"}
_EVIDENCE_MEMBERS = {"id", "kind", "sha256", "size"}
_FILE = re.compile(r"evidence/([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.(jpg|webm|mp4|stills)", re.ASCII)
_MP4 = "video/mp4"


@dataclass(frozen=True, slots=True)
class Opened:
    """What opens a seal: the key, in bytes, and the text."""

    key: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record file, and what came beside it in a bundle: evidence by name, and the report."""

    session: str
    events: tuple[dict[str, str], ...]
    bodies: tuple[dict[str, Any], ...]
    attestation: str | None
    evidence: list[Any]
    openings: Mapping[str, Opened] = field(default_factory=dict)
    anchors: tuple[Any, ...] = ()
    files: Mapping[str, memoryview] = field(default_factory=dict)
    report: memoryview | None = None
    version: int = 2


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of evidence, as it is listed; `media`: its type, where its chain says one."""

    id: str
    kind: str
    sha256: str
    size: int
    media: str = field(default="", compare=False)

    @property
    def file(self) -> str:
        """Its name in a bundle."""
        return file_name(self.id, self.kind, self.media)


def file_name(ident: str, kind: str, media: str = "") -> str:
    """Return the name of a piece of evidence in a bundle, which says what it holds.

    Recordings are WebM, or MP4 where the learner's device makes no other and has told so; stills
    are a file of JPEGs, and all else is a JPEG.
    """
    end = "jpg"
    if kind.endswith("recording"):
        end = "mp4" if media == _MP4 else "webm"
    return f"evidence/{ident}.{'stills' if kind == 'stills' else end}"


def read(data: memoryview) -> Found[Record]:
    """Read a record (JSON) or a bundle (ZIP); raises NotVerified."""
    if not is_archive(data):
        record = _record(data, {}, None)
        return Found(record, f"yes, with {len(record.events)} events")
    found = members(data)
    if RECORD not in found:
        raise NotVerified("there is no record in it")
    files = {name: one for name, one in found.items() if name not in {RECORD, REPORT}}
    strange = next((name for name in files if not _FILE.fullmatch(name)), None)
    if strange is not None:
        raise NotVerified(f"a file in it is called {shown(strange)}")
    record = _record(found[RECORD], files, found.get(REPORT))
    if record.version == 1:
        # It has no canonical form, and there were no bundles yet.
        raise NotVerified("a bundle holds no record of the first format")
    told = f"yes, with {len(record.events)} events and {len(files)} files of evidence"
    return Found(record, told)


def items(listed: list[Any]) -> tuple[Item, ...]:
    """Return a list of evidence; raises NotVerified."""
    found = [_item(one) for one in listed]
    if len({one.id for one in found}) != len(found):
        raise NotVerified("an item of evidence is listed twice")
    return tuple(found)


def _item(listed: object) -> Item:
    what = "an item of evidence"
    one = exactly(listed, _EVIDENCE_MEMBERS, what)
    sha256 = member(one, "sha256", str)
    if not SHA256.fullmatch(sha256):
        raise NotVerified(f"{what} has no SHA-256")
    return Item(member(one, "id", str), member(one, "kind", str), sha256, member(one, "size", int))


def _record(data: memoryview, files: dict[str, memoryview], report: memoryview | None) -> Record:
    if len(data) > MAX_FILE_BYTES:
        raise NotVerified("it is larger than 64 MB")
    text = bytes(data)
    record = parse(text)
    if not isinstance(record, dict) or record.get("format") not in FORMATS:
        raise NotVerified("its format is not known")
    version = FORMATS[record["format"]]
    exactly(record, _MEMBERS[version], "the file")
    if version > 1 and canonical(record).encode() != text:
        raise NotVerified("it is not in canonical form")
    events = tuple(_event(one) for one in member(record, "events", list))
    return Record(
        member(record, "session", str),
        events,
        tuple(_body(one) for one in events),
        None if record["attestation"] is None else member(record, "attestation", str),
        member(record, "evidence", list),
        _openings(member(record, "openings", dict)) if version > 1 else {},
        tuple(member(record, "anchors", list)) if version > 1 else (),
        files,
        report,
        version,
    )


def _event(listed: object) -> dict[str, str]:
    event = exactly(listed, _EVENT_MEMBERS, "an event")
    if not all(isinstance(value, str) for value in event.values()):
        raise NotVerified("an event holds something else than text")
    return event


def _body(event: dict[str, str]) -> dict[str, Any]:
    """Return an event's body; one that is no JSON object stands as an empty one."""
    try:
        body = parse(event["body"].encode())
    except (NotVerified, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _openings(listed: dict[str, Any]) -> dict[str, Opened]:
    found = {}
    for seal, raw in listed.items():
        hexadecimal(seal, 32, "a seal")
        one = exactly(raw, {"key", "text"}, "what opens a seal")
        key = hexadecimal(one["key"], 32, "the key of a seal")
        found[seal] = Opened(key, member(one, "text", str))
    return found
