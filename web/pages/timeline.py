"""One time line for all recordings of a session, with what happened marked on it.

All times are whole milliseconds since 1970, UTC: the page's script lays everything out by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from invigilation.desk.reports import Record
from invigilation.desk.room_view import RoomView
from invigilation.fill import Chunk
from invigilation.gap import Ruling
from invigilation.hole import holes_of
from invigilation.presence import Signal, Source
from invigilation.record import Entry
from invigilation.session import HALTS, STARTS, SessionEvent, runs
from invigilation.store.evidence import Evidence
from recordings.stills import Stretches
from recordings.webm import Glance

NAMES = {
    Source.CAMERA: "Learner's camera",
    Source.SCREEN: "Learner's screen",
    Source.SECOND: "Second camera",
    Source.INVIGILATOR: "Invigilator's voice",
    Source.STILLS: "Learner's still pictures",
}
_UNMARKED = frozenset(
    {
        "booked",
        "moved",
        "cancelled",
        "page_opened",
        "probe",
        "token_used",
        "evidence_viewed",
        "recording_started",
        "recording_finished",
        "recording_lost",
        "no_show_proposed",
        "attendance_decided",
        "attested",
        "incident",
        "gap_opened",
        "gap_closed",
        "gap_ruled",
        "signal",
        "looked_in",
        "looked_out",
        "likeness",
        "document_unread",
        "local_chain",
        "gap_filled",
        "fill_judged",
        "consent_given",
    }
)
"""Kinds that are no marks: nothing happened in the room, or a bar says it better."""
_CUT_OUT = frozenset({"portrait", "face_aligned"})
"""Pictures that were made of pictures, some moments after those."""
SIGNALS = {
    (Signal.PICTURE, "black"): "The picture was black",
    (Signal.PICTURE, "frozen"): "The picture stood still",
    (Signal.PICTURE, "looping"): "The same pictures came again",
    (Signal.PICTURE, "stills"): "Single pictures came, some seconds apart",
    (Signal.PICTURE, "withheld"): "The learner's page sent no picture",
    (Signal.PICTURE, "stopped"): "No picture came",
    (Signal.SOUND, "muted"): "The microphone was silent",
    (Signal.SOUND, "none"): "No sound came",
    (Signal.LINK, "poor"): "The learner's link was weak",
    (Signal.LINK, "silent"): "Nothing came from the learner",
    (Signal.LINK, "gone"): "The learner was not connected",
}
"""What a signal says that is not as it should be."""
_RULINGS = {
    None: "not judged",
    Ruling.TECHNICAL: "technical, its time was given back",
    Ruling.LEARNER: "counted as the learner's",
}


class Part(TypedDict):
    """One file: what it shows from when for how long."""

    id: str
    start: int
    length: int
    picture: bool
    sound: bool
    type: str


class Lane(TypedDict):
    """The parts of one source, by start."""

    source: str
    name: str
    parts: list[Part]


class Mark(TypedDict):
    """What happened at a moment, or until another."""

    at: int
    until: int | None
    kind: str
    text: str


class TimeLine(TypedDict):
    """Everything that the player is told."""

    start: int
    end: int
    lanes: list[Lane]
    marks: list[Mark]
    running: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Words:
    """How entries and incidents are told."""

    entry: Callable[[Entry], str]
    category: Callable[[str], str]
    actor: Callable[[str], str]


def time_line(
    of: Record,
    view: RoomView,
    glances: Mapping[str, Glance | Stretches],
    words: Words,
    kept: Iterable[Chunk] = (),
) -> TimeLine | None:
    """Return the time line, or None when there is nothing to play.

    `glances` has what the files say of themselves, by the id of the evidence; `kept` is what the
    learner's own device brought.
    """
    lanes = [_lane(source, of, glances) for source in Source]
    lanes = [lane for lane in (*lanes, _device(kept)) if lane["parts"]]
    parts = [part for lane in lanes for part in lane["parts"]]
    if not parts:
        return None
    start = min(part["start"] for part in parts)
    end = max(part["start"] + part["length"] for part in parts)
    marks = [
        *_gaps(view, end),
        *_signals(of.entries, end),
        *_lookers(of.entries, end, words),
        *_damage(of, end),
        *_incidents(view, words),
        *_moments(of.entries, words),
    ]
    seen = [one for one in marks if one["at"] <= end and (one["until"] or one["at"]) >= start]
    return {
        "start": start,
        "end": end,
        "lanes": lanes,
        "marks": sorted(seen, key=lambda one: one["at"]),
        "running": list(_running(of.entries, end)),
    }


def ms(at: datetime) -> int:
    """Return a moment in milliseconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _lane(source: Source, of: Record, glances: Mapping[str, Glance | Stretches]) -> Lane:
    finished = {
        str(one.data["evidence"]): one.at for one in of.entries if one.kind == "recording_finished"
    }
    parts = [
        part
        for one in sorted(of.evidence, key=lambda one: one.started)
        if one.kind == source.value and one.id in glances
        for part in _parts(one, glances[one.id], finished.get(one.id, one.started))
    ]
    return {
        "source": source.name.lower(),
        "name": NAMES[source],
        "parts": [part for part in parts if part["length"] > 0],
    }


