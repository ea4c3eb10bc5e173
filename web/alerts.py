"""Says when a delivery has waited for more than a day: figures for each backend, and a log line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Gauge

from invigilation.desk.deliveries import OVERDUE, DeliveryDesk, Endpoint

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Alerts:
    """Looks at the backends again and again; warns of each once a day while it is late."""

    desk: DeliveryDesk
    registry: CollectorRegistry
    _age: Gauge = field(init=False)
    _failures: Gauge = field(init=False)
    _disabled: Gauge = field(init=False)
    _warned: dict[str, datetime] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Register the figures."""
        for name, what in (
            ("age_seconds", "Age of the oldest delivery that waits for a backend"),
            ("failures", "Failed attempts in a row"),
            ("disabled", "1 if the backend answered that it wants no more"),
        ):
            gauge = Gauge(
                f"invigilation_delivery_{name}", what, ["backend"], registry=self.registry
            )
            object.__setattr__(self, f"_{name.removesuffix('_seconds')}", gauge)

    async def sweep(self) -> list[str]:
        """Set the figures; return the backends that were warned of."""
        now = self.desk.office.clock.now()
        late = []
        for one in await self.desk.endpoints():
            self._set(one, now)
            if one.late(now) and self._due(one.backend.id, now):
                log.warning("delivery.late", **_facts(one))
                late.append(one.backend.id)
        return late

    def _set(self, one: Endpoint, now: datetime) -> None:
        left, name = one.backlog, one.backend.id
        waits = left is not None and left.waiting
        age = (now - left.oldest).total_seconds() if left is not None and waits else 0.0
        self._age.labels(name).set(max(age, 0.0))
        self._failures.labels(name).set(one.health.failures)
        self._disabled.labels(name).set(one.health.disabled is not None)

    def _due(self, name: str, now: datetime) -> bool:
        last = self._warned.get(name)
        if last is not None and abs(now - last) < OVERDUE:
            return False
        self._warned[name] = now
        return True


def _facts(one: Endpoint) -> dict[str, object]:
    left = one.backlog
    return {
        "backend": one.backend.id,
        "waiting": 0 if left is None else left.waiting,
        "oldest": None if left is None else left.oldest.isoformat(),
        "said": one.health.said,
    }
