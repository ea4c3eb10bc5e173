"""What a room knows of its learner's link, as the learner's page tells it."""

from __future__ import annotations

import json

import pytest

from invigilation.errors import Busy
from invigilation.ladder import Budget, Rung, Way, Why
from signalling import messages as m
from signalling.commands import Tick
from signalling.messages import Party
from tests.harness.waiting import until
from tests.signalling.house import open_house

FIGURES = m.Figures(sent_kbit=40, got_kbit=20, lost_permille=12, rtt_ms=700, queue_ms=30)


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


async def tell(house, rung=Rung.FULL, way=Way.DIRECT, why=Why.LINK, budget=None, **fields):
    said = {"keeps": True, "used_kb": 900, "figures": FIGURES, **fields}
    await house.say(
        house.lea, m.Link, rung=rung, way=way, why=why, budget=budget or Budget(), **said
    )


async def seconds(house, count: int) -> None:
    for _ in range(count):
        await house.tick(1)


async def noted(house, kind: str) -> list[dict]:
    return [json.loads(entry.body)["data"] for entry in await house.entries(kind)]


async def test_the_staff_see_what_the_learners_page_tells_of_its_link(house):
    await house.both_join()
    before = (await house.say(house.ann, m.Join))["state"]["learner"]

    await tell(house, Rung.STILLS, Way.RELAY, budget=Budget(kbit=64))

    learner = house.inbox.last("ann")["learner"]
    assert (before["rung"], before["way"], before["keeps"]) == (None, None, False)
    assert (learner["rung"], learner["way"], learner["keeps"]) == ("stills", "relay", True)
    assert learner["budget"] == {"kbit": 64, "mb": None}
    assert learner["used_kb"] == 900
    assert learner["figures"]["rtt_ms"] == 700


async def test_a_learner_is_not_told_what_their_own_page_has_told(house):
    await house.both_join()
    before = len(house.inbox.of("lea"))

    await tell(house, Rung.SMALL)

    assert len(house.inbox.of("lea")) == before
    again = (await house.say(house.lea, m.Join))["state"]["learner"]
    assert again["rung"] == "small"
    assert "figures" not in again


async def test_a_step_is_recorded_once_it_has_held(house):
    await house.both_join()
    await tell(house, Rung.FULL, why=Why.START)
    await seconds(house, 2)
    flutter = await noted(house, "ladder")
    await seconds(house, 2)
    await tell(house, Rung.SLOW)

    await seconds(house, 5)

    assert flutter == []
    assert await noted(house, "ladder") == [
        {"rung": "full", "from": None, "why": "start", "way": "direct"},
        {"rung": "slow", "from": "full", "why": "link", "way": "direct"},
    ]


async def test_a_step_that_is_taken_back_at_once_is_not_recorded(house):
    await house.both_join()
    await tell(house, Rung.FULL)
    await seconds(house, 4)
    await tell(house, Rung.SMALL)
    await seconds(house, 2)
    await tell(house, Rung.FULL)

    await seconds(house, 5)

    assert [one["rung"] for one in await noted(house, "ladder")] == ["full"]


async def test_another_way_is_a_step_too(house):
    await house.both_join()
    await tell(house, Rung.SOUND, Way.DIRECT)
    await seconds(house, 4)
    await tell(house, Rung.SOUND, Way.SOCKET)

    await seconds(house, 4)

    assert [one["way"] for one in await noted(house, "ladder")] == ["direct", "socket"]


async def test_a_budget_is_recorded_when_it_changes(house):
    await house.both_join()
    await tell(house)
    await seconds(house, 4)
    none = await noted(house, "link_budget")
    for budget in (Budget(kbit=128, megabytes=50), Budget(kbit=128, megabytes=50), Budget()):
        await tell(house, budget=budget)
        await seconds(house, 4)

    assert none == []
    assert await noted(house, "link_budget") == [
        {"kbit": 128, "mb": 50},
        {"kbit": None, "mb": None},
    ]


async def test_nothing_is_recorded_of_a_session_that_is_over(house):
    await house.both_join()
    await house.say(house.ann, m.Refuse, reason="No document")
    await tell(house)

    await seconds(house, 5)

    assert await noted(house, "ladder") == []


async def test_without_page_and_media_there_is_no_rung_but_the_device_records_as_it_did(house):
    await house.both_join()
    peer = await house.media(house.lea)
    await tell(house, Rung.SMALL, budget=Budget(megabytes=40))
    house.room.gone("lea")
    await house.room.do(Tick())
    lost = house.inbox.last("ann")["learner"]

    await peer.close()
    seat = house.room._stage[Party.LEARNER]
    await until(lambda: seat.peer is None, 5, "the peer to be gone")
    await seconds(house, 1)

    gone = house.inbox.last("ann")["learner"]
    assert (lost["rung"], lost["present"]) == ("small", False)
    assert (gone["rung"], gone["way"], gone["figures"]) == (None, None, None)
    assert (gone["keeps"], gone["budget"]) == (True, {"kbit": None, "mb": 40})


async def test_who_tells_of_their_link_all_the_time_is_too_busy(house):
    await house.both_join()
    for _ in range(10):
        await tell(house)

    with pytest.raises(Busy):
        await tell(house)
