"""A link between two network devices, in a process of its own: packets in, packets out, in time.

It opens two TUN devices (no kernel of ours needs `sch_netem`), says on its output how they are
called, and then does what its input says, a line of JSON each, with a line of JSON as the answer:

- `{"do": "set", "up": {...}, "down": {...}}`: the `Conditions` of either direction; up is from the
  ship to the shore
- `{"do": "replay", "steps": [...]}`: go through a trace again and again; `set` ends that
- `{"do": "outage", "on": true}`: nothing passes, and what is under way is lost
- `{"do": "nat", "own": "10.77.9.2", "seen": "10.77.9.3"}`: the shore sees the ship at another
  address; what is sent to the address before is lost
- `{"do": "gate", "udp": false, "tcp_ports": [443]}`: what else there is passes no more; `null`
  for the ports is all of them
- `{"do": "stats"}`, `{"do": "empty"}`: the counts of both directions; forget them

It ends with its input. `python -m tests.harness.emulator SEED`, as root.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import select
import struct
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.harness.lane import Conditions, Lane
from tests.harness.packets import DESTINATION, SOURCE, Gate, address_of, readdressed
from tests.harness.profiles import Trace, steps_told

NETS = range(1, 255)
BATCH = 64
"""Packets that are read from one device before the other gets its turn."""
PACKET = 65_535
IDLE_S = 1.0
URGENT = -15
"""Of all processes of a test this one must not be late: its delays are what is measured."""
_SET_INTERFACE = 0x400454CA  # TUNSETIFF
_TUN_WITHOUT_HEADER = 0x1001  # IFF_TUN | IFF_NO_PI


def open_device(name: str) -> int:
    """Make a TUN device that lives as long as the descriptor; `OSError` when it is there."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        wanted = struct.pack("16sH22s", name.encode(), _TUN_WITHOUT_HEADER, b"")
        fcntl.ioctl(device, _SET_INTERFACE, wanted)
    except OSError:
        os.close(device)
        raise
    return device


@dataclass(slots=True)
class Nat:
    """The address that the shore sees, in place of the ship's own."""

    own: str = ""
    seen: str = ""

    def leaving(self, packet: bytes) -> bytes:
        """Return a packet of the ship's as the shore sees it."""
        return readdressed(packet, SOURCE, self.seen) if self.seen else packet

    def coming(self, packet: bytes) -> bytes | None:
        """Return a packet for the ship; None when it is for an address that is no longer its."""
        if not self.seen:
            return packet
        if address_of(packet, DESTINATION) != self.seen:
            return None
        return readdressed(packet, DESTINATION, self.own)


class Emulator:
    """Two lanes, what changes them, and what they are asked."""

    def __init__(self, seed: int) -> None:
        self.up = Lane(Conditions(), random.Random(seed))
        self.down = Lane(Conditions(), random.Random(seed + 1))
        self.nat = Nat()
        self.gate = Gate()
        self._outage = False
        self._trace: Trace | None = None
        self._began = 0.0
        self._next_step = 0.0

    def told(self, message: dict[str, Any], now: float) -> dict[str, Any]:
        """Do what a line of the input says; return the answer."""
        match message["do"]:
            case "set":
                self._set(message)
            case "replay":
                self._trace, self._began = steps_told(message["steps"]), now
                self._replay(now)
            case "outage":
                self._outage = bool(message["on"])
                self._cut(on=self._outage)
            case "nat":
                self.nat = Nat(message["own"], message["seen"])
            case "gate":
                ports = message["tcp_ports"]
                self.gate = Gate(message["udp"], None if ports is None else frozenset(ports))
            case "empty":
                for lane in (self.up, self.down):
                    lane.counts = type(lane.counts)()
            case "stats":
                return {
                    "now": now,
                    "up": self.up.counts.told(),
                    "down": self.down.counts.told(),
                }
            case other:
                return {"wrong": f"what is {other}?"}
        return {"now": now}

    def from_ship(self, packet: bytes, now: float) -> None:
        """Take a packet of the ship's."""
        if self.gate.passes(packet):
            self.up.push(self.nat.leaving(packet), now)

    def at_ship(self, now: float) -> list[bytes]:
        """Return what reaches the ship now."""
        coming = [self.nat.coming(packet) for packet in self.down.advance(now)]
        return [packet for packet in coming if packet is not None and self.gate.passes(packet)]

    def pending(self, now: float) -> float:
        """Return the seconds until something must be done."""
        times = [at for lane in (self.up, self.down) if (at := lane.next_at) is not None]
        if self._trace is not None:
            times.append(self._next_step)
        return max(0.0, min([*times, now + IDLE_S]) - now)

    def pass_time(self, now: float) -> None:
        """Go on in the trace, if there is one."""
        if self._trace is not None and now >= self._next_step:
            self._replay(now)

    def _set(self, message: dict[str, Any]) -> None:
        self._trace = None
        for name, lane in (("up", self.up), ("down", self.down)):
            if name in message:
                lane.conditions = Conditions(**message[name])
        self._cut(on=self._outage)

    def _replay(self, now: float) -> None:
        assert self._trace is not None
        step, left = self._trace.at(now - self._began)
        self.up.conditions, self.down.conditions = step.link.up, step.link.down
        self._next_step = now + left
        self._cut(on=self._outage or step.outage)

    def _cut(self, *, on: bool) -> None:
        self.up.outage = self.down.outage = on


def _read(device: int) -> list[bytes]:
    packets = []
    with contextlib.suppress(BlockingIOError):
        while len(packets) < BATCH:
            packets.append(os.read(device, PACKET))
    return [packet for packet in packets if packet and packet[0] >> 4 == 4]


def _write(device: int, packets: list[bytes]) -> None:
    for packet in packets:
        # A device that is down or full loses it, as it would without us.
        with contextlib.suppress(OSError):
            os.write(device, packet)


def _lines(rest: bytes) -> tuple[list[dict[str, Any]], bytes, bool]:
    """Read what the input has; return its messages, the unfinished line, and whether it ended."""
    read = os.read(0, PACKET)
    *lines, rest = (rest + read).split(b"\n")
    return [json.loads(line) for line in lines], rest, not read


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve(emulator: Emulator, ship: int, shore: int) -> None:
    """Carry packets between the two devices until the input ends."""
    waiting = select.epoll()
    for one in (ship, shore, 0):
        waiting.register(one, select.EPOLLIN)
    rest = b""
    while True:
        ready = {one for one, _ in waiting.poll(emulator.pending(time.monotonic()))}
        now = time.monotonic()
        emulator.pass_time(now)
        if ship in ready:
            for packet in _read(ship):
                emulator.from_ship(packet, now)
        if shore in ready:
            for packet in _read(shore):
                emulator.down.push(packet, now)
        _write(shore, emulator.up.advance(now))
        _write(ship, emulator.at_ship(now))
        if 0 in ready:
            messages, rest, ended = _lines(rest)
            for message in messages:
                _say(emulator.told(message, now))
            if ended:
                return


def _pair() -> tuple[int, int, int]:
    """Make the two devices for a net that nobody has; return its number and theirs."""
    numbers = list(NETS)
    random.shuffle(numbers)
    for number in numbers:
        try:
            shore = open_device(f"shore{number}")
        except OSError:
            continue
        return number, open_device(f"ship{number}"), shore
    raise SystemExit("every net is taken")


if __name__ == "__main__":
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, URGENT)
    net, of_ship, of_shore = _pair()
    _say({"net": net, "ship": f"ship{net}", "shore": f"shore{net}"})
    serve(Emulator(int(sys.argv[1])), of_ship, of_shore)
