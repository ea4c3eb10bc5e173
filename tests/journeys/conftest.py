"""Fixtures of the journeys: the service and its backend, told of the mailbox and the time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.harness.browser import Browsers
from tests.harness.discretion import personal, told
from tests.harness.films import FilmStore
from tests.harness.nursery import Nursling
from tests.harness.process import kept_port
from tests.harness.servers import Mailbox
from tests.harness.service import Practice, Service
from tests.journeys.begun import Begun
from tests.journeys.cast import Cast
from tests.journeys.steps import Sitting
from tests.journeys.world import DATABASE, Time, World

SEED_S = 60.0
"""How long the demonstration may take to fill a folder."""


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `var` folder that the demonstration has filled at the time when journeys begin."""
    folder = tmp_path_factory.mktemp("seeded")
    service = Service(folder)
    service.set(INVIGILATION_CLOCK_SHIFT_FILE=str(Time(folder / "shift").file))
    environment = service.process.environment or {}
    sowing = Nursling("web", ["seed"], folder / "seed.log", environment=environment)
    sowing.start()
    assert sowing.finish(SEED_S) == 0, sowing.tail()
    return service.var


@pytest.fixture(scope="session")
def begun(
    tmp_path_factory: pytest.TempPathFactory, seeded: Path, films: FilmStore
) -> Iterator[Begun]:
    """A session that has begun, to go on from."""
    with kept_port() as one, kept_port() as other:
        yield Begun(tmp_path_factory.mktemp("begun"), seeded, films, (one, other))


@pytest.fixture
def time(tmp_path: Path) -> Time:
    """The time of the journey: it begins on a Monday before the office opens."""
    return Time(tmp_path / "shift")


@pytest.fixture
def service(
    request: pytest.FixtureRequest, mailbox: Mailbox, time: Time, service: Service
) -> Service:
    """The service, set for a journey."""
    flies = request.node.get_closest_marker("minutes_fly") is not None
    service.set_for_journeys(mailbox, time.file, minutes_fly=flies)
    if begun := _goes_on(request):
        service.at(begun.ports[0])
    return service


@pytest.fixture
def practice(request: pytest.FixtureRequest, time: Time, practice: Practice) -> Practice:
    """The practice backend, set for a journey."""
    practice.set(PRACTICE_CLOCK_SHIFT_FILE=str(time.file))
    if begun := _goes_on(request):
        practice.at(begun.ports[1])
    return practice


@pytest.fixture
async def world(
    request: pytest.FixtureRequest,
    service: Service,
    practice: Practice,
    mailbox: Mailbox,
    time: Time,
    seeded: Path,
) -> AsyncIterator[World]:
    """Everything, seeded and running. Afterwards the log has said nothing of anybody in it."""
    begun = _goes_on(request)
    if begun or request.node.get_closest_marker("pictureless"):
        # Whoever is identified already has been looked at: what looks is started when it must.
        service.set(INVIGILATION_IDENTITY_AT_ONCE="false")
    whole = World(service, practice, mailbox, time)
    if begun:
        await begun.open(whole)
    else:
        await whole.open(seeded)
    yield whole
    if (service.var / DATABASE).exists():
        known = personal(service.var / DATABASE)
        assert list(told(service.process.log.read_text(), known)) == []


@pytest.fixture
async def cast(world: World, browsers: Browsers, films: FilmStore) -> Cast:
    """People who come when they are called."""
    return Cast(world, browsers, films)


@pytest.fixture
async def sitting(world: World, cast: Cast, begun: Begun) -> Sitting:
    """A session that is going on, its assessment open, with the two people in it."""
    return await begun.go_on(world, cast)


def _goes_on(request: pytest.FixtureRequest) -> Begun | None:
    """Return what the journey goes on from, if it asks for a `sitting`."""
    if "sitting" not in request.fixturenames:
        return None
    begun: Begun = request.getfixturevalue("begun")
    return begun
