"""What is missing in a recording: a stretch of it was damaged before it was finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from invigilation.record import Entry

FINISHED, LOST = "recording_finished", "recording_lost"
"""Kinds of entries that end a recording."""


@dataclass(frozen=True, slots=True)
class Hole:
    """So many bytes are lost; from when to when, where the file says it, in ms of its own time.

    In it sound or picture is missing. `since` without `until`: to the end of the recording.
    """

    size: int
    since: int | None = None
    until: int | None = None

    @property
    def facts(self) -> dict[str, int | None]:
        """Return what an entry of the record says of it."""
        return {"bytes": self.size, "since_ms": self.since, "until_ms": self.until}

    @classmethod
    def of(cls, facts: Mapping[str, int | None]) -> Self:
        """Return the hole of which an entry says this."""
        return cls(facts["bytes"] or 0, facts["since_ms"], facts["until_ms"])


def holes_of(entries: Iterable[Entry]) -> dict[str, tuple[Hole, ...]]:
    """Return the holes of each recording that has some, by the id of the evidence."""
    return {
        str(one.data["evidence"]): tuple(Hole.of(facts) for facts in _listed(one))
        for one in entries
        if one.kind == FINISHED and _listed(one)
    }


def _listed(entry: Entry) -> list[dict[str, int | None]]:
    found = entry.data.get("holes")
    return found if isinstance(found, list) else []
