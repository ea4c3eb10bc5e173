"""Stills: seen by the staff alone, never in a queue, kept now and then, and around incidents."""

from __future__ import annotations

import asyncio
import json
import struct
from base64 import b64decode
from datetime import timedelta

import pytest

from invigilation.consent import Purpose
from invigilation.errors import Busy, InvalidInput, NotAllowed
from invigilation.identity import SnapshotKind
from invigilation.incident import Severity
from invigilation.ladder import Rung
from invigilation.people import Role
from invigilation.presence import Source
from signalling import messages as m
from signalling.commands import NoCamera, Tick
from signalling.stills import AROUND_S, FRAMES_WAITING, KEEP_EVERY_S, LATE_S
from signalling.tracks import Track
from signalling.words import stamp
from tests.harness.waiting import until
from tests.signalling.house import open_house

NOISE = {"category": "environment.noise", "severity": Severity.LOW, "note": ""}


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        await one.both_join()
        yield one


def jpeg(name: str = "", size: tuple[int, int] = (320, 240), frames: int = 1) -> bytes:
    """Return the headers of a JPEG of this size, and a name in place of a picture."""
    width, height = size
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + frame * frames + b"\xff\xda\x00\x02" + name.encode() + b"\xff\xd9"


def name_of(still: bytes) -> str:
    return still[:-2].rpartition(b"\x00\x02")[2].decode()


async def still(house, name: str = "", ago: float = 0.3, after: float = 2) -> dict:
    """Send a still that was taken so long ago, so many seconds after the one before."""
    house.scene.clock.go(after)
    at = house.scene.clock.now() - timedelta(seconds=ago)
    return await house.say(house.lea, m.Still, at=at, jpeg=jpeg(name))


def seen(house, sid: str) -> list[dict]:
    return house.inbox.of(sid, "still")


def kept(house) -> list[bytes]:
    [recording] = house.evidence.of(Source.STILLS)
    return [frame for frame, _ in recording.frames]


async def test_the_invigilator_and_who_looks_in_see_it_and_nobody_else(house):
    sue = await house.colleague("Sue Super", Role.ADMINISTRATOR)
    cam = house.camera()
    for person in (sue, cam):
        await house.say(person, m.Join)

    await still(house, "one")

    [shown] = seen(house, "ann")
    assert shown["session"] == house.session
    assert b64decode(shown["jpeg"]) == jpeg("one")
    assert len(seen(house, "sue")) == 1
    assert seen(house, "lea") == seen(house, "cam") == []


async def test_who_is_slow_gets_the_next_one_and_no_queue(house):
    house.inbox.slow["ann"] = FRAMES_WAITING
    await still(house, "missed")
    house.inbox.slow["ann"] = 0
    await still(house, "newest")

    assert len(seen(house, "ann")) == 1


@pytest.mark.parametrize(("ago", "told"), [(-3600, 0), (1.5, 1.5), (3600, LATE_S)])
async def test_a_page_cannot_make_it_newer_than_now_nor_as_old_as_it_likes(house, ago, told):
    await still(house, ago=ago)

    taken = house.scene.clock.now() - timedelta(seconds=told)
    assert seen(house, "ann")[0]["at"] == stamp(taken)


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a",
        jpeg()[:-1],
        jpeg()[:12] + b"\xff\xd9",
        b"\x89PNG\r\n\x1a\n\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x00\xff\xd9",
        jpeg(size=(60_000, 60_000)),
        jpeg(size=(640, 641)),
        jpeg(size=(320, 20)),
        jpeg(frames=2),
        jpeg(frames=0),
    ],
    ids=["gif", "cut", "headless", "png", "empty", "wall", "high", "flat", "two", "none"],
)
async def test_what_is_no_jpeg_is_refused_and_shown_to_nobody(house, data):
    with pytest.raises(InvalidInput):
        await house.say(house.lea, m.Still, at=house.scene.clock.now(), jpeg=data)

    assert seen(house, "ann") == []


