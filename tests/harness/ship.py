"""A ship: a network namespace whose only way to the world is a link that tests make bad.

    async with ship("d") as vessel:
        vessel.service_address           # where the shore is, as the ship sees it
        vessel.chromium                  # a browser on board: an executable for Playwright
        await vessel.outage(on=True)

Needs root, `/dev/net/tun` and iproute2; see `possible`. Many ships may be there at once.
The link is `tests.harness.emulator`, which ends with the test's process, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.browser import chromium
from tests.harness.lane import Counts
from tests.harness.process import owned
from tests.harness.profiles import PROFILES, Link, Trace
from tests.harness.service import ROOT

ANSWER_S = 10.0
"""How long the emulator may take to answer, on a machine that does much else."""
MTU = 1500
LINE_BYTES = 4_000_000
"""The longest answer: an hour of seconds, both ways."""
_NAME = re.compile(r"vessel-([0-9]+)-[0-9]+")
_numbers = itertools.count(1)


def possible() -> str:
    """Return why no ship can be made here, in words; empty when one can."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    if not Path("/dev/net/tun").exists():
        return "this kernel has no TUN devices"
    missing = [name for name in ("ip", "nsenter") if not shutil.which(name)]
    return f"{' and '.join(missing)} missing" if missing else ""


@dataclass(frozen=True, slots=True)
class Stats:
    """What went over the link; `up` is from the ship to the shore."""

    up: Counts
    down: Counts

    @property
    def bytes(self) -> int:
        """All bytes, both ways."""
        return self.up.bytes + self.down.bytes


class Ship:
    """A ship at sea. What it does to its link holds from the next packet on."""

    def __init__(self, name: str, net: int, folder: Path, link: asyncio.subprocess.Process) -> None:
        self.name = name
        self.service_address = f"10.77.{net}.1"
        self.address = f"10.77.{net}.2"
        self.inside = (shutil.which("nsenter") or "nsenter", f"--net=/run/netns/{name}")
        """The words before a command that is to run on board."""
        self.chromium = folder / "chromium"
        """A browser on board."""
        self._net = net
        self._seen = 2
        self._link = link
        self._asking = asyncio.Lock()

    async def profile(self, name: str) -> None:
        """Let the link be one of `PROFILES`."""
        await self.set(PROFILES[name])

    async def set(self, link: Link) -> None:
        """Let the link be this."""
        await self._ask(do="set", **link.told())

    async def replay(self, trace: Trace) -> None:
        """Let the link go through a trace, again and again, until it is set anew."""
        await self._ask(do="replay", steps=trace.told())

    async def outage(self, on: bool) -> None:  # noqa: FBT001 - outage(True) reads well
        """Lose the link, with all that is under way, or have it back."""
        await self._ask(do="outage", on=on)

    async def nat(self) -> str:
        """Give the ship another public address, as after a change of satellite; return it."""
        self._seen = self._seen + 1 if self._seen < 250 else 3
        seen = f"10.77.{self._net}.{self._seen}"
        await self._ask(do="nat", own=self.address, seen=seen)
        return seen

    async def block_udp(self) -> None:
        """Let no UDP out or in, as many a ship's gateway does; all but DNS is dropped silently."""
        await self._ask(do="gate", udp=False, tcp_ports=None)

    async def only_web(self, *ports: int) -> None:
        """Let nothing pass but TCP to and from these ports: the strictest gateway."""
        await self._ask(do="gate", udp=False, tcp_ports=ports)

    async def unblock(self) -> None:
        """Let everything through again."""
        await self._ask(do="gate", udp=True, tcp_ports=None)

    async def stats(self) -> Stats:
        """Return what went over the link since the ship was made or the counts were emptied."""
        told = await self._ask(do="stats")
        return Stats(Counts.read(told["up"]), Counts.read(told["down"]))

    async def empty(self) -> None:
        """Begin to count anew."""
        await self._ask(do="empty")

    async def run(self, *command: str) -> str:
        """Run a command on board to its end; return what it prints."""
        return await _run(*self.inside, *command)

    async def sound(self, port: int, count: int, size: int, every_ms: int) -> list[float | None]:
        """Send datagrams from on board to an `Echo` ashore; return their round trips in ms.

        None stands for one that did not come back.
        """
        module = (sys.executable, "-m", "tests.harness.sounding", self.service_address)
        figures = (str(number) for number in (port, count, size, every_ms))
        told = await self.run("env", "-C", str(ROOT), *module, *figures)
        back: list[float | None] = json.loads(told)
        return back

    async def _ask(self, **message: Any) -> dict[str, Any]:
        assert self._link.stdin
        assert self._link.stdout
        async with self._asking, asyncio.timeout(ANSWER_S):
            self._link.stdin.write(json.dumps(message).encode() + b"\n")
            await self._link.stdin.drain()
            line = await self._link.stdout.readline()
        assert line, "the emulator has ended"
        answer: dict[str, Any] = json.loads(line)
        assert "wrong" not in answer, answer
        return answer


