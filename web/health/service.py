"""The one who watches: puts together what is asked, kept and shown of the service's health."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from ipaddress import ip_network

from aiohttp import web

from invigilation.ports import Clock
from scheduler.jobs import Job
from signalling.watching import Figures, Watch
from web.auth.limiting import LIMITER
from web.copies import COPIES
from web.draining import DRAINING
from web.health import checks
from web.health.entrances import Entrances
from web.health.gauges import Copies, Gauges
from web.health.guard import Guard
from web.health.lag import Lag
from web.health.limits import RateRefusals
from web.health.logs import in_context
from web.health.pulse import Pulse
from web.health.readiness import Check, Readiness
from web.health.routes import watching
from web.health.sampling import Sampler
from web.house import House
from web.keys import GAUGES, METRICS, READINESS
from web.watchers import Metrics


class Health:
    """Watches over one process of the service.

    `figures` is asked how the live room stands. It lives with the application, and answers there
    to whoever watches; let the clock run what `expect` returns, and tell `heard`.
    """

    def __init__(self, app: web.Application, house: House, figures: Callable[[], Figures]) -> None:
        desk, clock, settings = house.desk, house.desk.office.clock, house.settings
        self._copies_since = clock.now()
        self._metrics = house.metrics
        self._pulse = Pulse(clock)
        self._lag = Lag(clock)
        self._readiness = Readiness(_checks(house, self._pulse), clock)
        self._gauges = Gauges(
            desk,
            house.metrics,
            self._readiness,
            self._pulse,
            self._lag,
            figures,
            settings.var,
            house.vault.waiting,
            lambda: self._copies(app, clock),
        )
        self._guard = Guard(
            settings.metrics_token.get_secret_value(),
            tuple(ip_network(one) for one in settings.metrics_networks),
        )
        self._sampler = Sampler(self._gauges, secrets.token_hex(6))

        house.vault.written = house.metrics.evidence_bytes.inc
        self._attach(app)

    def _attach(self, app: web.Application) -> None:
        app[METRICS], app[READINESS], app[GAUGES] = self._metrics, self._readiness, self._gauges
        app[DRAINING].append(self._readiness.drain)
        app.middlewares.insert(0, in_context)
        app.middlewares.insert(1, Entrances(self._metrics).middleware())
        app.cleanup_ctx.append(self._life)
        app.add_routes(watching(self._readiness, self._gauges, self._guard))

    def expect(self, jobs: Iterable[Job]) -> list[Job]:
        """Return these sweeps and that of the samples; all of them are waited for from now on."""
        every = [*jobs, self._sampler.job()]
        self._pulse.expect(every)
        return every

    def heard(self, job: str, seconds: float, good: bool) -> None:  # noqa: FBT001 - the runner's hook
        """Note one run of a sweep."""
        self._metrics.watch(job, seconds, good)
        self._pulse.ran(job, good)

    def _copies(self, app: web.Application, clock: Clock) -> Copies | None:
        copying = app.get(COPIES)
        if copying is None:
            return None
        age = clock.now() - (copying.newest or self._copies_since)
        return Copies(max(age.total_seconds(), 0.0), copying.behind)

    async def _life(self, app: web.Application) -> AsyncIterator[None]:
        self._metrics.registry.register(RateRefusals(app[LIMITER].refused))
        measuring = asyncio.create_task(self._lag.run())
        yield
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring
        await self._readiness.close()


def live_watch(metrics: Metrics) -> Watch:
    """Return the hooks by which the live room is counted."""
    return Watch(
        connected=lambda party, seconds: metrics.joining.labels(party).observe(seconds),
        came_back=lambda party, way: metrics.reconnects.labels(party, way).inc(),
        refused=lambda code: metrics.refused.labels(code).inc(),
        closed=lambda why: metrics.closed.labels(why).inc(),
        stopped=lambda why: metrics.recordings_stopped.labels(why).inc(),
    )


def _checks(house: House, pulse: Pulse) -> list[Check]:
    settings = house.settings
    root = settings.var / "evidence"
    found = [
        checks.database(house.desk.office.store.ping),
        checks.vault(root),
        checks.disk(root, settings.evidence_reserve),
        checks.keys(lambda: len(house.vault.keys.unknown)),
        checks.sweeps(pulse),
    ]
    return [*found, checks.redis(settings.redis_url)] if settings.redis_url else found
