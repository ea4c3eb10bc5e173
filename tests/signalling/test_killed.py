"""A process that is killed closes nothing; the next one opens the gap that it could not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signalling import messages as m
from tests.signalling.house import open_house


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


async def test_the_time_in_which_the_service_was_down_is_a_gap(house):
    await house.to_start()
    last = house.scene.clock.now()
    house.scene.clock.go(300)
    house.rooms, killed = house.came_back(), house.rooms
    try:
        state = (await house.say(house.lea, m.Join))["state"]
        await house.say(house.ann, m.Join)
        await house.media(house.lea)
        await house.tick(1)

        (gap,) = house.inbox.last("ann")["gaps"]
        view = await house.scene.desk.sessions.view(house.session)
    finally:
        await killed.drain()

    assert state["state"] == "in_progress"
    assert view.gaps[0].began == last
    assert gap["lost_s"] == 300


async def test_a_room_that_closed_by_itself_leaves_one_gap(house):
    await house.to_start()
    await house.rooms.drain()
    house.scene.clock.go(300)
    house.rooms = house.came_back()

    await house.say(house.lea, m.Join)

    assert len(await house.entries("gap_opened")) == 1


async def test_who_only_reloads_makes_no_gap(house):
    await house.to_start()
    house.rooms.gone("lea")

    await house.say(replace(house.lea, sid="lea2"), m.Join)

    assert await house.entries("gap_opened") == []
