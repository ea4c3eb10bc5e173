"""How the service did in one minute, in figures: no person, no session, no address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

EVERY = timedelta(minutes=1)
KEPT = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Sample:
    """The minute of one process (`node`) that ended at `at`.

    Of the live room: sessions that run, connections, learners whose link is `poor` or brings
    nothing (`away`), learners by what their page sends, packets lost of the worst link
    (`loss_permille`). Counted within the minute: who was connected (`joins`, `join_ms` on average),
    who came back, what was refused, failed sign-ins, failed sweeps, bytes of evidence, recordings
    that stopped. As they stood at its end: seconds that a delivery waits, and that a sweep is late;
    bytes free; `lag_ms`, the longest delay of the event loop. `failing` are the checks that failed.
    """

    at: datetime
    node: str
    sessions: int = 0
    connections: int = 0
    poor: int = 0
    away: int = 0
    moving: int = 0
    stills: int = 0
    sound: int = 0
    text: int = 0
    loss_permille: int = 0
    joins: int = 0
    join_ms: int = 0
    reconnects: int = 0
    refused: int = 0
    sign_ins_failed: int = 0
    outbox_age_s: int = 0
    sweep_late_s: int = 0
    sweeps_failed: int = 0
    evidence_bytes: int = 0
    free_bytes: int = 0
    recordings_stopped: int = 0
    lag_ms: int = 0
    failing: str = ""
