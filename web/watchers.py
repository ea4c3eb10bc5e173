"""What an operator and a load balancer ask: health, readiness, metrics, the public keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from invigilation.desk import Desk


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures that the service counts about itself."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    runs: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    waiting: Gauge = field(init=False)
    unstamped: Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Register the figures."""
        names = ["job"]
        runs = Counter(
            "invigilation_sweeps", "Sweeps run", [*names, "result"], registry=self.registry
        )
        seconds = Histogram(
            "invigilation_sweep_seconds", "How long sweeps take", names, registry=self.registry
        )
        waiting = Gauge(
            "invigilation_outbox_age_seconds",
            "Age of the oldest delivery that has not arrived",
            registry=self.registry,
        )
        unstamped = Gauge(
            "invigilation_timestamp_age_seconds",
            "Age of the oldest list of records that no time-stamp authority has signed",
            registry=self.registry,
        )
        object.__setattr__(self, "runs", runs)
        object.__setattr__(self, "seconds", seconds)
        object.__setattr__(self, "waiting", waiting)
        object.__setattr__(self, "unstamped", unstamped)

    def watch(self, job: str, seconds: float, good: bool) -> None:  # noqa: FBT001 - the runner's hook
        """Count one run of a sweep."""
        self.runs.labels(job, "good" if good else "failed").inc()
        self.seconds.labels(job).observe(seconds)


Jwks = Callable[[], list[dict[str, Any]]]
"""Returns the public keys as JWKs; it is asked each time, for keys change."""
Documents = Callable[[], Awaitable[list[dict[str, object]]]]
"""Returns the certificates that sign documents for people, as JWKs with `x5c`."""


def routes(
    desk: Desk, published: Jwks, documents: Documents, metrics: Metrics
) -> list[web.RouteDef]:
    """Return the routes."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            await desk.office.store.ping()
        except Exception:  # noqa: BLE001 - whatever keeps the database away, we are not ready
            return web.json_response({"status": "database away"}, status=503)
        return web.json_response({"status": "ready"})

    async def figures(_: web.Request) -> web.Response:
        async with desk.office.store.read() as tx:
            oldest = await tx.outbox.oldest_pending()
            lists = await tx.anchors.unstamped()
        now = desk.office.clock.now()
        metrics.unstamped.set((now - lists[0].made).total_seconds() if lists else 0)
        metrics.waiting.set(0 if oldest is None else (now - oldest).total_seconds())
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def keys(_: web.Request) -> web.Response:
        # RFC 7517, 5: who knows no more than keys passes over the other member.
        known = {"keys": await asyncio.to_thread(published), "documents": await documents()}
        answer = web.json_response(known)
        answer.headers["Cache-Control"] = "public, max-age=300"
        return answer

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", figures),
        web.get("/.well-known/jwks.json", keys),
    ]
