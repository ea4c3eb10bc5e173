"""What was refused, logged without personal data and counted."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

log = structlog.get_logger(__name__)


class Edge(StrEnum):
    """Where somebody was refused."""

    PAGE = "page"
    MACHINE = "machine"


class Refusals:
    """Counts in `invigilation_access_refused_total`; `note` is called once a refusal."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._count = Counter(
            "invigilation_access_refused",
            "What somebody asked for and may not do",
            ["edge", "code"],
            registry=registry,
        )

    def note(self, edge: Edge, what: str, code: str, who: Iterable[str] = ()) -> None:
        """Log and count a refusal; `what` names a route or message, never what stands in it."""
        log.info("access.refused", edge=edge.value, what=what, code=code, who=sorted(who))
        self._count.labels(edge.value, code).inc()


REFUSALS = web.AppKey("refusals", Refusals)
