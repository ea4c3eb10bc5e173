"""Faults of the service's own process: killed, and told to end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from datetime import datetime

from tests.bench.faultsbench.figures import Row
from tests.bench.faultsbench.stage import Pair, Stage
from tests.harness.waiting import until
from tests.journeys.world import World, run
from web.house import open_house
from web.settings import Settings

QUIET_S = 2.5
"""Between being back and the next kill, at least: so much is recorded again by then."""
OFTEN_S = 0.4
"""Each new process counts anew how much somebody writes."""
SOON = 3.0
"""A kill comes within so many seconds more."""
BACK_LIMIT_S = 5.0
MENDED_S = 90.0
"""What a killed process has left is looked for once a minute."""
CHUNK_S = 3.0
"""A chunk is 2 s of sound and picture; it takes a moment to be cut and written."""


async def kill(stage: Stage, row: Row, times: int) -> None:
    """Kill the service again and again, at a random moment, while both write."""
    pair, chance = stage.two, random.Random(times)
    ready: list[float] = []
    dead: list[float] = []
    lost = broken = 0
    moments: list[datetime] = []
    cut: set[object] = set()
    for number in range(times):
        wait = QUIET_S + chance.random() * SOON
        async with pair.writing(f"Kill {number}", OFTEN_S):
            await asyncio.sleep(wait)
            before, acked = stage.events(), set(pair.acked)
            stage.world.service.kill()
            moments.append(stage.world.time.now())
            fell = time.monotonic()
        kept = stage.events()
        cut |= _open_parts(stage.world)
        lost += len(acked - set(stage.lines()))
        broken += kept[: len(before)] != before
        await stage.world.service.start()
        up, up_ms = time.monotonic(), time.time() * 1000
        ready.append(await pair.back(up_ms, up))
        dead.append(up - fell)
        await pair.confirmed()
    row.done = f"kill -9 at {times} random instants of one session, while both write"
    row.add("confirmed lines lost", lost, "", 0)
    row.add("records that lost an entry", broken, "", 0)
    row.add("lines that came twice or never", amiss(stage, pair), "", 0)
    row.add_worst("both see and hear again after", ready, "s", BACK_LIMIT_S)
    row.add("until the process is up, median", sorted(dead)[times // 2], "s")
    missing = await until(
        lambda: _unrecorded(stage.world, moments, cut), MENDED_S, "mended recordings"
    )
    row.add_worst("recording lost", missing, "s", CHUNK_S)


async def drain(stage: Stage, row: Row, times: int) -> None:
    """Tell the service to end, start it again, as a deploy does, while both write."""
    pair = stage.two
    ends: list[float] = []
    back: list[float] = []
    told = lost = unfinished = 0
    for number in range(times):
        process = stage.world.service.process
        async with pair.writing(f"Deploy {number}", OFTEN_S):
            await asyncio.sleep(QUIET_S)
            acked, began = set(pair.acked), time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            code = await asyncio.to_thread(process.end, signal.SIGTERM)
            ends.append(time.monotonic() - began)
        assert code == 0, f"ended with {code}"
        acked |= {text for text in pair.acked if _before(pair, text, began)}
        lost += len(acked - set(stage.lines()))
        told += sum(
            any(word == "draining" for at, word in one.told if at >= began) for one in pair.wires
        )
        unfinished += len(_open_parts(stage.world))
        await stage.world.service.start()
        back.append(await pair.back(time.time() * 1000, began))
        await pair.confirmed()
    row.done = f"SIGTERM and a new start, {times} times, while both write"
    row.add("people who were not told", 2 * times - told, "", 0)
    row.add("confirmed lines lost", lost, "", 0)
    row.add("lines that came twice or never", amiss(stage, pair), "", 0)
    row.add("recordings left unfinished", unfinished, "", 0)
    row.add_worst("the old process ended after", ends, "s", 10.0)
    row.add_worst("both see and hear again, from the signal on, after", back, "s", 15.0)


def _before(pair: Pair, text: str, moment: float) -> bool:
    return any(one.acked.get(text, float("inf")) <= moment for one in pair.wires)


def amiss(stage: Stage, pair: Pair) -> int:
    """Count the lines that do not stand in the database exactly once."""
    there = stage.lines()
    return sum(there.count(text) != 1 for text in pair.written)


def _open_parts(world: World) -> set[object]:
    found = world.rows("SELECT id FROM evidence WHERE sha256 IS NULL AND erased IS NULL")
    return {ident for (ident,) in found}


def _unrecorded(world: World, moments: Sequence[datetime], cut: set[object]) -> list[float] | None:
    """Return how much before each kill the camera's recording ends; None until all is mended."""
    if _open_parts(world) & cut:
        return None
    ends = _ends(world)
    return [
        min(max(0.0, moment.timestamp() - end) for end in ends if end < moment.timestamp() + 1)
        for moment in moments
    ]


def _ends(world: World) -> list[float]:
    """Return when each finished part of the camera's recording ends, in seconds of the epoch."""
    result = run(world.service, "tests.bench.faultsbench.process")
    assert result.returncode == 0, result.stderr
    return [float(line) for line in result.stdout.split()]


def main() -> None:
    """Print the end of each finished recording of a camera, in the environment of a service."""
    asyncio.run(_print_ends())


async def _print_ends() -> None:
    from recordings.webm import HEAD_BYTES, glance  # noqa: PLC0415

    house = open_house(Settings())
    store = house.desk.office.store
    async with store.read() as tx:
        parts = [one for one in await tx.evidence.present() if one.kind == "recording"]
    for part in parts:
        with house.vault.open(part.session, part.id) as reader:
            length = glance(reader.read(0, min(HEAD_BYTES, reader.size))).length
        if length is not None:
            print(part.started.timestamp() + length / 1000)
    await store.close()


if __name__ == "__main__":
    main()
