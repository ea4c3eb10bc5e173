"""What stands on the report's pages: plain texts and places, ready to be drawn.

Everything comes from the attestation, with its sealed names and texts opened where their openings
are still kept; the drawing of presence comes from the record's signed entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from invigilation.record import Entry, Opening, opened, payload_of, seals_in
from recordings.report_pdf import timeline, words
from recordings.report_pdf.damage import damage
from recordings.report_pdf.writable import writable

NOTE_LETTERS = 220
CROWDED_LETTERS = (NOTE_LETTERS, 110, 60)
"""Of a note, where there is ever more to say: the whole of it is in the attestation."""
ROOM_MM = 130.0
"""Of the second page, for the statement and for the rows of both tables together."""
MOST_PAUSES = 4
"""Of which times and reasons are told."""
PAUSE_LETTERS = 60
PARAGRAPH_MM = 1.5
MOST_LINES = 12
"""Of a statement, as its writer broke them."""
DAMAGE_LETTERS = 95
"""In a line, its heading counted."""
GAP_CELLS = 6
"""Of a row of the table of gaps, as told from one of incidents."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pictures:
    """The two pictures that the identity check went by, as JPEGs; None: not kept any more."""

    document: bytes | None = None
    face: bytes | None = None

    def __bool__(self) -> bool:
        return self.document is not None or self.face is not None


@dataclass(frozen=True, slots=True)
class Source:
    """All that a report is made of. `openings` may be more than the attestation's."""

    attestation: bytes
    openings: tuple[Opening, ...]
    entries: tuple[Entry, ...]
    pictures: Pictures
    made_at: datetime
    service: str
    url: str
    certificate: str
    """The SHA-256 (hex) of the certificate that signs the document."""

    @property
    def attested(self) -> tuple[Opening, ...]:
        """The openings that belong to the attestation, and are still kept.

        But how alike the faces were: that goes when the consent is taken back, a report may not.
        """
        payload = payload_of(self.attestation)
        identity = payload.get("identity") or {}
        seals = set(seals_in(payload)) - set(seals_in(identity.get("likeness")))
        return tuple(one for one in self.openings if one.seal in seals)


def sheet(of: Source) -> Json:
    """Return what is drawn; every text in it can be written with the report's fonts."""
    payload = _read(of)
    entries = of.entries
    gaps, incidents = _fitting(payload)
    told: Json = {
        "service": of.service,
        "session": payload["session"],
        "outcome": _outcome(payload),
        "who": _who(payload),
        "identity": _identity(payload),
        "decided": _decided(payload),
        "figures": _figures(payload),
        "timeline": timeline.drawn(payload, entries),
        "gaps": gaps,
        "pauses": _pauses(payload, entries),
        "incidents": incidents,
        "damage": damage(payload),
        "statement": _statement(payload),
        "signed": _signed(payload),
        "seal": _seal(of, payload),
        "made": words.both(of.made_at),
        "pictures": bool(of.pictures),
    }
    clean: Json = _writable(told)
    return clean


def _read(of: Source) -> Json:
    payload = payload_of(of.attestation)
    kept = {one.seal for one in of.openings}
    gone = [one for one in seals_in(payload) if one not in kept]
    erased = [Opening(one, b"", words.ERASED) for one in gone]
    read: Json = opened(payload, [*of.openings, *erased])
    return read


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {name: _writable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(one) for one in value]
    return value


def _outcome(payload: Mapping[str, Any]) -> Json:
    code = str(payload["outcome"])
    name, meaning = words.OUTCOMES.get(code, (words.plain(code).capitalize(), ""))
    return {"good": code == "completed", "name": name, "meaning": meaning}


