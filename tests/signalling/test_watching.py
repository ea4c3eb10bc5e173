"""What the live room tells whoever watches over the service."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import structlog

from invigilation.ladder import Rung
from invigilation.presence import Link
from invigilation.session import SessionState
from recordings.errors import EvidenceStoreFull
from signalling import messages as m
from signalling.edge import EdgeServer
from signalling.messages import Party
from signalling.namespace import Lines, RoomNamespace
from signalling.quality import LinkQuality
from signalling.registry import Rooms
from signalling.seat import Person
from signalling.watching import Watch
from tests.signalling.house import open_house


@dataclass
class Told:
    """All that was told."""

    connected: list[tuple[str, float]] = field(default_factory=list)
    came_back: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def watch(self) -> Watch:
        return Watch(
            lambda party, seconds: self.connected.append((party, seconds)),
            lambda party, way: self.came_back.append((party, way)),
            self.refused.append,
            self.closed.append,
            self.stopped.append,
        )


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def house(tmp_path, sqlite_template, told):
    async with open_house(tmp_path, sqlite_template) as one:
        one.rooms = Rooms(replace(one.rooms._means, watch=told.watch()))
        yield one


async def test_it_is_told_how_long_a_learner_takes_to_be_connected(house, told):
    await house.both_join()
    house.scene.clock.go(3)

    await house.media(house.lea)

    assert told.connected == [("learner", 3)]
    assert told.came_back == []


async def test_a_new_connection_for_messages_is_a_return_by_socket(house, told):
    await house.both_join()
    await house.media(house.lea)
    house.rooms.gone("lea")

    await house.say(Person("lea-2", Party.LEARNER, session=house.session), m.Join)

    assert told.came_back == [("learner", "socket")]
    assert len(told.connected) == 1


async def test_a_new_connection_for_media_is_a_return_by_media(house, told):
    await house.both_join()
    await house.media(house.lea)

    await house.media(house.lea)

    assert told.came_back == [("learner", "media")]


async def test_who_left_on_purpose_does_not_come_back_but_comes(house, told):
    await house.both_join()
    await house.say(house.ann, m.Leave)

    await house.say(house.ann, m.Join)

    assert told.came_back == []


async def test_it_is_told_once_that_a_session_is_not_recorded(house, told):
    house.evidence.full = True
    house.evidence.refusal = EvidenceStoreFull(1)
    await house.both_join()
    await house.media(house.lea)

    for _ in range(25):
        await house.tick(1)

    assert told.stopped == ["evidence_store_full"]


async def test_a_room_says_how_it_stands(house):
    peer = await house.to_start()
    await house.tell_link(Rung.SMALL)
    peer.quality = LinkQuality(loss=0.25, rtt_s=0.6)
    for _ in range(8):
        peer.send()
        await house.tick(1)

    [now] = house.rooms.figures

    assert (now.state, now.link, now.rung) == (SessionState.IN_PROGRESS, Link.POOR, Rung.SMALL)
    assert (now.loss, now.waiting) == (0.25, 0)
    assert now.recordings >= 1


async def test_a_refused_message_and_a_closed_connection_are_told(house, told):
    clock = house.scene.clock
    server = EdgeServer(["https://exams.example.com"], clock)
    server.closed = told.closed.append
    lines = Lines(server)
    desk = house.scene.desk
    namespace = RoomNamespace(desk, house.rooms, None, lines, server, clock, told.watch())

    await namespace.trigger_event("chat", "nobody", {"session": house.session})
    server._too_late("nobody")

    assert told.refused == ["not_signed_in"]
    assert told.closed == ["late"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"session": "se_0123456789abcdef0123"}, "se_0123456789abcdef0123"),
        ({"session": "Maria Santos"}, ""),
        ({"session": 7}, ""),
        ("no object", ""),
    ],
)
async def test_a_line_about_a_message_names_its_session_and_nothing_else(house, body, named):
    server = EdgeServer(["https://exams.example.com"], house.scene.clock)
    parts = (house.scene.desk, house.rooms, None, Lines(server), server, house.scene.clock)

    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logged:
        await RoomNamespace(*parts).trigger_event("chat", "nobody", body)

    assert [one["session"] for one in logged] == [named]
