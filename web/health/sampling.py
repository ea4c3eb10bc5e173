"""Keeps how the service did, a row a minute: what the pictures of the last day are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field

from invigilation.health import EVERY, KEPT, Sample
from invigilation.ladder import MOVING, Rung
from invigilation.presence import Link
from invigilation.session import LIVE
from scheduler.jobs import Job
from web.health.gauges import Gauges, Now
from web.watchers import PREFIX, Metrics

REFUSALS = (
    "access_refused_total",
    "rate_refusals_total",
    "messages_refused_total",
    "connections_closed_total",
)
"""The counters of everything that was turned away."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the counters stood at."""

    joins: float = 0
    join_seconds: float = 0
    reconnects: float = 0
    refused: float = 0
    sign_ins_failed: float = 0
    sweeps_failed: float = 0
    evidence_bytes: float = 0
    recordings_stopped: float = 0

    @classmethod
    def of(cls, metrics: Metrics) -> Counts:
        """Read the counters."""
        found = [one for family in metrics.registry.collect() for one in family.samples]

        def counted(name: str, **labels: str) -> float:
            return sum(
                one.value
                for one in found
                if one.name == PREFIX + name and labels.items() <= one.labels.items()
            )

        return cls(
            counted("join_seconds_count"),
            counted("join_seconds_sum"),
            counted("reconnects_total"),
            sum(counted(name) for name in REFUSALS),
            counted("sign_ins_total", result="refused")
            + counted("sign_ins_total", result="slowed"),
            counted("sweeps_total", result="failed"),
            counted("evidence_bytes_total"),
            counted("recordings_stopped_total"),
        )


@dataclass(slots=True)
class Sampler:
    """Writes the minute that has just passed, and forgets what is older than `KEPT`.

    What was counted in a minute that could not be written comes into the next.
    """

    gauges: Gauges
    node: str
    _before: Counts = field(default_factory=Counts)

    def job(self) -> Job:
        """Return the sweep that does so."""
        return Job("health", EVERY, EVERY / 3, self.sweep)

    async def sweep(self) -> Sample:
        """Write one row."""
        office = self.gauges.desk.office
        now, counts = await self.gauges.set(), Counts.of(self.gauges.metrics)
        sample = self._sample(now, counts)
        async with office.store.write() as tx:
            await tx.health.add(sample)
            await tx.health.purge(sample.at - KEPT)
        self._before = counts
        return sample

    def _sample(self, now: Now, counts: Counts) -> Sample:
        before = self._before
        joins = counts.joins - before.joins
        waited = counts.join_seconds - before.join_seconds
        rungs = now.rungs
        return Sample(
            self.gauges.desk.office.clock.now(),
            self.node,
            sessions=sum(one.state in LIVE for one in now.room.rooms),
            connections=now.room.connections,
            poor=now.links.get(Link.POOR, 0),
            away=now.links.get(Link.SILENT, 0) + now.links.get(Link.GONE, 0),
            moving=sum(rungs.get(rung, 0) for rung in MOVING),
            stills=rungs.get(Rung.STILLS, 0),
            sound=rungs.get(Rung.SOUND, 0),
            text=rungs.get(Rung.TEXT, 0),
            loss_permille=round(now.loss[0] * 1_000),
            joins=round(joins),
            join_ms=round(waited / joins * 1_000) if joins else 0,
            reconnects=round(counts.reconnects - before.reconnects),
            refused=round(counts.refused - before.refused),
            sign_ins_failed=round(counts.sign_ins_failed - before.sign_ins_failed),
            outbox_age_s=round(now.stored.outbox_age or 0),
            sweep_late_s=round(max(now.late.values(), default=0)),
            sweeps_failed=round(counts.sweeps_failed - before.sweeps_failed),
            evidence_bytes=round(counts.evidence_bytes - before.evidence_bytes),
            free_bytes=now.free,
            recordings_stopped=round(counts.recordings_stopped - before.recordings_stopped),
            lag_ms=round(self.gauges.lag.worst * 1_000),
            failing=" ".join(now.standing.failing),
        )
