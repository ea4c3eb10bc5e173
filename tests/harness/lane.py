"""One direction of a link: what happens to a packet between two ends, as plain values.

A tail-drop queue, then the transmitter's rate, then loss in bursts, then delay with jitter, in
order. Nothing here knows of sockets or clocks: every method is told the time, in seconds of any
clock that only goes forward. `tests.harness.emulator` runs two of these between real devices.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Self

UNLIMITED_QUEUE = 10_000_000
"""Bytes that wait at most where nothing limits the rate."""
SECONDS_KEPT = 3_600
"""So many seconds of a lane's history are kept."""
UDP, TCP = 17, 6
"""Protocol numbers in an IPv4 header."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a link is like in one direction."""

    rate: int = 0
    """Bits a second; 0 is without limit."""
    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Up to so much is added to the delay, evenly spread; packets stay in order."""
    loss: float = 0.0
    """The share of packets that is lost, below 1."""
    burst: float = 1.0
    """How many packets are lost in a row, on average."""
    queue_bytes: int = UNLIMITED_QUEUE
    """What does not fit into the queue before the transmitter is dropped."""


class Loss:
    """Loss in bursts: E. N. Gilbert's model of 1960 with a bad state that loses everything.

    From bad to good a packet goes with probability `1 / burst`, from good to bad so that the share
    of packets in the bad state is `loss`. A burst of 1 or less is loss without memory.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._bad = False

    def takes(self, loss: float, burst: float) -> bool:
        """Tell whether the next packet is lost."""
        if loss <= 0:
            self._bad = False
            return False
        if burst <= 1:
            return self._chance.random() < loss
        recover = 1 / burst
        fail = loss * recover / (1 - loss)
        self._bad = self._chance.random() >= recover if self._bad else self._chance.random() < fail
        return self._bad


@dataclass(slots=True)
class Counts:
    """What went through a lane since it was last emptied. Bytes are those of IP packets."""

    packets: int = 0
    bytes: int = 0
    udp_bytes: int = 0
    tcp_bytes: int = 0
    dropped_queue: int = 0
    dropped_loss: int = 0
    dropped_outage: int = 0
    queue_s: float = 0.0
    """The sum of what packets waited for the transmitter."""
    queue_max_s: float = 0.0
    seconds: deque[tuple[int, int, float]] = field(
        default_factory=lambda: deque(maxlen=SECONDS_KEPT)
    )
    """For each second with packets: its number, its bytes, the longest wait in it."""

    def sent(self, packet: bytes, waited: float, now: float) -> None:
        """Count a packet that the transmitter has taken."""
        size = len(packet)
        self.packets += 1
        self.bytes += size
        if packet and packet[0] >> 4 == 4 and size > 9:
            self.udp_bytes += size if packet[9] == UDP else 0
            self.tcp_bytes += size if packet[9] == TCP else 0
        self.queue_s += waited
        self.queue_max_s = max(self.queue_max_s, waited)
        if self.seconds and self.seconds[-1][0] == int(now):
            second, already, longest = self.seconds[-1]
            self.seconds[-1] = (second, already + size, max(longest, waited))
        else:
            self.seconds.append((int(now), size, waited))

    def told(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {**asdict(self), "seconds": list(self.seconds)}

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """Make it again from what `told` gave."""
        seconds = deque((int(at), int(size), float(wait)) for at, size, wait in told["seconds"])
        return cls(**{**told, "seconds": seconds})


class Lane:
    """One direction of a link. `push` what comes, `advance` to take what has arrived."""

    def __init__(self, conditions: Conditions, chance: random.Random) -> None:
        self.conditions = conditions
        self.outage = False
        self.counts = Counts()
        self._chance = chance
        self._loss = Loss(chance)
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued = 0
        self._sending: tuple[float, bytes] | None = None
        self._free_at = 0.0
        self._air: deque[tuple[float, bytes]] = deque()

    def push(self, packet: bytes, now: float) -> None:
        """Take a packet that comes to this end now."""
        if self.outage:
            self.counts.dropped_outage += 1
        elif self._queued + len(packet) > self.conditions.queue_bytes:
            self.counts.dropped_queue += 1
        else:
            self._queue.append((now, packet))
            self._queued += len(packet)
            self._transmit(now)

    def advance(self, now: float) -> list[bytes]:
        """Let time pass until `now`; return what comes out at the other end, in order."""
        if self.outage:
            self._lose_all()
        self._transmit(now)
        arrived = []
        while self._air and self._air[0][0] <= now:
            arrived.append(self._air.popleft()[1])
        return arrived

    @property
    def next_at(self) -> float | None:
        """When something happens next by itself; None when nothing is under way."""
        times = [self._sending[0]] if self._sending else []
        if self._air:
            times.append(self._air[0][0])
        return min(times, default=None)

    def _transmit(self, now: float) -> None:
        while True:
            if self._sending is not None:
                done, packet = self._sending
                if done > now:
                    return
                self._sending, self._free_at = None, done
                self._fly(packet, done)
            if not self._queue:
                return
            came, packet = self._queue.popleft()
            self._queued -= len(packet)
            begins = max(came, self._free_at)
            rate = self.conditions.rate
            self._sending = (begins + (len(packet) * 8 / rate if rate else 0.0), packet)
            self.counts.sent(packet, begins - came, begins)

    def _fly(self, packet: bytes, left: float) -> None:
        if self._loss.takes(self.conditions.loss, self.conditions.burst):
            self.counts.dropped_loss += 1
            return
        jitter = self.conditions.jitter_s
        lands = left + self.conditions.delay_s + (self._chance.random() * jitter if jitter else 0)
        last = self._air[-1][0] if self._air else 0.0
        self._air.append((max(lands, last), packet))

    def _lose_all(self) -> None:
        lost = len(self._queue) + len(self._air) + (self._sending is not None)
        self.counts.dropped_outage += lost
        self._queue.clear()
        self._air.clear()
        self._sending, self._queued = None, 0
