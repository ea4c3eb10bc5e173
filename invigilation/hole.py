"""What is missing in a recording: a stretch of it was damaged before it was finished."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation.record import Facts


@dataclass(frozen=True, slots=True)
class Hole:
    """So many bytes are lost; from when to when, where the file says it, in ms of its own time.

    In it sound or picture is missing. `since` without `until`: to the end of the recording.
    """

    size: int
    since: int | None = None
    until: int | None = None

    @property
    def facts(self) -> Facts:
        """Return what an entry of the record says of it."""
        return {"bytes": self.size, "since_ms": self.since, "until_ms": self.until}
