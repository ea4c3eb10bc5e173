"""How late the event loop is: whatever holds it up holds up every voice in every room."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from invigilation.ports import Clock

EVERY_S: Final = 0.5
KEPT: Final = 120
"""Readings: those of the last minute."""


class Lag:
    """Measures again and again by how much a short sleep is too long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: deque[float] = deque(maxlen=KEPT)

    @property
    def worst(self) -> float:
        """The longest delay of the last minute, in seconds."""
        return max(self._found, default=0.0)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            began = self._clock.monotonic()
            await asyncio.sleep(EVERY_S)
            self._found.append(max(self._clock.monotonic() - began - EVERY_S, 0.0))
