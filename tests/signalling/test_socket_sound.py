"""Voices by the socket: who hears them, from where on, and what the recording gets."""

from __future__ import annotations

import itertools
from base64 import b64decode
from datetime import timedelta

import pytest

from invigilation.errors import Busy, InvalidInput, NotAllowed
from invigilation.people import Role
from invigilation.presence import Source
from recordings import webm
from signalling import messages as m
from signalling.commands import Tick
from signalling.socket_sound import FRAMES_WAITING
from tests.signalling.house import open_house
from tests.signalling.streams import packet, stream

PIECES = stream(8)


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        await one.both_join()
        yield one


async def piece(house, who, n: int, *, name: str = "s1", audio: bytes | None = None) -> dict:
    """Send one piece a second after the one before."""
    house.scene.clock.go(1)
    at = house.scene.clock.now() - timedelta(seconds=1)
    data = PIECES[n] if audio is None else audio
    return await house.say(who, m.SoundPiece, stream=name, n=n, at=at, audio=data)


def heard(house, sid: str) -> list[tuple[str, int, bytes]]:
    bodies = house.inbox.of(sid, "sound")
    return [(one["from"], one["n"], b64decode(one["audio"])) for one in bodies]


async def test_staff_hear_the_learner_and_the_learner_the_invigilator(house):
    sue = await house.colleague("Sue Super", Role.ADMINISTRATOR)
    await house.say(sue, m.Join)
    await house.say(house.camera(), m.Join)

    await piece(house, house.lea, 0)
    await piece(house, house.ann, 0)

    for sid in ("ann", "sue"):
        assert heard(house, sid) == [("learner", 0, PIECES[0])]
    assert heard(house, "lea") == [("invigilator", 0, PIECES[0])]
    assert heard(house, "cam") == []


async def test_two_who_speak_at_once_are_passed_on_whole(house):
    for n in range(3):
        await piece(house, house.lea, n)
        await piece(house, house.ann, n)

    for sid, who in (("ann", "learner"), ("lea", "invigilator")):
        assert heard(house, sid) == [(who, n, PIECES[n]) for n in range(3)]


async def test_who_comes_late_begins_with_the_header_and_a_cluster(house):
    for n in range(3):
        await piece(house, house.lea, n)
    sue = await house.colleague("Sue Super", Role.ADMINISTRATOR)
    await house.say(sue, m.Join)

    for n in (3, 4):
        await piece(house, house.lea, n)

    (_, n, first), (_, _, second) = heard(house, "sue")
    cluster = PIECES[3].index(b"\x1f\x43\xb6\x75")
    assert (n, first) == (3, webm.live_header() + PIECES[3][cluster:])
    assert second == PIECES[4]


async def test_who_is_slow_misses_a_piece_and_goes_on_with_a_header(house):
    await piece(house, house.lea, 0)
    house.inbox.slow["ann"] = FRAMES_WAITING
    await piece(house, house.lea, 1)
    house.inbox.slow["ann"] = 0
    await piece(house, house.lea, 2)

    assert [n for _, n, _ in heard(house, "ann")] == [0, 2]
    assert heard(house, "ann")[1][2].startswith(webm.live_header())


async def test_who_has_media_hears_nothing_twice(house):
    await house.media(house.lea)

    await piece(house, house.ann, 0)

    assert heard(house, "lea") == []


async def test_a_repeated_piece_is_passed_on_once(house):
    await piece(house, house.lea, 0)
    await piece(house, house.lea, 0)

    assert len(heard(house, "ann")) == 1


@pytest.mark.parametrize(
    ("n", "name", "audio"),
    [(2, "s1", None), (1, "s2", None), (1, "s1", b"\x00" * 40), (1, "s1", PIECES[0][:9] * 9)],
    ids=["missing", "headless", "nonsense", "repeated"],
)
async def test_a_stream_that_does_not_go_on_is_refused_until_a_new_one(house, n, name, audio):
    await piece(house, house.lea, 0)

    try:
        await piece(house, house.lea, n, name=name, audio=audio)
    except InvalidInput:
        pass
    else:
        assert audio == PIECES[0][:9] * 9
    await piece(house, house.lea, 0, name="s3")

    assert heard(house, "ann")[-1] == ("learner", 0, PIECES[0])


async def test_a_flood_is_refused(house):
    said = {"stream": "s1", "at": house.scene.clock.now()}
    for n in range(8):
        await house.say(house.lea, m.SoundPiece, n=n, audio=PIECES[n], **said)

    with pytest.raises(Busy):
        await house.say(house.lea, m.SoundPiece, n=8, audio=PIECES[8], **said)


async def test_nobody_else_sends_sound_nor_anybody_after_the_end(house):
    await house.say(house.camera(), m.Join)
    for person in (house.camera(), await house.colleague("Bob Other")):
        with pytest.raises(NotAllowed):
            await piece(house, person, 0)
    await house.say(house.ann, m.Refuse, reason="No document")

    with pytest.raises(NotAllowed):
        await piece(house, house.lea, 0)


async def test_what_is_said_is_recorded_at_its_time_as_a_peers_voice_is(house):
    await piece(house, house.lea, 0)
    await piece(house, house.ann, 0)
    await house.room.do(Tick())
    for n in (1, 2):
        await piece(house, house.lea, n)
    await piece(house, house.ann, 1)

    [camera] = house.evidence.of(Source.CAMERA)
    [voice] = house.evidence.of(Source.INVIGILATOR)
    assert len(camera.packets) > 30
    came = [packet(n) for n in range(16, 16 + len(camera.packets))]
    assert [data for data, _, _ in camera.packets] == came
    assert len(voice.packets) > 15
    stamps = [stamp for _, stamp, _ in camera.packets]
    assert {after - before for before, after in itertools.pairwise(stamps)} == {60 * 48}
    now = house.scene.clock.monotonic()
    assert all(now - 4 <= came <= now for _, _, came in camera.packets)


async def test_with_media_back_the_recording_goes_on_with_them(house):
    await piece(house, house.lea, 0)
    await house.room.do(Tick())
    peer = await house.media(house.lea)
    peer.send()
    await house.room.do(Tick())

    [camera] = house.evidence.of(Source.CAMERA)
    await piece(house, house.lea, 1)

    assert [sink for sink, _, _ in peer.sinks].count(camera) == 1
    assert camera.packets == []
