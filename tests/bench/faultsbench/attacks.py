"""Many at once: learners who want the same seats."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from invigilation.desk import Desk
from invigilation.errors import SlotTaken
from tests.bench.faultsbench.figures import Row
from tests.harness.servers import postgres_server
from tests.races import START, office_with

LEARNERS, SEATS = 200, 20
STARTS = [START + timedelta(days=7 * week) for week in range(LEARNERS // SEATS)]
"""Wednesdays: after the last of them everybody has a seat."""


async def bookings(_: object, row: Row, offices: int) -> None:
    """Let learners race for one start after the other, until all are seated."""
    doubled = wrong = attempts = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        for number in range(offices):
            file = Path(folder) / f"{number}.db"
            url = server.url(server.create()) if number % 2 else f"sqlite+aiosqlite:///{file}"
            async with office_with(url, SEATS, LEARNERS) as (desk, requests):
                left = requests
                for start in STARTS:
                    attempts += len(left)
                    before, left = left, await _race(desk, left, start)
                    wrong += abs(len(before) - len(left) - SEATS)
                async with desk.office.store.read() as tx:
                    held = await tx.rota.holds(START, STARTS[-1] + timedelta(days=1))
            doubled += len(held) - len({(one.seat, one.start) for one in held})
    row.done = f"{attempts:,} attempts, up to {LEARNERS} at once, for {SEATS} seats each time"
    row.add("seats given twice", doubled, "", 0)
    row.add("seats left empty or sold too often", wrong, "", 0)
    row.add("all of it took", time.monotonic() - began, "s")


async def _race(desk: Desk, requests: list[str], start: datetime) -> list[str]:
    """Let all of these book at once; return those who got nothing."""
    outcomes = await asyncio.gather(
        *(desk.bookings.book(one, start, "UTC") for one in requests), return_exceptions=True
    )
    for one in outcomes:
        if isinstance(one, BaseException) and not isinstance(one, SlotTaken):
            raise one
    return [
        request
        for request, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, BaseException)
    ]
