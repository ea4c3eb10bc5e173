"""Bookings a second: the race of 200 learners for 20 seats, and as many bookings as seats."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import uvloop

from tests.bench import Measure
from tests.harness.servers import postgres_server
from tests.races import office_with, race

RUNS = 5
LEARNERS = 200
SEATS = 20


async def _once(url: str, seats: int) -> float:
    """Return attempts a second; every seat is taken by one learner."""
    async with office_with(url, seats, LEARNERS) as (desk, requests):
        began = perf_counter()
        won = await race(desk, requests)
        taken = perf_counter() - began
    if len(won) != seats:
        raise AssertionError(f"{len(won)} winners for {seats} seats")
    return LEARNERS / taken


def run(_: list[str]) -> list[Measure]:
    """Measure both databases."""
    measures = []
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        for words, seats in (("race for 20 seats", SEATS), ("all booked", LEARNERS)):
            for name in ("sqlite", "postgresql"):
                rates = []
                for number in range(RUNS):
                    if name == "sqlite":
                        url = f"sqlite+aiosqlite:///{Path(folder) / f'{seats}-{number}.db'}"
                    else:
                        url = server.url(server.create())
                    rates.append(uvloop.run(_once(url, seats)))
                measures.append(Measure(f"{name}, {words}", median(rates), "attempts/s", RUNS))
    return measures
