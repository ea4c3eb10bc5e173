"""What comes is not recorded: whoever watches is told why, the record says so, all else goes on."""

from __future__ import annotations

import pytest

from invigilation.errors import InvigilationError
from signalling import messages as m
from signalling.tape import RETRY_S
from tests.signalling.house import open_house

FULL = "evidence_store_full"


class DiskFull(InvigilationError):
    """As the evidence room refuses when the disk is kept free for the record."""

    code = FULL


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        one.evidence.refusal = DiskFull("The disk for evidence is full.")
        yield one


async def reasons(house) -> list:
    return [one.data["reason"] for one in await house.entries("recording_stopped")]


async def test_a_full_disk_is_told_to_the_staff_and_noted_once(house):
    await house.both_join()
    house.evidence.full = True
    await house.media(house.lea)
    await house.tick(RETRY_S + 1)
    await house.tick(RETRY_S + 1)

    told = house.inbox.last("ann")
    assert (told["recording"], told["recording_stopped"]) == (False, FULL)
    assert "recording_stopped" not in house.inbox.last("lea")
    assert await reasons(house) == [FULL]


async def test_a_recording_that_the_disk_stops_is_completed_and_the_session_goes_on(house):
    await house.to_start()
    house.evidence.full = True
    house.evidence.recordings[0].broken = True
    await house.tick()
    await house.tick(RETRY_S + 1)

    said = await house.say(house.lea, m.Chat, text="I go on.", client_id="c-000001")

    assert said["seq"] == house.inbox.last("ann")["chat"][-1]["seq"]
    assert house.evidence.recordings[0].finished == 1
    assert house.inbox.last("ann")["recording_stopped"] == FULL
    assert await reasons(house) == [FULL]


async def test_it_begins_again_by_itself_when_there_is_room(house):
    await house.both_join()
    house.evidence.full = True
    await house.media(house.lea)
    house.evidence.full = False
    await house.tick(RETRY_S + 1)

    told = house.inbox.last("ann")
    assert (told["recording"], told["recording_stopped"]) == (True, None)
    assert len(await house.entries("recording_started")) == 1

    house.evidence.full = True
    house.evidence.recordings[0].broken = True
    await house.tick()
    await house.tick(RETRY_S + 1)
    assert await reasons(house) == [FULL, FULL]


async def test_a_fault_of_another_kind_is_told_as_one(house):
    house.evidence.refusal = OSError("no such device")
    await house.both_join()
    house.evidence.full = True
    await house.media(house.lea)

    assert house.inbox.last("ann")["recording_stopped"] == "internal"


async def test_a_record_that_cannot_be_written_either_keeps_nobody_from_being_told(
    house, monkeypatch
):
    async def broken(*_: object) -> None:
        raise OSError("disk I/O error")

    await house.both_join()
    house.evidence.full = True
    with monkeypatch.context() as patch:
        patch.setattr(type(house.scene.desk.recordings), "stop", broken)
        await house.media(house.lea)
        assert house.inbox.last("ann")["recording_stopped"] == FULL
    assert await reasons(house) == []

    await house.tick()

    assert await reasons(house) == [FULL]
