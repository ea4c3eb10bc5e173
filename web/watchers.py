"""The figures that the service counts about itself, as Prometheus reads them.

Rooms know nothing of this: they tell plain values to hooks, and the composition root hands in the
methods of `Metrics`. A page finds it as `request.config_dict[METRICS]` (`web.keys`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from invigilation.ladder import Rung
from invigilation.presence import Link
from invigilation.session import LIVE

PREFIX: Final = "invigilation_"
JOIN_BUCKETS: Final = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60)
"""Seconds from coming into a room until sound and picture are connected."""
PARTIES: Final = ("learner", "invigilator", "supervisor", "second")
WAYS: Final = ("socket", "media")
KINDS: Final = ("staff", "learner", "machine")
RESULTS: Final = ("good", "refused", "slowed")
WHY_STOPPED: Final = ("evidence_store_full", "internal")
WORST, MEAN = "worst", "mean"
QUEUES: Final = ("room", "connection", "shelf", "copies")


class Metrics:
    """Every figure, each registered once; all names begin with `PREFIX`.

    What is counted is counted where it happens. What stands at a moment is set when somebody asks
    (`web.health.gauges`).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._of_the_clock()
        self._of_the_live_room()
        self._of_evidence()
        self._of_trust()

    def _of_the_clock(self) -> None:
        self.runs = self._counter("sweeps", "Sweeps run", "job", "result")
        self.seconds = self._histogram("sweep_seconds", "How long sweeps take", ["job"])
        self.late = self._gauge(
            "sweep_late_seconds", "How long ago each sweep should have ended well", "job"
        )
        self.waiting = self._gauge(
            "outbox_age_seconds", "Age of the oldest delivery that has not arrived"
        )
        self.unstamped = self._gauge(
            "timestamp_age_seconds",
            "Age of the oldest list of records that no time-stamp authority has signed",
        )
        self.ready = self._gauge("ready", "1 while /readyz says yes")
        self.failing = self._gauge("check_failing", "1 while this check fails", "check")
        self.draining = self._gauge("draining", "1 while the service says good-bye to everybody")
        self.lag = self._gauge(
            "loop_lag_seconds", "By how much the event loop was late at most, of late"
        )
        self.queue = self._gauge("queue_depth", "The longest queue of its kind now", "queue")
        _begin(self.queue, *((one,) for one in QUEUES))

    def _of_the_live_room(self) -> None:
        self.sessions = self._gauge("sessions", "Sessions with an open room", "state")
        self.connections = self._gauge("connections", "Connections to the live room")
        self.links = self._gauge("links", "How learners' sound and picture come", "state")
        self.rungs = self._gauge("rungs", "On which rung of the ladder learners' pages are", "rung")
        self.loss = self._gauge(
            "media_loss_ratio", "Share of learners' packets lost for good, of 5 seconds", "of"
        )
        self.recording = self._gauge("recordings", "Parts of recordings being written")
        self.joining = self._histogram(
            "join_seconds",
            "From coming into the room until sound and picture are connected",
            ["party"],
            JOIN_BUCKETS,
        )
        self.reconnects = self._counter(
            "reconnects", "How often somebody came back", "party", "way"
        )
        self.refused = self._counter(
            "messages_refused", "Messages of the live room that were refused", "code"
        )
        self.closed = self._counter(
            "connections_closed", "Connections that the service closed by itself", "why"
        )
        self.recordings_stopped = self._counter(
            "recordings_stopped", "Recordings that stopped by themselves, or could not begin", "why"
        )
        _begin(self.sessions, *((one.value,) for one in LIVE))
        _begin(self.links, *((one.value,) for one in Link))
        _begin(self.rungs, *((one.value,) for one in Rung))
        _begin(self.loss, (WORST,), (MEAN,))
        _begin(self.joining, *((one,) for one in PARTIES))
        _begin(self.reconnects, *((one, way) for one in PARTIES for way in WAYS))
        _begin(self.recordings_stopped, *((one,) for one in WHY_STOPPED))

    def _of_evidence(self) -> None:
        self.evidence_bytes = self._counter(
            "evidence_bytes", "Bytes of pictures and recordings that were written"
        )
        self.free = self._gauge("disk_free_bytes", "Free where the service keeps its files")
        self.copy_age = self._gauge(
            "copy_age_seconds",
            "Age of the newest copy of the database elsewhere; 0 where none is wanted",
        )

    def _of_trust(self) -> None:
        self.sign_ins = self._counter("sign_ins", "Attempts to sign in", "kind", "result")
        self.look_alarms = self._gauge(
            "look_alarms_open", "Alarms for unusual looking at evidence that nobody has closed"
        )
        _begin(self.sign_ins, *((one, result) for one in KINDS for result in RESULTS))

    def watch(self, job: str, seconds: float, good: bool) -> None:  # noqa: FBT001 - the runner's hook
        """Count one run of a sweep."""
        self.runs.labels(job, "good" if good else "failed").inc()
        self.seconds.labels(job).observe(seconds)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(PREFIX + name, what, labels, registry=self.registry)

    def _histogram(
        self,
        name: str,
        what: str,
        labels: Sequence[str],
        buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
    ) -> Histogram:
        return Histogram(PREFIX + name, what, labels, registry=self.registry, buckets=buckets)


def _begin(figure: Counter | Gauge | Histogram, *labels: tuple[str, ...]) -> None:
    """Let a figure stand at 0 from the start: a rate over what is not there yet is nothing."""
    for one in labels:
        figure.labels(*one)
