"""Sets what stands at a moment, whenever somebody asks for the figures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from invigilation.desk import Desk
from invigilation.ladder import Rung
from invigilation.presence import Link
from invigilation.session import LIVE
from signalling.watching import Figures
from web.health.checks import DATABASE, free_bytes
from web.health.lag import Lag
from web.health.pulse import Pulse
from web.health.readiness import Readiness, Standing
from web.watchers import MEAN, WORST, Metrics

log = structlog.get_logger(__name__)
ALARMS: Final = 100
"""So many are counted."""


@dataclass(frozen=True, slots=True)
class Copies:
    """How copies elsewhere stand: the age of the newest of the database, and what waits.

    Without a copy that is known yet, the age is that of this process.
    """

    age: float
    behind: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database knows; ages in seconds, None where it does not answer.

    `alarms` about unusual looks at evidence are open, up to `ALARMS`.
    """

    outbox_age: float | None = None
    timestamp_age: float | None = None
    alarms: int | None = None


@dataclass(frozen=True, slots=True)
class Now:
    """How everything stands.

    `checked` names every check, `loss` (0 to 1) is (the worst, the mean) of the learners who are
    seen or heard.
    """

    checked: tuple[str, ...]
    standing: Standing
    room: Figures
    links: dict[Link, int]
    rungs: dict[Rung, int]
    loss: tuple[float, float]
    stored: Stored
    copies: Copies | None
    shelf: int
    late: dict[str, float]
    free: int


@dataclass(frozen=True, slots=True)
class Gauges:
    """Looks at everything that has figures, and sets `metrics` by it.

    `shelf` returns how much evidence waits to go to an object store, and may block.
    """

    desk: Desk
    metrics: Metrics
    readiness: Readiness
    pulse: Pulse
    lag: Lag
    figures: Callable[[], Figures]
    root: Path
    shelf: Callable[[], int] = lambda: 0
    copies: Callable[[], Copies | None] = lambda: None

    async def now(self) -> Now:
        """Look at everything once."""
        standing = await self.readiness.look()
        room = self.figures()
        live = [one for one in room.rooms if one.state in LIVE]
        losses = [one.loss for one in live if one.loss is not None]
        stored = Stored() if DATABASE in standing.stopped else await self._stored()
        return Now(
            tuple(one.name for one in self.readiness.checks),
            standing,
            room,
            dict(Counter(one.link for one in live)),
            dict(Counter(one.rung for one in live if one.rung is not None)),
            (max(losses, default=0.0), sum(losses) / len(losses) if losses else 0.0),
            stored,
            self.copies(),
            await asyncio.to_thread(self.shelf),
            self.pulse.late(),
            free_bytes(self.root),
        )

    async def set(self) -> Now:
        """Set every gauge; one whose facts cannot be had keeps its last value."""
        now, metrics = await self.now(), self.metrics
        metrics.ready.set(now.standing.ready)
        metrics.draining.set(self.readiness.draining)
        for check in self.readiness.checks:
            metrics.failing.labels(check.name).set(check.name in now.standing.failing)
        for gauge, known in (
            (metrics.waiting, now.stored.outbox_age),
            (metrics.unstamped, now.stored.timestamp_age),
            (metrics.look_alarms, now.stored.alarms),
        ):
            if known is not None:
                gauge.set(known)
        for job, late in now.late.items():
            metrics.late.labels(job).set(late)
        metrics.free.set(now.free)
        metrics.lag.set(self.lag.worst)
        metrics.queue.labels("shelf").set(now.shelf)
        if now.copies is not None:
            metrics.copy_age.set(now.copies.age)
            metrics.queue.labels("copies").set(now.copies.behind)
        self._set_room(now)
        return now

    def _set_room(self, now: Now) -> None:
        metrics, rooms = self.metrics, now.room.rooms
        states = Counter(one.state for one in rooms)
        for state in LIVE:
            metrics.sessions.labels(state.value).set(states[state])
        for link in Link:
            metrics.links.labels(link.value).set(now.links.get(link, 0))
        for rung in Rung:
            metrics.rungs.labels(rung.value).set(now.rungs.get(rung, 0))
        for of, loss in zip((WORST, MEAN), now.loss, strict=True):
            metrics.loss.labels(of).set(loss)
        metrics.connections.set(now.room.connections)
        metrics.recording.set(sum(one.recordings for one in rooms))
        metrics.queue.labels("room").set(max((one.waiting for one in rooms), default=0))
        metrics.queue.labels("connection").set(now.room.frames)

    async def _stored(self) -> Stored:
        office = self.desk.office
        try:
            async with office.store.read() as tx:
                oldest = await tx.outbox.oldest_pending()
                lists = await tx.anchors.unstamped()
                alarms = await tx.looks.alarms(ALARMS)
        except Exception:
            log.exception("the figures of the database could not be had")
            return Stored()
        now = office.clock.now()

        def age(at: datetime | None) -> float:
            return 0.0 if at is None else max((now - at).total_seconds(), 0.0)

        waiting = sum(one.closed is None for one in alarms)
        return Stored(age(oldest), age(lists[0].made if lists else None), waiting)
