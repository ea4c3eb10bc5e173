"""A learner on board: their browser is behind a ship's link, the service is ashore behind TLS."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from tests.harness.browser import Browsers
from tests.harness.people import Person
from tests.harness.process import free_port
from tests.harness.service import Service
from tests.harness.ship import Ship, ship
from tests.harness.shore import Shore, shore
from tests.harness.turn import Relay, turn_server
from tests.journeys.cast import MARIA, Cast
from tests.journeys.people import Console, LearnerPage
from tests.journeys.steps import START, Sitting
from tests.journeys.world import Asked, World

LEARNERS = {"Maria Santos": "L-1001"}
WEEK = timedelta(weeks=1)
PICTURE_S = 60.0
PRESS_AGAIN_S = 12.0


@dataclass(frozen=True, slots=True)
class Passage:
    """A ship, the shore that it sees, and the relay ashore."""

    ship: Ship
    shore: Shore
    relay: Relay


@contextlib.asynccontextmanager
async def passage(
    service: Service, *, ways: tuple[str, ...] = ("udp", "tcp", "tls")
) -> AsyncIterator[Passage]:
    """Put a service that has not started yet behind a ship's link; a relay stands by it.

    The link is as good as in the office until it is told otherwise. `ways` are how the relay may
    be reached; without any the pages hear of none.
    """
    async with ship() as vessel:
        here = vessel.service_address
        async with shore(here, free_port(), service.port) as front:
            with turn_server(here, front.certificate) as relay:
                service.reached_at(front.url, here)
                if ways:
                    urls = ", ".join(f'"{relay.url(way)}"' for way in ways)
                    service.set(
                        INVIGILATION_TURN_URLS=f"[{urls}]", INVIGILATION_TURN_SECRET=relay.secret
                    )
                yield Passage(vessel, front, relay)


async def personal_link(world: World, reference: str) -> Asked:
    """Ask for a session at the practice backend, as somebody ashore does for a learner."""
    form = {
        "learner": reference,
        "assessment": "ISPS-SSO",
        "nonce": secrets.token_urlsafe(16),
    }
    address = f"{world.practice.url}/requests"
    async with (
        aiohttp.ClientSession() as client,
        client.post(address, data=form, allow_redirects=False) as answer,
    ):
        link = answer.headers.get("Location", "")
        assert link, await answer.text()
    return Asked(link, await world.assessment_of(link))


async def embark(
    world: World,
    cast: Cast,
    way: Passage,
    who: Person = MARIA,
    name: str = "Maria Santos",
    start: datetime | None = None,
) -> tuple[LearnerPage, Asked]:
    """Bring a learner on board who has booked and checked in; their room is not open yet."""
    when = start or not_before_today()
    world.time.go_to(when - timedelta(hours=2))
    trusting(cast.browsers, way.shore)
    learner = await cast.learner(who, executable=way.ship.chromium)
    asked = await personal_link(world, LEARNERS[name])
    await learner.enter(asked.booking_url)
    await learner.book(when)
    world.time.go_to(when - timedelta(minutes=5))
    await learner.check_in()
    return learner, asked


async def come_to_watch(
    world: World, cast: Cast, name: str = "Maria Santos", console: Console | None = None
) -> Console:
    """Bring the invigilator of a learner, ashore, with their camera on."""
    console = console or await cast.invigilator()
    await console.sign_in(world.invigilator_of(name))
    await console.connected()
    await console.open(name)
    await console.camera_on()
    return console


async def let_in(learner: LearnerPage, console: Console, asked: Asked, name: str) -> Sitting:
    """Take the pictures and open the assessment."""
    await take(console, "ID")
    await take(console, "face")
    await console.confirm()
    await console.admit()
    await learner.told("Your assessment is open")
    return Sitting(learner, console, asked, name)


async def take(console: Console, which: str) -> tuple[int, int]:
    """Take a picture; one that does not come is asked for again, as a person would."""
    async with asyncio.timeout(PICTURE_S):
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PRESS_AGAIN_S):
                    return (await console.take(which)).size


def trusting(browsers: Browsers, front: Shore) -> None:
    """Let every browser from now on trust the shore's certificate."""
    if front.trust not in browsers.arguments:
        browsers.arguments.append(front.trust)


def not_before_today() -> datetime:
    """Return a Wednesday morning to come: a relay goes by the machine's own clock.

    Weeks with bank holidays on a Wednesday are left out.
    """
    start = START + timedelta(days=2)
    while start < datetime.now(UTC) or not (1, 6) < (start.month, start.day) < (12, 20):
        start += WEEK
    return start
