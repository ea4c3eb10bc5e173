"""The rate limits' own counts, as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from web.watchers import PREFIX


@dataclass(frozen=True, slots=True, eq=False)
class RateRefusals(Collector):
    """Tells how often each rate has refused somebody; `refused` is kept by the limiter."""

    refused: Mapping[str, int]

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the one figure."""
        family = CounterMetricFamily(
            f"{PREFIX}rate_refusals", "Requests refused as too many", labels=["rate"]
        )
        for rate, times in sorted(self.refused.items()):
            family.add_metric([rate], times)
        yield family


@dataclass(frozen=True, slots=True, eq=False)
class DroppedDatagrams(Collector):
    """Tells what participants sent beyond what one may; `dropped` is kept by their connections."""

    dropped: Mapping[str, int]

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the one figure."""
        family = CounterMetricFamily(
            f"{PREFIX}media_dropped", "Datagrams dropped as too many", labels=["kind"]
        )
        for kind, times in sorted(self.dropped.items()):
            family.add_metric([kind], times)
        yield family
