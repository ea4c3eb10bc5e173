"""What live media cost: this service, aiortc's MediaRelay and Janus under the same sessions.

A session is a learner who sends 640x480 at 15 frames a second (VP8, about 500 kbit/s) and voice,
and an invigilator who sends voice and a small picture. What is sent was encoded beforehand, and is
replayed over ICE, DTLS and SRTP by one process that plays all participants and is the same for
all; the servers run one after the other, each new for each run, in an order that turns from run to
run. Only the server's processor time counts. A ratio is that of one run, to the service without
recording in the same run. Where it is recorded, it is the learner: by us into encrypted WebM, by
Janus into its own files, which are not encrypted.

`python -m tests.bench media [--sessions 4,8] [--runs 3] [--seconds 10] [--quick]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median

from tests.bench import Measure
from tests.bench.live.chromium import first_frame, memory
from tests.bench.live.film import Film
from tests.bench.live.janus import installed, janus
from tests.bench.live.process import Process, python, started

SETTLE_S = 0.5
LIMIT_S = 330.0
"""For all runs under load; what else is measured takes half a minute."""
RELAY_SESSIONS = 2
"""MediaRelay needs a third of a core for each: with more, two cores would be what is measured."""
NAMES = {
    "ours": "this service",
    "recording": "this service, recording",
    "relay": "aiortc MediaRelay",
    "janus": "Janus VideoRoom",
    "janus-recording": "Janus VideoRoom, recording",
}
PLAYED_AS = {"recording": "ours"}
"""Recording or not is the server's own affair; of Janus, a client asks for it."""
TAPE_BYTES = 64 * 1024
"""A file of Janus's that holds a picture, not just the beginning of a file."""
Figures = dict[str, list[float]]
Tapes = Callable[[], Awaitable[dict[str, int]]]
"""Says how many learners are on tape, and how much of them is not."""
UNITS = {
    "processor": "% of core a session",
    "ratio": "x",
    "a packet": "us",
    "on a core": "sessions",
    "delivered": "% of frames",
    "packets": "a s, in + out",
    "memory": "MB a session",
    "load": "% of core",
}


def run(arguments: list[str]) -> list[Measure]:
    """Measure all under the same sessions, then what a browser and the memory say."""
    options = _options(arguments)
    systems = ["ours", "recording", "relay"]
    if installed():
        systems += ["janus", "janus-recording"]
    else:
        sys.stderr.write("Janus is left out: install the package janus to have it measured.\n")
    return asyncio.run(_measure(systems, options))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench media")
    parser.add_argument("--sessions", default="4,8", help="how many at a time: 4,8")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="measured in each run")
    parser.add_argument("--quick", action="store_true", help="one run of 5 s of the first size")
    parser.add_argument("--only", default="", help="load or browser")
    options = parser.parse_args(arguments)
    options.sizes = [int(size) for size in options.sessions.split(",")]
    if options.quick:
        options.sizes, options.runs, options.seconds = options.sizes[:1], 1, 5
    return options


async def _measure(systems: list[str], options: argparse.Namespace) -> list[Measure]:
    measures: list[Measure] = []
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film"
        Film.make().write(film)
        if options.only != "browser":
            measures += await _under_load(systems, film, options)
        if options.only != "load":
            measures += await _browser(film, quick=options.quick)
    return measures