def _device(kept: Iterable[Chunk]) -> Lane:
    parts: list[Part] = [
        {
            "id": one.evidence or "",
            "start": ms(one.began),
            "length": ms(one.ended) - ms(one.began),
            "picture": True,
            "sound": True,
            "type": one.media_type,
        }
        for one in sorted(kept, key=lambda one: one.began)
    ]
    return {"source": "device", "name": "Learner's own device", "parts": parts}


def _parts(one: Evidence, told: Glance | Stretches, finished: datetime) -> list[Part]:
    if isinstance(told, Glance):
        return [_part(one, told, finished)]
    return [
        {
            "id": one.id,
            "start": ms(began),
            "length": ms(ended) - ms(began),
            "picture": True,
            "sound": False,
            "type": one.media_type,
        }
        for began, ended in told.spans
    ]


def _part(one: Evidence, told: Glance, finished: datetime) -> Part:
    start = ms(one.started)
    return {
        "id": one.id,
        "start": start,
        "length": ms(finished) - start if told.length is None else told.length,
        "picture": told.picture,
        "sound": told.sound,
        "type": one.media_type,
    }


def _gaps(view: RoomView, end: int) -> Iterator[Mark]:
    for gap in view.gaps:
        until = end if gap.ended is None else ms(gap.ended)
        text = f"Gap: {_RULINGS[gap.ruling]}"
        yield {"at": ms(gap.began), "until": until, "kind": "gap", "text": text}


def _damage(of: Record, end: int) -> Iterator[Mark]:
    """Yield what is missing in recordings because they were damaged."""
    holes = holes_of(of.entries)
    for one in of.evidence:
        for hole in holes.get(one.id, ()):
            if hole.since is None:
                continue
            at = ms(one.started) + hole.since
            until = max(at, end) if hole.until is None else ms(one.started) + hole.until
            text = f"{NAMES[Source(one.kind)]}: the recording is damaged here"
            yield {"at": at, "until": until, "kind": "signal", "text": text}


def _signals(entries: Iterable[Entry], end: int) -> Iterator[Mark]:
    said: dict[str, tuple[int, str]] = {}
    for one in entries:
        if one.kind != "signal":
            continue
        signal, at = str(one.data.get("signal")), ms(one.at)
        if signal in said:
            began, wrong = said.pop(signal)
            yield {"at": began, "until": at, "kind": "signal", "text": wrong}
        text = next(
            (
                t
                for (s, state), t in SIGNALS.items()
                if s == signal and state == one.data.get("state")
            ),
            None,
        )
        if text is not None:
            said[signal] = (at, text)
    for began, wrong in said.values():
        yield {"at": began, "until": max(began, end), "kind": "signal", "text": wrong}


def _lookers(entries: Iterable[Entry], end: int, words: Words) -> Iterator[Mark]:
    since: dict[str, int] = {}
    for one in entries:
        if one.kind == "looked_in":
            since.setdefault(one.actor, ms(one.at))
        elif one.kind == "looked_out" and one.actor in since:
            yield _looked(since.pop(one.actor), ms(one.at), one.actor, words)
    for who, began in since.items():
        yield _looked(began, max(began, end), who, words)


def _looked(at: int, until: int, who: str, words: Words) -> Mark:
    text = f"{words.actor(who)} looked in"
    return {"at": at, "until": until, "kind": "supervisor", "text": text}


def _incidents(view: RoomView, words: Words) -> Iterator[Mark]:
    for one in view.incidents:
        text = f"Incident: {words.category(one.category)}"
        yield {"at": ms(one.at), "until": None, "kind": "incident", "text": text}


def _moments(entries: Iterable[Entry], words: Words) -> Iterator[Mark]:
    for one in entries:
        if one.kind not in _UNMARKED and one.data.get("kind") not in _CUT_OUT:
            kind = _group(one.kind)
            yield {"at": ms(one.at), "until": None, "kind": kind, "text": words.entry(one)}


def _group(kind: str) -> str:
    if kind.startswith("hand_"):
        return "event"
    if kind.startswith("hand"):
        return "handover"
    if kind.startswith("inspection"):
        return "inspection"
    if kind.startswith("challenge"):
        return "inspection"
    pictures = ("snapshot", "identity", "document", "recheck", "hint")
    return "picture" if kind.startswith(pictures) else "event"


def _running(entries: Iterable[Entry], end: int) -> Iterator[tuple[int, int]]:
    """Yield when the assessment's clock ran."""
    steps = [(SessionEvent(one.kind), one.at) for one in entries if one.kind in STARTS | HALTS]
    for began, until in runs(steps):
        yield ms(began), max(ms(began), end) if until is None else ms(until)
