"""The real clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """The machine's own time, in UTC, and its monotonic counter."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The machine's clock, moved by the seconds that a file holds: for rehearsals and tests."""

    file: Path

    def now(self) -> datetime:
        """Return the present moment, moved."""
        return datetime.now(UTC) + timedelta(seconds=float(self.file.read_text()))

    def monotonic(self) -> float:
        """Return seconds that never run backwards; the shift does not touch them."""
        return time.monotonic()