def _who(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    learner, assessment = payload["learner"], payload["assessment"]
    rows = [
        ("Learner", f"{learner['name']} (reference {learner['reference']})"),
        ("Assessment", f"{assessment['title']} (reference {assessment['reference']})"),
        ("Invigilator", f"{payload['invigilator']['name']}"),
        ("Booked for", _both(payload["booked"])),
        ("Began", _both(payload["started"])),
        ("Ended", _both(payload["finished"])),
        ("Time", _time(payload)),
        ("Permitted", ", ".join(assessment["materials"]) or "nothing was permitted"),
    ]
    if payload.get("reason"):
        rows.append(("Reason given", _short(payload["reason"])))
    return rows


def _both(when: Mapping[str, str] | None) -> str:
    return "it did not come to that" if when is None else words.both(words.instant(when["utc"]))


def _time(payload: Mapping[str, Any]) -> str:
    said = [
        f"{payload['assessment']['minutes']} min allowed",
        f"{words.length(payload['spent_seconds'])} used",
    ]
    if payload["given_back_seconds"]:
        said.append(f"{words.length(payload['given_back_seconds'])} given back for gaps")
    return ", ".join(said)


def _identity(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = payload["identity"]
    reading = told["reading"]
    document = words.DOCUMENTS.get(str(told["kind"]), "not named")
    rows = [("Document", document.capitalize())]
    if reading is not None:
        how = "by machine" if reading["source"] == "machine" else "by eye"
        digits = {True: ", check digits right", False: ", check digits wrong"}
        form = reading.get("form")
        checked = digits.get(reading["check_digits_right"], "") if form else ""
        rows.append(("Read", (how + checked).capitalize()))
    grades = [
        f"{name}: {words.GRADES.get(told['grades'][field], told['grades'][field])}"
        for field, name in words.FIELDS.items()
        if told["grades"].get(field, "unknown") != "unknown"
    ]
    compared = "; ".join(grades) or "nothing to compare"
    rows.append(("Beside the booking", compared[0].upper() + compared[1:]))
    if told["challenges"]:
        seen = sum(one["result"] == "seen" for one in told["challenges"])
        rows.append(("Unforeseen tasks", f"{seen} of {len(told['challenges'])} done as asked"))
    again = told["rechecks"]
    if again["taken"]:
        said = f"{again['taken']} times, {again['same']} judged the same person"
        rows.append(("Face taken again", said))
    return rows


def _decided(payload: Mapping[str, Any]) -> str:
    told = payload["identity"]
    states = {"confirmed": "Confirmed", "not_confirmed": "Not confirmed"}
    state = states.get(str(told["state"]))
    if state is None:
        return "The identity was not decided."
    by, at = told["decided_by"], told["decided_at"]
    who = "" if by is None else f" by {by['name']}"
    when = "" if at is None else f" at {words.clock(words.instant(at))} London"
    second = told.get("referral")
    colleague = "" if second is None else ", with a colleague's second look"
    return f"{state}{who}{when}{colleague}."


def _figures(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures of presence; an attestation of the first format has fewer."""
    told = payload.get("presence") or {}
    found = [("Assessment time", words.length(payload["spent_seconds"]))]
    whole = told.get("assessment_seconds")
    if "on_camera_permille" in told and told["on_camera_permille"] is not None:
        found.append(("Learner on camera", words.share(told["on_camera_permille"])))
    if whole and told.get("heard_seconds") is not None:
        found.append(("Microphone on", words.share(round(1000 * told["heard_seconds"] / whole))))
    gaps = payload["gaps"]
    lost = sum(one["lost_seconds"] or 0 for one in gaps)
    found.append((f"In {len(gaps)} gap{'' if len(gaps) == 1 else 's'}", words.length(lost)))
    found.append(("Incidents noted", str(len(payload["incidents"]))))
    return found


def _fitting(payload: Mapping[str, Any]) -> tuple[Json, Json]:
    """Return the rows of gaps and of incidents, as many as the second page has room for.

    How many there are beside those is told; the attestation, which is attached, has them all.
    """
    room = ROOM_MM - _statement_mm(_statement(payload)) - _damage_mm(damage(payload))
    for letters in CROWDED_LETTERS:
        gaps, incidents = _gaps(payload, letters), _incidents(payload, letters)
        needs = [[_row_mm(row) for row in rows] for rows in (gaps, incidents)]
        if sum(map(sum, needs)) <= room:
            break
    first = _count(needs[0], max(room / 2, room - sum(needs[1])))
    second = _count(needs[1], room - sum(needs[0][:first]))
    return _listed(gaps, first), _listed(incidents, second)


def _listed(rows: list[tuple[str, ...]], count: int) -> Json:
    return {"rows": rows[:count], "more": len(rows) - count}


def _count(needs: list[float], room: float) -> int:
    """Return how many of the rows, from the first on, fit into the room."""
    used = list(accumulate(needs))
    return sum(one <= room for one in used)


def _row_mm(row: tuple[str, ...]) -> float:
    """Return about how high a row is drawn; its last cell is the one that is long."""
    letters = 36 if len(row) == GAP_CELLS else 58
    lines = max(-(-len(row[-1]) // letters), 2 if len(row) == GAP_CELLS else 1)
    return 3.8 * lines + 2.0


def _statement(payload: Mapping[str, Any]) -> str:
    """Return the statement; one of very many lines is told as one."""
    lines = [one.strip() for one in str(payload["statement"]).splitlines() if one.strip()]
    return (" " if len(lines) > MOST_LINES else "\n").join(lines)


def _statement_mm(statement: str) -> float:
    """Return about how high the statement is drawn: a long one is set in smaller letters."""
    letters, height = 100, 4.4
    for least, *fits in ((1_400, 115, 3.8), (2_600, 130, 3.4)):
        if len(statement) > least:
            letters, height = int(fits[0]), fits[1]
    lines = (max(-(-len(one) // letters), 1) for one in statement.split("\n"))
    return sum(one * height + PARAGRAPH_MM for one in lines)


def _damage_mm(damage: str) -> float:
    """Return about how high that paragraph is drawn."""
    return -(-len(damage) // DAMAGE_LETTERS) * 4.4 + PARAGRAPH_MM if damage else 0.0


def _gaps(payload: Mapping[str, Any], letters: int) -> list[tuple[str, ...]]:
    told = {one["id"]: one for one in (payload.get("presence") or {}).get("gaps", [])}
    rows: list[tuple[str, ...]] = []
    for number, one in enumerate(payload["gaps"], 1):
        more = told.get(one["id"], {})
        filled = words.fill(more)
        ruling = words.RULINGS.get(one["ruling"], words.plain(str(one["ruling"])))
        lost = one["lost_seconds"]
        rows.append(
            (
                f"G{number}",
                _span(one["began"], one["ended"]),
                "" if lost is None else words.length(lost),
                words.cause(more["cause"]) if more.get("cause") else "",
                filled,
                _short(f"{ruling}. {one['note'] or ''}".strip(), letters),
            )
        )
    return rows


def _span(began: str, ended: str | None) -> str:
    first = words.clock(words.instant(began))
    return f"{first} to {'the end' if ended is None else words.clock(words.instant(ended))}"


def _pauses(payload: Mapping[str, Any], entries: tuple[Entry, ...]) -> str:
    more = [int(one.data.get("minutes") or 0) for one in entries if one.kind == "extra_time"]
    hands = payload.get("handovers") or []
    looks = payload.get("inspections") or []
    good = sum(one["result"] == "satisfied" for one in looks)
    said = [
        _paused(payload, sum(one.kind == "pause" for one in entries)),
        f"{sum(more)} minutes of extra time" if more else "no extra time",
        f"{_many(len(hands), 'change')} of the invigilator" if hands else "",
        f"{_many(len(looks), 'look')} around asked for, {good} found good" if looks else "",
    ]
    told = "; ".join(one for one in said if one)
    return f"{told[0].upper()}{told[1:]}."


def _paused(payload: Mapping[str, Any], count: int) -> str:
    """Tell the pauses; the times and reasons of a few of them."""
    told = (payload.get("presence") or {}).get("pauses") or []
    each = []
    for one in told[:MOST_PAUSES]:
        reason = f" ({_short(one['reason'], PAUSE_LETTERS)})" if one.get("reason") else ""
        each.append(_span(one["began"], one["ended"]) + reason)
    times = f": {', '.join(each)}" if each else ""
    return f"{_many(count, 'pause')}{times}" if count else "no pauses"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _incidents(payload: Mapping[str, Any], letters: int) -> list[tuple[str, ...]]:
    return [
        (
            str(number),
            words.clock(words.instant(one["at"])),
            words.category(one["category"]),
            words.SEVERITIES.get(one["severity"], one["severity"]),
            _short(one["note"] or "", letters),
        )
        for number, one in enumerate(payload["incidents"], 1)
    ]


def _signed(payload: Mapping[str, Any]) -> str:
    at = payload.get("attested_at")
    when = "" if at is None else f", {words.both(words.instant(at))}"
    return f"{payload['invigilator']['name']}, invigilator{when}"


def _seal(of: Source, payload: Mapping[str, Any]) -> Json:
    header = payload_of(b"." + of.attestation.split(b".")[0])
    seals = set(seals_in(payload_of(of.attestation)))
    return {
        "digest": words.grouped(hashlib.sha256(of.attestation).hexdigest()),
        "head": words.grouped(payload["chain"]["head"]),
        "length": payload["chain"]["length"],
        "evidence": len(payload["evidence"]),
        "key": str(header.get("kid", "")),
        "certificate": words.grouped(of.certificate),
        "url": of.url,
        "texts": len(seals),
        "erased": len(seals - {one.seal for one in of.attested}),
    }


def _short(text: str, letters: int = NOTE_LETTERS) -> str:
    flat = " ".join(str(text).split())
    return flat if len(flat) <= letters else flat[: letters - 1] + "…"


def openings_file(of: Source) -> bytes:
    """Return the attached openings: `{SEAL: {"key": HEX, "text": TEXT}}`."""
    listed = {one.seal: {"key": one.key.hex(), "text": one.text} for one in of.attested}
    return json.dumps(listed, ensure_ascii=False, indent=1, sort_keys=True).encode()
