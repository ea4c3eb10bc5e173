"""What recordings lack: a disk damaged them before they were finished, or they were never made.

Signed events say so, and the attestation, in its member `damaged`: both must say the same. An older
attestation has no such member; then the events speak alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .chain import length_of
from .record import Item, Record
from .strict import exactly, instant, member, shown
from .verdict import NotVerified

MEMBER = "damaged"
_FINISHED, _LOST = "recording_finished", "recording_lost"
_DAMAGED = {"evidence", "kind", "started", "lost", "holes"}
_HOLE = {"bytes", "since_ms", "until_ms"}
_ALL, _PART = "all", "part"
_WHAT = "what is told of a damaged recording"
_MOST, _MOST_SPANS = 5, 3
"""So many recordings, and stretches of one, are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Lost bytes, and from when to when something is missing, in ms of the recording's time."""

    size: int
    since: int | None
    until: int | None


Damage = dict[str, tuple[Hole, ...] | None]
"""What each recording lacks, by the id of its evidence; None: all of it is lost."""


def damage(record: Record, claims: Mapping[str, Any], attested: Iterable[Item]) -> Damage:
    """Return what the recordings lack; `attested` is the evidence that the attestation lists.

    Raises NotVerified where attestation and events differ.
    """
    if MEMBER in claims:
        kinds = {one.id: one.kind for one in attested}
        before = _of_events(record.bodies[: length_of(record, claims)])
        if _of_claims(member(claims, MEMBER, list), kinds) != before:
            raise NotVerified("the attestation and the events differ in what recordings lack")
    return _of_events(record.bodies)


def told(found: Damage) -> str:
    """Return it as a clause: "4096 bytes of ev_3 (0:04 to 0:07); all of ev_9"."""
    words = [_words(shown(ident), holes) for ident, holes in found.items()]
    more = len(words) - _MOST
    return "; ".join([*words[:_MOST], *([f"and {more} more"] if more > 0 else [])])


def _of_events(bodies: Iterable[Mapping[str, Any]]) -> Damage:
    found: Damage = {}
    for body in bodies:
        if body.get("kind") == _FINISHED and "holes" in member(body, "data", dict):
            found[member(body["data"], "evidence", str)] = _holes(body["data"])
        elif body.get("kind") == _LOST:
            found[member(member(body, "data", dict), "evidence", str)] = None
    return found


def _of_claims(listed: list[Any], kinds: Mapping[str, str]) -> Damage:
    found: Damage = {}
    for raw in listed:
        one = exactly(raw, _DAMAGED, _WHAT)
        ident, kind, holes = member(one, "evidence", str), member(one, "kind", str), _holes(one)
        instant(one["started"])
        # Of one that is lost nothing is listed.
        right = {_ALL: (None, False), _PART: (kind, True)}.get(member(one, "lost", str))
        if right != (kinds.get(ident), bool(holes)) or ident in found:
            raise NotVerified(f"{_WHAT} contradicts itself")
        found[ident] = holes or None
    return found


def _holes(of: Mapping[str, Any]) -> tuple[Hole, ...]:
    return tuple(_hole(exactly(raw, _HOLE, _WHAT)) for raw in member(of, "holes", list))


def _hole(one: Mapping[str, Any]) -> Hole:
    since, until = (
        None if one[name] is None else member(one, name, int) for name in ("since_ms", "until_ms")
    )
    return Hole(member(one, "bytes", int), since, until)


def _words(ident: str, holes: Sequence[Hole] | None) -> str:
    if holes is None:
        return f"all of {ident}"
    spans = [_span(one.since, one.until) for one in holes if one.since is not None]
    more = ["and more"] if len(spans) > _MOST_SPANS else []
    when = ", ".join([*spans[:_MOST_SPANS], *more])
    lacks = f"{sum(one.size for one in holes)} bytes of {ident}"
    return f"{lacks} ({when})" if when else lacks


def _span(since: int, until: int | None) -> str:
    # Until the full second behind it.
    return f"{_clock(since)} to {'its end' if until is None else _clock(until + 999)}"


def _clock(ms: int) -> str:
    """Return a time of a player: "4:06" or "1:00:05"."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