async def _under_load(systems: list[str], film: Path, options: argparse.Namespace) -> list[Measure]:
    figures: dict[tuple[str, int], Figures] = defaultdict(lambda: defaultdict(list))
    began = time.monotonic()
    for count in range(options.runs):
        if count and (time.monotonic() - began) * (count + 1) / count > LIMIT_S:
            break  # a loaded machine takes long to start each: fewer runs, said in the table
        for size in options.sizes:
            here = [s for s in systems if s != "relay" or size == options.sizes[0]]
            turn = count % len(here)
            taken = {}
            for system in here[turn:] + here[:turn]:
                sessions = min(size, RELAY_SESSIONS) if system == "relay" else size
                taken[system, sessions] = await _try(system, sessions, film, options.seconds)
            ours = taken["ours", size]["processor"]
            for key, found in taken.items():
                found["ratio"] = found["processor"] / ours
                for name, value in found.items():
                    figures[key][name].append(value)
    order = sorted(figures, key=lambda key: (key[1], [*NAMES].index(key[0])))
    return [
        Measure(
            f"{NAMES[system]}, {sessions} sessions: {name}",
            median(figures[system, sessions][name]),
            unit,
            len(figures[system, sessions][name]),
        )
        for system, sessions in order
        for name, unit in UNITS.items()
    ]


async def _try(system: str, sessions: int, film: Path, seconds: float) -> dict[str, float]:
    """Measure one run; once more when it fails, as it may where others load the machine."""
    try:
        return await _once(system, sessions, film, seconds)
    except (RuntimeError, TimeoutError) as error:
        sys.stderr.write(f"{NAMES[system]}, {sessions} sessions, once more: {error}\n")
        return await _once(system, sessions, film, seconds)


async def _once(system: str, sessions: int, film: Path, seconds: float) -> dict[str, float]:
    """Carry so many sessions for so long by one new server."""
    player = PLAYED_AS.get(system, system)
    async with _server(system) as (server, url, tapes):
        empty = server.memory()
        arguments = (player, url, str(sessions), str(film))
        async with started(*python("tests.bench.live.load", *arguments)) as load:
            await load.heard()
            await asyncio.sleep(SETTLE_S)
            before, began = await load.ask(), time.monotonic()
            used, played = server.cpu(), load.cpu()
            await asyncio.sleep(seconds)
            gone = time.monotonic() - began
            used, played = server.cpu() - used, load.cpu() - played
            after = await load.ask()
            if system.endswith("recording"):
                _all_on_tape(await tapes(), sessions)
            counted = {name: after[name] - before[name] for name in after}
            share = 100 * used / gone / sessions
            return {
                "processor": share,
                "a packet": 1e6 * used / max(1, counted["received"]),
                "on a core": 100 / max(share, 0.01),
                "delivered": 100 * counted["received_ends"] / counted["sent_ends"],
                "packets": (counted["sent"] + counted["received"]) / gone,
                "memory": (server.memory() - empty) / sessions,
                "load": 100 * played / gone,
            }


def _all_on_tape(tapes: dict[str, int], sessions: int) -> None:
    if tapes != {"written": sessions, "dropped": 0}:
        raise RuntimeError(f"not everything was recorded: {tapes} of {sessions}")


def _on_tape(folder: Path) -> int:
    return sum(path.stat().st_size > TAPE_BYTES for path in folder.glob("*video*.mjr"))


@contextlib.asynccontextmanager
async def _server(system: str) -> AsyncIterator[tuple[Process, str, Tapes]]:
    if system.startswith("janus"):
        with tempfile.TemporaryDirectory() as folder:

            async def tapes() -> dict[str, int]:
                return {"written": _on_tape(Path(folder)), "dropped": 0}

            async with janus(Path(folder)) as found:
                yield *found, tapes
        return
    async with started(*python("tests.bench.live.server", system)) as server:
        yield server, (await server.heard())["url"], server.ask


async def _browser(film: Path, *, quick: bool) -> list[Measure]:
    joins, sessions = (3, 10) if quick else (7, 50)
    answered, frame = await first_frame(joins)
    early, late = await memory(film, sessions)
    return [
        Measure("from join to the answer, Chromium", answered, "ms", joins),
        Measure("from join to the first frame, Chromium", frame, "ms", joins),
        Measure(f"memory after {sessions // 10} sessions made and ended", early, "MB", 1),
        Measure(f"memory after {sessions} sessions made and ended", late, "MB", 1),
    ]
