"""What several journeys begin with: a booked session, and one that is going on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.journeys.cast import Cast
from tests.journeys.people import Console, LearnerPage
from tests.journeys.world import Asked, World

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
"""A Monday; London is at UTC."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """A session that is going on, and the two people in it."""

    learner: LearnerPage
    console: Console
    asked: Asked
    name: str
    earlier: frozenset[str] = frozenset()
    """The recordings that were complete before both came into the room as they are there now."""


async def book(world: World, learner: LearnerPage, name: str, start: datetime = START) -> Asked:
    """Ask for a session and book it."""
    asked = await learner.ask(name)
    await learner.enter(asked.booking_url)
    await learner.book(start)
    return asked


async def identified(world: World, cast: Cast, name: str = "Maria Santos") -> Sitting:
    """Bring a learner and their invigilator into the room, up to the decision who it is."""
    learner, console = await cast.learner(), await cast.invigilator()
    asked = await book(world, learner, name)
    world.time.go_to(START - timedelta(minutes=5))
    await learner.check_in()
    await learner.join()
    await console.sign_in(world.invigilator_of(name))
    await console.connected()
    await console.open(name)
    await console.camera_on()
    await console.take("ID")
    await console.take("face")
    await console.confirm()
    return Sitting(learner, console, asked, name)


async def begin(world: World, cast: Cast, name: str = "Maria Santos") -> Sitting:
    """Bring a learner and their invigilator into the room, up to the open assessment."""
    sitting = await identified(world, cast, name)
    await sitting.console.admit()
    await sitting.learner.told("Your assessment is open")
    return sitting