async def test_a_flood_is_refused(house):
    for _ in range(3):
        await still(house, after=0)

    with pytest.raises(Busy):
        await still(house, after=0)
    await still(house, after=1)

    assert len(seen(house, "ann")) == 4


async def test_only_the_learner_sends_them_and_only_while_the_session_lives(house):
    for person in (house.ann, house.camera()):
        with pytest.raises(NotAllowed):
            await house.say(person, m.Still, at=house.scene.clock.now(), jpeg=jpeg())
    await house.say(house.ann, m.Refuse, reason="No document")

    with pytest.raises(NotAllowed):
        await still(house)


async def test_one_in_ten_seconds_is_kept(house):
    await still(house, "first")
    await house.room.do(Tick())
    for number in range(12):
        await still(house, f"{number:02}", after=KEEP_EVERY_S / 5)

    assert kept(house) == [jpeg("00"), jpeg("05"), jpeg("10")]


async def test_all_are_kept_around_an_incident(house):
    await house.to_start()
    house.scene.clock.go(20)
    await still(house)
    await house.room.do(Tick())
    for number in range(10):
        await still(house, f"{number:02}")
    await house.say(house.ann, m.NoteIncident, **NOISE, picture=False)
    for number in range(10, 20):
        await still(house, f"{number:02}")

    numbers = {int(name_of(one)) for one in kept(house)}
    assert {*range(10 - int(AROUND_S // 2), 10 + int(AROUND_S // 2))} <= numbers
    assert len(numbers) < 20


async def test_an_incident_has_a_still_taken_now_for_its_picture(house):
    await house.to_start()
    house.scene.clock.go(20)
    await still(house, "before")

    noting = house.rooms.say(
        house.ann, m.NoteIncident(session=house.session, **NOISE, picture=True)
    )
    asked = asyncio.create_task(noting)
    await until(lambda: house.inbox.of("lea", "sharpen"), 5, "the page to be asked")
    await still(house, "now", ago=0, after=0.5)
    await asked

    assert house.evidence.pictures[-1] == (SnapshotKind.INCIDENT, jpeg("now"))
    [incident] = await house.entries("incident")
    assert json.loads(incident.body)["data"]["picture"]


async def test_beside_a_picture_in_full_size_the_next_small_still_will_do(house):
    await house.tell_link(Rung.STILLS)
    await still(house, "before")

    taking = house.rooms.say(
        house.ann, m.Snapshot(session=house.session, kind=SnapshotKind.ID_DOCUMENT)
    )
    asked = asyncio.create_task(taking)
    await until(lambda: house.inbox.of("lea", "picture_wanted"), 5, "the page to be asked")
    await still(house, "now", ago=0, after=0.5)
    await asked

    assert house.evidence.pictures == [(SnapshotKind.ID_DOCUMENT, jpeg("now"))]
    assert house.inbox.of("lea", "sharpen") == []


async def test_without_a_still_that_is_fresh_there_is_no_picture(house):
    await still(house)
    house.scene.clock.go(30)

    with pytest.raises(NoCamera):
        await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)


async def test_a_moving_picture_goes_before_a_still(house):
    peer = await house.media(house.lea)
    await still(house)
    peer.send(Track.CAMERA)

    await house.say(house.ann, m.Snapshot, kind=SnapshotKind.FACE)

    assert house.evidence.pictures == [(SnapshotKind.FACE, b"key frame")]


async def test_nothing_is_kept_of_who_takes_their_consent_back(house):
    await still(house)
    await house.room.do(Tick())
    await house.scene.desk.consents.withdraw(house.session, Purpose.RECORDING, "learner")
    house.room.look()
    await house.room.do(Tick())

    [recording] = house.evidence.of(Source.STILLS)
    await until(lambda: recording.finished, 5, "the file to be complete")
    before = len(recording.frames)
    for _ in range(10):
        await still(house)

    assert len(recording.frames) == before
