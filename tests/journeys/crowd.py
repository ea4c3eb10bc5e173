"""As many learners at one start as an invigilator may watch."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime, timedelta

from invigilation.desk.requests import Ask
from tests.harness.people import Person
from tests.journeys.world import DATABASE, World
from web.auth.links import personal_link
from web.house import open_house
from web.seed import PRACTICE
from web.settings import Settings

NAMES = (
    "Maria Santos",
    "Arjun Nair",
    "Olena Koval",
    "Kwame Mensah",
    "Erik Lindqvist",
    "Rosa Alvarez",
    "Tomasz Zielinski",
    "Leilani Kalua",
    "Yusuf Demir",
    "Ingrid Haugen",
    "Nuno Ferreira",
    "Thida Aung",
)


def looks_of(names: tuple[str, ...]) -> dict[str, Person]:
    """Return how each of them looks: no two neighbours alike."""
    found = {}
    for seed, name in enumerate(names, start=1):
        given, surname = name.upper().split()
        found[name] = Person(surname, given, seed=seed)
    return found


async def book_crowd(
    world: World, names: tuple[str, ...], start: datetime, watcher: str
) -> dict[str, str]:
    """Book them all at one start, watched by one invigilator; return their personal links."""
    _more_seats(world, len(names))
    settings = Settings(
        var=world.service.var, clock_shift_file=world.time.file, port=world.service.port
    )
    house = open_house(settings)
    links = {}
    try:
        for name in names:
            mail = f"{name.lower().replace(' ', '.')}@example.org"
            licence = start + timedelta(days=100)
            ask = Ask(PRACTICE, f"crowd {name}", f"C {name}", name, mail, "ISPS-SSO", licence)
            asked = await house.desk.requests.ask(ask)
            zone = "Europe/London"
            await house.desk.bookings.book(asked.request.id, start, zone, "service", by_staff=True)
            path = personal_link(house.keyring.secret, asked.request.id)
            links[name] = world.service.url + path
    finally:
        await house.desk.office.store.close()
    world.all_watched_by(watcher)
    return links


def _more_seats(world: World, count: int) -> None:
    """Let each invigilator watch so many at once."""
    with contextlib.closing(sqlite3.connect(world.service.var / DATABASE)) as line, line:
        line.executemany(
            "INSERT OR IGNORE INTO seat (id, staff, lane) "
            "SELECT staff || '-' || ?, staff, ? FROM seat GROUP BY staff",
            [(lane, lane) for lane in range(10, 10 + count)],
        )
