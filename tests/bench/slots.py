"""The slot search over the six months of a licence, for 4 and for 50 staff."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from invigilation.office_hours import DEFAULT_WEEK, LONDON, Hours, OfficeHours, Window
from invigilation.slots import Calendar, Hold, Leave, Seat, Shift, Wish, free_starts
from tests.bench import Measure, median_cpu
from tests.invigilation.naive_slots import naive_free_starts

NOW = datetime(2026, 9, 1, 10, 17, tzinfo=UTC)
DAYS = 182
CASES = ((4, 300, 200, 3), (50, 4000, 50, 1))  # staff, holds, runs, runs of the naive search


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


def run(_: list[str]) -> list[Measure]:
    """Return for each case the medians of the search and of the naive one, and their ratio."""
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
            Measure(f"{name}: naive", naive, "ms CPU", naive_runs),
            Measure(f"{name}: naive / fast", naive / fast, "times", naive_runs),
        ]
    return measures
