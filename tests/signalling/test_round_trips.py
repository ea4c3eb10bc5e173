"""How often a room goes to a database that may lie far away, for each thing that people do.

What is counted is what goes over the wire: whoever asks for the second thing before the first is
answered has gone once. A line knows its statements after the first time, so that is not counted.
No figure here is a time: each way to and fro costs what the way costs, and no bound depends on it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from invigilation.identity import SnapshotKind
from invigilation.incident import Severity
from invigilation.store import Store
from signalling import messages as m
from signalling.means import Means
from signalling.messages import Party
from signalling.registry import Rooms
from signalling.seat import Person
from tests import builders
from tests.builders import BEFORE_START, FixedClock, Scene
from tests.harness.gate import Gate, gate
from tests.signalling.doubles import FakeEvidence, FakePeers, Inbox
from tests.signalling.house import House
from tests.signalling.service import serving

pytestmark = pytest.mark.store

READING = 1
"""The whole of a session, by one statement and without a transaction around it."""
CHANGE = 4
"""To begin, to hold the session, to write all that is new together, and to commit."""
Deed = Callable[[int], Awaitable[object]]


@pytest.fixture
async def way(postgres):
    async with gate(postgres.port) as one:
        yield one


@pytest.fixture
async def scene(postgres, postgres_template, way):
    """The booked session, in a database behind a gate."""
    name = postgres.create(template=postgres_template)
    store = Store(postgres.url(name).replace(str(postgres.port), str(way.port)))
    desk = builders.office(store, clock := FixedClock())
    await builders.add_assessment(desk)
    ann = await builders.add_invigilator(desk)
    sitting = await builders.book(desk)
    clock.go_to(BEFORE_START)
    yield Scene(desk, clock, ann, sitting)
    await store.close()
    postgres.drop(name)


@pytest.fixture
async def house(scene):
    """A room over it, with a learner and an invigilator in it."""
    peers, evidence, inbox = FakePeers(scene.clock), FakeEvidence(scene.desk), Inbox()
    rooms = Rooms(Means(scene.desk, evidence, peers, inbox, scene.clock, lambda _who: None))
    lea = Person("lea", Party.LEARNER, session=scene.sitting.session)
    ann = Person("ann", staff=scene.ann)
    house = House(scene, rooms, peers, evidence, inbox, lea, ann, [])
    await house.both_join()
    yield house
    await rooms.drain()


async def trips(way: Gate, deed: Deed) -> int:
    """Do it until all statements are known, then say how often it goes to the database."""
    for number in range(3):
        before = way.round_trips
        await deed(number)
    return way.round_trips - before


async def test_a_line_costs_one_change_and_one_reading(house, way):
    async def say(number):
        await house.say(house.lea, m.Chat, text="I am here", client_id=f"line-{number}")

    # One more: whether the line came before, under the same id, is known when the session is held.
    assert await trips(way, say) <= CHANGE + 1 + READING


async def test_a_raised_hand_costs_one_change_and_one_reading(house, way):
    async def raise_hand(number):
        await house.say(house.lea, m.Hand, raised=number % 2 == 0)

    assert await trips(way, raise_hand) <= CHANGE + READING


async def test_an_incident_costs_one_change_and_one_reading(house, way):
    async def note(_number):
        incident = {"category": "environment.noise", "severity": Severity.LOW, "note": "A drill"}
        await house.say(house.ann, m.NoteIncident, **incident, picture=False)

    # One more: whose session it is.
    assert await trips(way, note) <= CHANGE + 1 + READING


async def test_a_picture_costs_two_looks_and_one_change(house, way):
    await house.media(house.lea)

    async def take(_number):
        await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)

    may_it_be_taken, rules = 4, 6
    assert await trips(way, take) <= may_it_be_taken + CHANGE + rules + 2 * READING


async def test_to_read_a_session_is_one_question_however_much_there_is(house, way):
    async def view(_number):
        await house.scene.desk.sessions.view(house.session)

    assert await trips(way, view) == READING


async def test_to_join_again_costs_one_reading(house, way):
    async def join(number):
        await house.say(replace(house.lea, sid=f"lea-{number}"), m.Join)

    assert await trips(way, join) == READING


async def test_to_come_back_by_a_ticket_costs_two_changes_and_four_looks(scene, way):
    await scene.desk.sessions.check_in(scene.sitting.session, builders.CONSENT)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(serving(scene))
        again = (await (await service.learner()).say("join"))["again"]

        async def come_back(_number):
            nonlocal again
            page = await service.connect(again)
            again = (await page.say("join"))["again"]

        # The old ticket goes, and a new one comes; whose session, and on which device, is looked up
        # before, and again by the room.
        assert await trips(way, come_back) <= 2 * CHANGE + 3 + READING
