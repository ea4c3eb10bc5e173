"""The slot search: alone over the six months of a licence, and with the database for a month."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time

import uvloop

from invigilation.office_hours import DEFAULT_WEEK, LONDON, Hours, OfficeHours, Window
from invigilation.slots import Calendar, Hold, Leave, Seat, Shift, Wish, free_starts
from tests.bench import Measure, median_cpu
from tests.bench.filled import MONDAY, filled
from tests.harness.servers import postgres_server
from tests.invigilation.naive_slots import naive_free_starts

NOW = datetime(2026, 9, 1, 10, 17, tzinfo=UTC)
DAYS = 182
CASES = ((4, 300, 200, 3), (50, 10_000, 50, 1))  # staff, holds, runs, runs of the naive search
OFFICES = ((50, 10_000), (1_000, 500_000))  # staff and bookings, in a database
MONTHS = 20


def calendar(staff: int, holds: int) -> Calendar:
    """A rota in which everybody's hours differ, with leave and bookings over half a year."""
    random = Random(staff)
    names = [f"staff-{n}" for n in range(staff)]
    shifts: list[Shift] = []
    for name in names:
        for weekday in range(5):
            start, end = random.randrange(8, 11) * 60, random.randrange(14, 18) * 60
            start, end = start + random.choice((0, 15, 30)), end + random.choice((0, 15, 45))
            noon = 12 * 60 + random.choice((0, 30))
            halves = [(start, noon), (noon + random.choice((0, 45)), end)]
            shifts += [
                Shift(name, weekday, hours(*half), date(2026, 1, 5), None) for half in halves
            ]
    leave = []
    for name in names:
        for _ in range(4):
            start_of_leave = NOW + timedelta(days=random.randrange(DAYS))
            leave.append(Leave(name, start_of_leave, start_of_leave + timedelta(days=5)))
    seats = [Seat(f"{name}/{lane}", name) for name in names for lane in range(random.randint(1, 3))]
    closures = frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)})
    return Calendar(
        OfficeHours(LONDON, DEFAULT_WEEK, closures, {}),
        tuple(shifts),
        tuple(leave),
        tuple(seats),
        tuple(hold(random, random.choice(seats).id) for _ in range(holds)),
    )


def hours(start: int, end: int) -> Hours:
    return Hours(time(start // 60, start % 60), time(end // 60, end % 60))


def hold(random: Random, seat: str) -> Hold:
    day = NOW.replace(hour=9, minute=0) + timedelta(days=random.randrange(DAYS))
    start = day + timedelta(minutes=30 * random.randrange(14))
    return Hold(seat, start, start + timedelta(minutes=105))


@contextmanager
def databases() -> Iterator[Iterator[tuple[str, str]]]:
    """Give the names and addresses of as many empty databases as are asked for, by turns."""
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:

        def addresses() -> Iterator[tuple[str, str]]:
            number = 0
            while True:
                number += 1
                yield "sqlite", f"sqlite+aiosqlite:///{Path(folder) / str(number)}.db"
                yield "postgresql", server.url(server.create())

        yield addresses()


async def months(url: str, staff: int, holds: int, name: str) -> list[Measure]:
    """Measure what a learner's month costs through the desk: the free starts, and the page's look.

    Each month begins on another day, so that nothing is kept of it but the rota; a first one makes
    that ready. CPU is this process's, so with PostgreSQL it leaves out the server's.
    """
    async with filled(url, staff, holds) as (desk, request):
        await desk.bookings.starts(request, Window(MONDAY, MONDAY + timedelta(days=31)))
        measures = []
        for what, ask in (("starts", desk.bookings.starts), ("look", desk.bookings.look)):
            wall, cpu = [], []
            for number in range(MONTHS):
                first = MONDAY + timedelta(days=number * 7 % 120, hours=number % 5)
                began, used = perf_counter(), process_time()
                await ask(request, Window(first, first + timedelta(days=31)))
                wall.append((perf_counter() - began) * 1000)
                cpu.append((process_time() - used) * 1000)
            row = f"{name}, {staff:,} staff, {holds:,} bookings, {what}"
            measures += [
                Measure(f"{row}: wall", median(wall), "ms", MONTHS),
                Measure(f"{row}: CPU", median(cpu), "ms", MONTHS),
                Measure(f"{row}: worst wall", max(wall), "ms", MONTHS),
            ]
    return measures


def run(arguments: list[str]) -> list[Measure]:
    """Return for each case the medians of the search and of the naive one, then of the months."""
    del arguments
    wish = Wish(NOW + timedelta(days=1), NOW + timedelta(days=DAYS), 90, 15)
    window = Window(NOW, NOW + timedelta(days=DAYS))
    measures: list[Measure] = []
    for staff, holds, runs, naive_runs in CASES:
        office = calendar(staff, holds)
        fast = median_cpu(lambda c=office: free_starts(c, wish, window), runs)
        naive = median_cpu(lambda c=office: naive_free_starts(c, wish, window), naive_runs)
        name = f"slots, {staff} staff, 6 months, {holds} bookings"
        measures += [
            Measure(name, fast, "ms CPU", runs),
            Measure(f"{name}, naive", naive, "ms CPU", naive_runs),
            Measure(f"{name}, naive / fast", naive / fast, "times", naive_runs),
        ]
    with databases() as addresses:
        for staff, holds in OFFICES:
            for _ in range(2):
                name, url = next(addresses)
                measures += uvloop.run(months(url, staff, holds, name))
    return measures
