"""An office with a booked session, made through the desk: for any test that needs one."""

from __future__ import annotations

import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from invigilation.desk import Desk, Office
from invigilation.desk.requests import Ask
from invigilation.office_hours import Hours
from invigilation.people import Role, Staff
from invigilation.request import Assessment
from invigilation.slots import Shift
from invigilation.store import Store
from invigilation.store.people import Backend
from invigilation.store.views import Sitting

BOOKED_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""A Friday; the sessions are on the Monday after, when London has GMT."""
MONDAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
BEFORE_START = START - timedelta(minutes=10)
BACKEND = Backend("acme", "Acme Maritime", "https://lms.example.com/hook", "whsec_c2VjcmV0")
ASSESSMENT = Assessment(
    "as_psc", "acme", "psc", "Port State Control", 90, ("Course notes", "Calculator"), 70
)
URL = "https://lms.example.com/assessment/1"
CONSENT = ("identity", "recording")


class FixedClock:
    """Stands still until it is told to move; `monotonic` goes along."""

    def __init__(self, now: datetime = BOOKED_AT) -> None:
        self._now = now
        self._passed = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._passed

    def go(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._passed += seconds

    def go_to(self, moment: datetime) -> None:
        self.go((moment - self._now).total_seconds())


class PlainSigner:
    """Signs with a fresh Ed25519 key."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.key_id = "test-key"

    def current(self) -> PlainSigner:
        return self

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)


class PlainSealer:
    """Seals by a prefix: for tests that do not verify."""

    def seal(self, payload: bytes) -> bytes:
        return b"sealed." + base64.urlsafe_b64encode(payload).rstrip(b"=") + b".seal"


@asynccontextmanager
async def sqlite_store(directory: Path, template: Path | None = None) -> AsyncIterator[Store]:
    """Open a migrated SQLite store here; fast when copied from the fixture `sqlite_template`."""
    path = directory / "office.sqlite3"
    if template is not None:
        shutil.copy(template, path)
    store = Store(f"sqlite+aiosqlite:///{path}")
    try:
        if template is None:
            await store.migrate()
        yield store
    finally:
        await store.close()


def office(store: Store, clock: FixedClock) -> Desk:
    """Set up the desks over a store, with keys of the test's own; equals are drawn alike."""
    return Desk.of(Office(store, clock, PlainSigner(), PlainSealer(), dice=Random(0)))


async def add_assessment(desk: Desk) -> None:
    """Add the backend and what can be sat for it."""
    async with desk.office.store.write() as tx:
        await tx.people.add_backend(BACKEND)
        await tx.requests.add_assessment(ASSESSMENT)


async def add_assessment_of(desk: Desk, ident: str, code: str) -> Assessment:
    """Add another assessment of the same backend."""
    one = replace(ASSESSMENT, id=ident, code=code, title=f"Another: {code}")
    async with desk.office.store.write() as tx:
        await tx.requests.add_assessment(one)
    return one


def invigilator(name: str, *roles: Role) -> Staff:
    """Say who a member of staff of this name is; without roles an invigilator."""
    word = name.split(maxsplit=1)[0].lower()
    kinds = frozenset(roles) or frozenset({Role.INVIGILATOR})
    return Staff(f"st_{word}", f"{word}@example.com", name, kinds)


async def add_invigilator(
    desk: Desk, name: str = "Ann Archer", *roles: Role, seats: int = 2
) -> Staff:
    """Add a member of staff who is on duty in all office hours, for `seats` learners at once."""
    person = invigilator(name, *roles)
    word = person.id.removeprefix("st_")
    async with desk.office.store.write() as tx:
        await tx.people.add_staff(person, "no password")
        for lane in range(seats if Role.INVIGILATOR in person.roles else 0):
            await tx.rota.add_seat(f"seat_{word}_{lane}", person.id, lane)
            if lane == 0:
                for weekday in range(5):
                    hours = Hours(time(9), time(17))
                    shift = Shift(person.id, weekday, hours, date(2026, 1, 1), None)
                    await tx.rota.add_shift(f"shift_{word}_{weekday}", shift)
    return person


async def ask(desk: Desk, number: int = 1) -> str:
    """Make the request of a learner and return its id; each number is another learner."""
    asked = await desk.requests.ask(
        Ask(
            BACKEND.id,
            f"order-{number}",
            f"learner-{number}",
            f"Lea Learner {number}",
            f"lea{number}@example.com",
            ASSESSMENT.code,
            datetime(2027, 3, 1, tzinfo=UTC),
            assessment_url=URL,
        )
    )
    return asked.request.id


async def book(desk: Desk, number: int = 1, start: datetime = START) -> Sitting:
    """Ask for a session and book it, before the time of notice."""
    return await desk.bookings.book(await ask(desk, number), start, "Europe/London")


@dataclass(frozen=True, repr=False, slots=True)
class Scene:
    """An office with one invigilator and one booked session; the clock stands 10 min before."""

    desk: Desk
    clock: FixedClock
    ann: Staff
    sitting: Sitting


_SCENES: dict[Path | None, tuple[bytes, Staff, Sitting]] = {}
"""By their template: a database with the scene in it, who invigilates, and what is booked."""


@asynccontextmanager
async def booked(directory: Path, template: Path | None = None) -> AsyncIterator[Scene]:
    """Set the scene in a directory; `template` as for `sqlite_store`."""
    if template not in _SCENES:
        _SCENES[template] = await _scene(template)
    whole, ann, sitting = _SCENES[template]
    path = directory / "office.sqlite3"
    path.write_bytes(whole)
    store = Store(f"sqlite+aiosqlite:///{path}")
    try:
        yield Scene(office(store, clock := FixedClock(BEFORE_START)), clock, ann, sitting)
    finally:
        await store.close()


async def _scene(template: Path | None) -> tuple[bytes, Staff, Sitting]:
    """Set the scene once: hundreds of tests begin with a copy of it."""
    with TemporaryDirectory() as folder:
        async with sqlite_store(Path(folder), template) as store:
            desk = office(store, FixedClock())
            await add_assessment(desk)
            ann = await add_invigilator(desk)
            sitting = await book(desk)
        return (Path(folder) / "office.sqlite3").read_bytes(), ann, sitting
