"""The race: many learners for few seats, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from invigilation.desk import Desk, Office
from invigilation.desk.requests import Ask
from invigilation.errors import SlotTaken
from invigilation.office_hours import Hours
from invigilation.people import Role, Staff
from invigilation.request import Assessment
from invigilation.slots import Shift
from invigilation.store import Store, Tx
from invigilation.store.people import Backend
from invigilation.store.views import Sitting
from recordings.seal import Seal, SigningKey

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LANES = 4
START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is told."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


async def _employ(tx: Tx, name: str) -> None:
    person = Staff(name, f"{name}@example.org", "S", frozenset({Role.INVIGILATOR}))
    await tx.people.add_staff(person, "")
    shift = Shift(name, 2, Hours(time(9), time(17)), date(2026, 1, 1), None)
    await tx.rota.add_shift(f"sh-{name}", shift)


@asynccontextmanager
async def office_with(url: str, seats: int, learners: int) -> AsyncIterator[tuple[Desk, list[str]]]:
    """An office with that many seats at work, and the ids of as many requests."""
    store = Store(url)
    await store.migrate()
    key = SigningKey.generate()
    desk = Desk.of(Office(store, FixedClock(), key, Seal(key)))
    async with store.write() as tx:
        await tx.people.add_backend(Backend("race", "Race", "", ""))
        await tx.requests.add_assessment(Assessment("as", "race", "R", "Race", 90, (), 70))
        for number in range(seats):
            staff = f"st{number // LANES}"
            if number % LANES == 0:
                await _employ(tx, staff)
            await tx.rota.add_seat(f"seat{number}", staff, number % LANES + 1)
    licence = NOW + timedelta(days=100)
    requests = []
    for number in range(learners):
        name = f"L{number}"
        ask = Ask("race", name, name, "A Learner", f"l{number}@example.org", "R", licence)
        requests.append((await desk.requests.ask(ask)).request.id)
    try:
        yield desk, requests
    finally:
        await store.close()


async def race(desk: Desk, requests: list[str]) -> list[Sitting]:
    """Let all requests book the same start at once; return what the winners got."""

    async def one(request: str) -> Sitting | None:
        try:
            return await desk.bookings.book(request, START, "UTC")
        except SlotTaken:
            return None

    results = await asyncio.gather(*(one(request) for request in requests))
    return [sitting for sitting in results if sitting is not None]
