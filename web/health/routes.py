"""What an operator and a load balancer ask: alive, ready, the figures, the public keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from web.health.gauges import Gauges
from web.health.guard import Guard
from web.health.readiness import Readiness

Jwks = Callable[[], list[dict[str, Any]]]
"""Returns the public keys as JWKs; it is asked each time, for keys change."""
Documents = Callable[[], Awaitable[list[dict[str, object]]]]
"""Returns the certificates that sign documents for people, as JWKs with `x5c`."""


def watching(readiness: Readiness, gauges: Gauges, guard: Guard) -> list[web.RouteDef]:
    """Return the routes by which the service is watched."""

    async def healthz(_: web.Request) -> web.Response:
        return _fresh(web.json_response({"status": "ok"}))

    async def readyz(_: web.Request) -> web.Response:
        now = await readiness.look()
        body: dict[str, object] = {"status": "ready" if now.ready else "not ready"}
        if now.failing:
            body |= {"stopped": now.stopped, "weak": now.weak}
        return _fresh(web.json_response(body, status=200 if now.ready else 503))

    async def figures(request: web.Request) -> web.Response:
        if not guard.admits(request):
            challenge = {"WWW-Authenticate": "Bearer"} if guard.token else {}
            return _fresh(web.Response(status=401 if guard.token else 403, headers=challenge))
        await gauges.set()
        body = await asyncio.to_thread(generate_latest, gauges.metrics.registry)
        return _fresh(web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST}))

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", figures),
    ]


def keys(published: Jwks, documents: Documents) -> web.RouteDef:
    """Return the route of the public keys."""

    async def answer(_: web.Request) -> web.Response:
        # RFC 7517, 5: who knows no more than keys passes over the other member.
        known = {"keys": await asyncio.to_thread(published), "documents": await documents()}
        said = web.json_response(known)
        said.headers["Cache-Control"] = "public, max-age=300"
        return said

    return web.get("/.well-known/jwks.json", answer)


def _fresh(answer: web.Response) -> web.Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