@contextlib.asynccontextmanager
async def ship(profile: str = "lan", *, seed: int = 7) -> AsyncIterator[Ship]:
    """Make a ship with a link of this profile; all of it is gone afterwards.

    The seed decides which packets are lost. Browsers on board must have ended before.
    """
    assert not (reason := possible()), reason
    await _sweep()
    name = f"vessel-{os.getpid()}-{next(_numbers)}"
    with tempfile.TemporaryDirectory(prefix="ship-") as folder:
        link = await asyncio.create_subprocess_exec(
            *owned(),
            sys.executable,
            *("-m", "tests.harness.emulator", str(seed)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        local = ""
        try:
            await _run("ip", "netns", "add", name)
            assert link.stdout
            async with asyncio.timeout(ANSWER_S):
                devices = json.loads(await link.stdout.readline())
            vessel = Ship(name, devices["net"], Path(folder), link)
            await _connect(vessel, devices["ship"], devices["shore"])
            local = vessel.service_address
            _write_wrapper(vessel)
            await vessel.profile(profile)
            yield vessel
        finally:
            await _end(link)
            if local:
                await _run("ip", "route", "del", "local", local, "dev", "lo")
            await _run("ip", "netns", "del", name)


async def _connect(vessel: Ship, on_board: str, ashore: str) -> None:
    name, first, second = vessel.name, vessel.service_address, vessel.address
    # No address is added to this machine, only routes: each Chromium that runs here, in whatever
    # test, drops its connections when an interface gets an address (ERR_NETWORK_CHANGED).
    await _run("ip", "link", "set", ashore, "addrgenmode", "none")
    await _run("ip", "link", "set", ashore, "mtu", str(MTU), "txqueuelen", "1000", "up")
    await _run("ip", "route", "replace", "local", first, "dev", "lo")
    await _run("ip", "route", "add", f"{first.rpartition('.')[0]}.0/24", "dev", ashore)
    await _run("ip", "link", "set", on_board, "netns", name, "name", "link0")
    own = ("ip", "-n", name)
    await _run(*own, "link", "set", "lo", "up")
    await _run(*own, "addr", "add", f"{second}/24", "dev", "link0")
    await _run(*own, "link", "set", "link0", "mtu", str(MTU), "txqueuelen", "1000", "up")
    await _run(*own, "route", "add", "default", "via", first)


def _write_wrapper(vessel: Ship) -> None:
    words = " ".join((*vessel.inside, chromium()))
    vessel.chromium.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    vessel.chromium.chmod(0o755)


async def _end(link: asyncio.subprocess.Process) -> None:
    """Let the emulator end, and its devices with it."""
    assert link.stdin
    link.stdin.close()
    try:
        async with asyncio.timeout(ANSWER_S):
            await link.wait()
    except TimeoutError:
        link.kill()
        await link.wait()


async def _sweep() -> None:
    """Remove the namespaces of test runs that were killed."""
    for line in (await _run("ip", "netns", "list")).splitlines():
        found = _NAME.match(line)
        if found and not _lives(int(found[1])):
            with contextlib.suppress(AssertionError):  # somebody else was faster
                await _run("ip", "netns", "del", found[0])


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _run(*command: str) -> str:
    running = await asyncio.create_subprocess_exec(
        *command, stdin=-3, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await running.communicate())[0].decode()
    assert running.returncode == 0, f"{' '.join(command)}: {output}"
    return output
