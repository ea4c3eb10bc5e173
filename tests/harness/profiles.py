"""Links at sea: the five profiles that are promised, and traces that change with time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.harness.lane import UNLIMITED_QUEUE, Conditions

TRACES = Path(__file__).parent / "traces"
QUEUE_S = 2.0
"""How long the queue of a satellite modem is: what it takes to send all of it."""
BURST = 2.0
JITTER_S = 0.010


@dataclass(frozen=True, slots=True)
class Link:
    """Both directions: `up` is from the ship to the shore."""

    up: Conditions
    down: Conditions

    def told(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {"up": asdict(self.up), "down": asdict(self.down)}


def satellite(kbit: int, rtt_ms: float, loss: float, down_kbit: int | None = None) -> Link:
    """Return a link of this rate both ways (or another one down), with a modem's long queue."""
    up = Conditions(
        rate=kbit * 1000,
        delay_s=rtt_ms / 2000,
        jitter_s=JITTER_S,
        loss=loss,
        burst=BURST,
        queue_bytes=int(kbit * 1000 * QUEUE_S / 8),
    )
    if down_kbit is None:
        return Link(up, up)
    queue = int(down_kbit * 1000 * QUEUE_S / 8)
    return Link(up, replace(up, rate=down_kbit * 1000, queue_bytes=queue))


_LAN = Conditions(delay_s=0.0005, queue_bytes=UNLIMITED_QUEUE)
PROFILES = {
    "lan": Link(_LAN, _LAN),
    "b": satellite(512, 600, 0.01),
    "c": satellite(256, 650, 0.02),
    "d": satellite(128, 700, 0.02),
    "e": satellite(64, 800, 0.03),
}
"""a is the office's own network, `lan`; the others are ships. The loss is each way."""
PROFILES["a"] = PROFILES["lan"]


@dataclass(frozen=True, slots=True)
class Step:
    """What a link is like for some seconds."""

    seconds: float
    link: Link
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """A link that changes with time; it begins again when it is over."""

    name: str
    about: str
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """How long it takes once."""
        return sum(step.seconds for step in self.steps)

    def at(self, moment: float) -> tuple[Step, float]:
        """Return the step at a moment from the beginning, and the seconds until the next one."""
        left = moment % self.seconds
        for step in self.steps:
            if left < step.seconds:
                return step, step.seconds - left
            left -= step.seconds
        return self.steps[-1], 0.001  # a rounding error past the last

    def told(self) -> list[dict[str, Any]]:
        """Return its steps as the emulator takes them."""
        return [
            {"seconds": step.seconds, "outage": step.outage, **step.link.told()}
            for step in self.steps
        ]


def steps_told(told: list[dict[str, Any]]) -> Trace:
    """Make a trace again from what `told` gave."""
    return Trace(
        "",
        "",
        tuple(
            Step(
                one["seconds"],
                Link(Conditions(**one["up"]), Conditions(**one["down"])),
                one["outage"],
            )
            for one in told
        ),
    )


def read_trace(path: Path) -> Trace:
    """Read a trace: rows of seconds, kbit/s up and down, round trip, loss, packets a burst.

    A row may end with `true` for an outage. Times are in seconds and milliseconds, loss in
    permille; the queue is as long as a profile's.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    return Trace(data["name"], data["about"], tuple(_step(row) for row in data["steps"]))


def traces() -> dict[str, Trace]:
    """Return all that come with the project, by the names of their files."""
    return {path.stem: read_trace(path) for path in sorted(TRACES.glob("*.json"))}


def _step(row: list[Any]) -> Step:
    seconds, up, down, rtt, permille, burst, *outage = row
    link = satellite(up, rtt, permille / 1000, down)
    link = Link(replace(link.up, burst=burst), replace(link.down, burst=burst))
    return Step(seconds, link, bool(outage and outage[0]))
