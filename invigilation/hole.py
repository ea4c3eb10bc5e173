"""What is missing in a recording: a stretch of it was damaged before it was finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


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
