"""Bookings a second: the race of 200 learners for 20 seats, and 200 a second kept up for a while.

Kept up means: a booking is begun every five milliseconds, whether those before it have ended or
not, as learners do who know nothing of each other. How long each took is counted from when it was
to begin. Any error that a caller sees, or would have to repeat something for, is counted.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import uvloop

from invigilation.desk import Desk
from tests.bench import Measure
from tests.harness.servers import postgres_server
from tests.races import START, office_with, race

RUNS = 3
LEARNERS = 200
SEATS = 20
RATE = 200
SECONDS = 20
STARTS = [START + timedelta(days=7 * week, hours=2 * turn) for week in range(12) for turn in (0, 2)]
"""Wednesdays; 200 seats at each of these are more than enough."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a rate that was to be kept up; `taken` are milliseconds, ascending."""

    rate: float
    taken: list[float]
    errors: int


async def _once(url: str, seats: int) -> float:
    """Return attempts a second; every seat is taken by one learner."""
    async with office_with(url, seats, LEARNERS) as (desk, requests):
        began = perf_counter()
        won = await race(desk, requests)
        taken = perf_counter() - began
    if len(won) != seats:
        raise AssertionError(f"{len(won)} winners for {seats} seats")
    return LEARNERS / taken


async def _keep_up(url: str, rate: int, seconds: int) -> Kept:
    """Begin so many bookings a second for so long."""
    async with office_with(url, SEATS * 10, rate * seconds) as (desk, requests):
        taken: list[float] = []
        errors: list[BaseException] = []

        async def one(request: str, start: datetime, due: float) -> None:
            try:
                await desk.bookings.book(request, start, "UTC")
            except Exception as error:  # noqa: BLE001 - counted
                errors.append(error)
            taken.append((perf_counter() - due) * 1000)

        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, request in enumerate(requests):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - perf_counter()))
                group.create_task(one(request, STARTS[number % len(STARTS)], due))
        gone = perf_counter() - began
        await _all_there(desk, len(requests) - len(errors))
    for kind in {repr(error) for error in errors[:5]}:
        sys.stderr.write(f"{kind}\n")
    return Kept(len(requests) / gone, sorted(taken), len(errors))


async def _all_there(desk: Desk, count: int) -> None:
    """See that what was promised is kept, and no seat is taken twice."""
    async with desk.office.store.read() as tx:
        holds = await tx.rota.holds(START, START + timedelta(days=100))
    if len({(one.seat, one.start) for one in holds}) != count:
        raise AssertionError(f"{count} bookings were made, {len(holds)} are kept")


def run(arguments: list[str]) -> list[Measure]:
    """Measure both databases. An argument is another rate than 200 a second."""
    rate = int(arguments[0]) if arguments else RATE
    measures = []
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:

        def address(name: str, number: str) -> str:
            if name == "sqlite":
                return f"sqlite+aiosqlite:///{Path(folder) / number}.db"
            return server.url(server.create())

        for name in ("sqlite", "postgresql"):
            for words, seats in (("race for 20 seats", SEATS), ("all booked", LEARNERS)):
                rates = [
                    uvloop.run(_once(address(name, f"{seats}-{number}"), seats))
                    for number in range(RUNS)
                ]
                measures.append(Measure(f"{name}, {words}", median(rates), "attempts/s", RUNS))
            kept = uvloop.run(_keep_up(address(name, "kept"), rate, SECONDS))
            count = len(kept.taken)
            row = f"{name}, {rate} a second for {SECONDS} s"
            measures += [
                Measure(f"{row}: achieved", kept.rate, "a second", count),
                Measure(f"{row}: median", median(kept.taken), "ms", count),
                Measure(f"{row}: p99", kept.taken[count * 99 // 100], "ms", count),
                Measure(f"{row}: errors", kept.errors, "of all", count),
            ]
    return measures
