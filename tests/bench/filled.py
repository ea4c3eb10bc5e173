"""A large office in a real database, filled by a few statements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from invigilation.desk import Desk, Office
from invigilation.desk.requests import Ask
from invigilation.lanes import micros
from invigilation.people import Role
from invigilation.request import Assessment
from invigilation.store import Store, Tx
from invigilation.store.calendar_rows import leave, seat, shift
from invigilation.store.people import Backend
from invigilation.store.rota import VERSION
from invigilation.store.rows import staff
from recordings.seal import Seal, SigningKey
from tests.races import FixedClock

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LANES = 2
WORKING_DAYS = 125
"""Half a year."""
YEAR = timedelta(weeks=52)
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :n)",
    "postgresql": "WITH s AS (SELECT n FROM generate_series(0, :n - 1) AS n)",
}
UNGUARDED = {
    "sqlite": ("DROP TRIGGER tr_booking_overlap_insert",),
    "postgresql": (
        "ALTER TABLE booking DROP CONSTRAINT ex_booking_overlap",
        "SET LOCAL session_replication_role = replica",
    ),
}
"""What guards every row takes minutes for half a million of them, and no reading asks it."""
REQUESTS = """
INSERT INTO request (id, backend, reference, learner, assessment, assessment_url, return_url,
    licence_until, state, created)
{numbers} SELECT 'rq' || n, 'race', 'r' || n, :learner, 'as', '', '', :licence, 'booked', :now
FROM s
"""
# Booking k of a seat is on the working day k * days / each, counted from one of the seat's own, at
# one of four times that are as good as drawn by lot.
BOOKINGS = """
INSERT INTO booking (id, request, seat, staff, start, "end", hold_until, state, sequence, zone,
    placed)
{numbers}, k AS (SELECT n, n % :seats AS seat, n / :seats AS k FROM s),
d AS (SELECT n, seat, (k * :days / :each + seat * 7) % :days AS d,
    (CAST(n + 1 AS BIGINT) * 48271 % 2147483647 / 65536) % 4 AS t FROM k),
b AS (SELECT n, seat, :monday + ((d / 5) * 7 + d % 5) * CAST(86400000000 AS BIGINT)
    + t * CAST(7200000000 AS BIGINT) AS start FROM d)
SELECT :prefix || n, {request}, 'seat' || seat, 'st' || (seat / :lanes), start,
    start + 5400000000, start + 6300000000, :state, 0, 'UTC', :now
FROM b
"""


async def _employ(tx: Tx, people: int) -> None:
    """Everybody has two seats, one of forty patterns of a week, and is away for a week."""
    db = tx.bookings._db
    names = [f"st{number}" for number in range(people)]
    roles = frozenset({Role.INVIGILATOR})
    rows: list[dict[str, Any]] = [
        {"id": n, "email": f"{n}@x.org", "name": n, "roles": roles, "password_hash": ""}
        for n in names
    ]
    await db.execute(staff.insert(), rows)
    seats = [
        {"id": f"seat{n}", "staff": names[n // LANES], "lane": n % LANES, "retired": False}
        for n in range(people * LANES)
    ]
    await db.execute(seat.insert(), seats)
    shifts = []
    for number, name in enumerate(names):
        late, early = number % 4 * 30, number // 4 % 10 * 15
        shifts += [
            {"id": f"sh{number}-{day}", "staff": name, "weekday": day, "start_minute": 540 + late}
            | {"end_minute": 1020 - early, "first": date(2026, 1, 1), "last": None}
            for day in range(5)
        ]
    await db.execute(shift.insert(), shifts)
    away = [
        {"id": f"lv{number}", "staff": name, "start": MONDAY + timedelta(days=number % 170)}
        | {"end": MONDAY + timedelta(days=number % 170 + 7), "note": ""}
        for number, name in enumerate(names)
    ]
    await db.execute(leave.insert(), away)
    await db.execute(text("DELETE FROM counter WHERE name = :name"), {"name": VERSION})
    await db.execute(text("INSERT INTO counter VALUES (:name, 1)"), {"name": VERSION})


async def _fill(tx: Tx, seats: int, count: int, learner: str, licence: datetime) -> None:
    """Insert as many bookings that were attended in the past year as ones that lie ahead."""
    db = tx.bookings._db
    numbers = NUMBERS[db.dialect.name]
    for statement in UNGUARDED[db.dialect.name]:
        await db.execute(text(statement))
    values: dict[str, Any] = {"n": count, "now": micros(NOW)}
    more = {"learner": learner, "licence": micros(licence)}
    await db.execute(text(REQUESTS.format(numbers=numbers)), values | more)
    values |= {"seats": seats, "lanes": LANES, "each": count // seats, "days": WORKING_DAYS}
    ahead = {"monday": micros(MONDAY), "state": "booked", "prefix": "bk"}
    past = {"monday": micros(MONDAY - YEAR), "state": "attended", "prefix": "old"}
    own = BOOKINGS.format(numbers=numbers, request="'rq' || n")
    same = BOOKINGS.format(numbers=numbers, request="'rq0'")
    await db.execute(text(own), values | ahead)
    await db.execute(text(same), values | past)


@asynccontextmanager
async def filled(url: str, people: int, bookings: int) -> AsyncIterator[tuple[Desk, str]]:
    """An office with that many people and bookings, half of them ahead; and an open request."""
    store = Store(url)
    await store.migrate()
    key = SigningKey.generate()
    desk = Desk.of(Office(store, FixedClock(NOW), key, Seal(key)))
    async with store.write() as tx:
        await tx.people.add_backend(Backend("race", "Race", "", ""))
        await tx.requests.add_assessment(Assessment("as", "race", "R", "Race", 90, (), 70))
        await _employ(tx, people)
    licence = NOW + timedelta(days=180)
    ask = Ask("race", "one", "one", "A Learner", "l@example.org", "R", licence)
    asked = await desk.requests.ask(ask)
    async with store.write() as tx:
        await _fill(tx, people * LANES, bookings // 2, asked.learner.id, licence)
    async with store.write() as tx:
        await tx.bookings._db.execute(text("ANALYZE"))
    try:
        yield desk, asked.request.id
    finally:
        await store.close()
