"""The table of what the clock asks for. The database is the schedule: there is no job a booking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Job:
    """A sweep: how often it runs, and how long it may take."""

    name: str
    period: timedelta
    timeout: timedelta
    sweep: Callable[[], Awaitable[object]]
