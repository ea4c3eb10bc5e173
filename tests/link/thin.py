"""A thin link in arithmetic: what a step of the ladder does to its queue, second by second."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

from tests.capture.node import Made, Node

QUEUE_S = 2.0
"""So long is the queue of the link; what comes on top is lost."""
SEEN_AFTER_S = 1
"""A delay is known a second later."""


@dataclass(slots=True)
class Thin:
    """A link of so many kilobits a second each way; `lost` in thousandths, whatever is sent."""

    kbit: float
    lost: int = 0
    queue_s: float = 0.0
    noise: random.Random = field(default_factory=lambda: random.Random(7))

    def carry(self, kbit: float) -> dict[str, Any]:
        """Carry what is sent in one second; tell what is seen of it."""
        kbit *= self.noise.uniform(0.85, 1.05)
        self.queue_s += kbit / self.kbit - 1
        over = max(0.0, self.queue_s - QUEUE_S) * self.kbit
        self.queue_s = min(QUEUE_S, max(0.0, self.queue_s))
        jitter = self.noise.uniform(0, 60)
        lost = min(1000, self.noise.gauss(self.lost, self.lost / 3) + 1000 * over / kbit)
        return {
            "queue_ms": 1000 * self.queue_s + jitter,
            "lost_permille": max(0.0, lost),
            "heard": True,
        }


class Sail:
    """A learner's page on a link, from the start on."""

    def __init__(self, node: Node, start: int) -> None:
        self.steps: list[dict[str, Any]] = steps_of(node)
        self.ladder: Made = node.make("Ladder", start, 0)
        self.seconds = 0
        self.history: list[str] = []
        self.queues_ms: list[float] = []
        self.tries: list[int] = []
        """The seconds in which more than the step that holds was sent for the first time."""
        self._tries = False
        self._seen: list[dict[str, Any]] = []

    @property
    def step(self) -> int:
        return int(self.ladder.call("step"))

    @property
    def rung(self) -> str:
        return str(self.steps[self.step]["rung"])

    @property
    def sends(self) -> float:
        """What goes out now: on its way to the next step it is more, little by little."""
        feel = float(self.ladder.call("feel"))
        now, above = self.steps[self.step], self.steps[max(0, self.step - 1)]
        return float(now["up"] + feel * (above["up"] - now["up"]))

    def sail(self, link: Thin, seconds: int) -> list[str]:
        """Go on for so long; give the rung of each second."""
        begun = len(self.history)
        for _ in range(seconds):
            self.seconds += 1
            sends, tries = self.sends, self.sends > self.steps[self.step]["up"]
            if tries and not self._tries:
                self.tries.append(self.seconds)
            self._tries = tries
            self._seen.append(link.carry(sends))
            self.queues_ms.append(1000 * link.queue_s)
            if len(self._seen) > SEEN_AFTER_S:
                self.ladder.call("sample", self._seen.pop(0), 1000 * self.seconds)
            self.history.append(self.rung)
        return self.history[begun:]

    def silence(self, seconds: int) -> None:
        """Nothing comes at all."""
        nothing = {"queue_ms": None, "lost_permille": None, "heard": False}
        self._seen.clear()
        for _ in range(seconds):
            self.seconds += 1
            assert self.ladder.call("sample", nothing, 1000 * self.seconds) is False


def steps_of(node: Node) -> list[dict[str, Any]]:
    """Give the table."""
    steps: list[dict[str, Any]] = node.value("STEPS")
    return steps


def changes(history: list[str]) -> int:
    """Count how often the rung became another."""
    return sum(one != other for one, other in itertools.pairwise(history))
