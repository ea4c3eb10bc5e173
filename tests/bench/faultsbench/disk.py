"""A disk that fills up: first to where recordings stop, then to its last byte."""

from __future__ import annotations

import asyncio
import time

from playwright.async_api import expect

from tests.bench.faultsbench.figures import Row
from tests.bench.faultsbench.process import amiss
from tests.bench.faultsbench.stage import Stage
from tests.harness.disk import fill
from tests.harness.waiting import until
from tests.journeys.people import SOON_MS
from tests.journeys.world import SOON_S

DISK_MB = 112
RESERVE_MB = 32
SETTINGS = {"INVIGILATION_EVIDENCE_RESERVE_MB": str(RESERVE_MB)}
MIB = 1024 * 1024
WRITE_S = 8.0


async def full(stage: Stage, row: Row) -> None:
    """Fill the service's disk in the middle of a session, and make room again."""
    pair, var = stage.two, stage.world.service.var
    reserve, ballast = var / "reserve", var / "ballast"
    await until(reserve.exists, SOON_S, "the reserve")
    await until(lambda: pair.wires[1].state.get("recording"), SOON_S, "a recording")
    drops = pair.drops
    began = time.monotonic()
    fill(ballast, free=RESERVE_MB * MIB - 4 * MIB)
    told = pair.console.page.locator(".trouble", has_text="not recorded")
    await expect(told).to_be_visible(timeout=SOON_MS)
    row.add("the invigilator is told after", time.monotonic() - began, "s", 10.0)
    async with pair.writing("While recordings stand still"):
        await asyncio.sleep(WRITE_S)
    await pair.confirmed()
    fill(ballast, free=0)
    began = time.monotonic()
    await until(lambda: not reserve.exists(), SOON_S, "the reserve given up")
    row.add("the reserve is given up after", time.monotonic() - began, "s", 10.0)
    async with pair.writing("With the disk full to its last byte") as lines:
        await asyncio.sleep(WRITE_S)
    await pair.confirmed()
    row.add("lines written meanwhile", len(lines))
    row.add("lines refused, twice or never", amiss(stage, pair), "", 0)
    row.add("live connections that ended", pair.drops - drops, "", 0)
    noted = stage.world.rows("SELECT 1 FROM event WHERE kind = 'recording_stopped'")
    row.add("stops that the record does not tell", float(not noted), "", 0)
    ballast.unlink()
    began = time.monotonic()
    await until(lambda: pair.wires[1].state.get("recording"), SOON_S, "a recording again")
    row.add("recorded again, once there is room, after", time.monotonic() - began, "s", 15.0)
    row.done = f"a disk of {DISK_MB} MB is filled under a session, at last to its last byte"
