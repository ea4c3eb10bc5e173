"""A learner on a thin link: single pictures, sound by the socket, and long silences."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta

import pytest

from invigilation.ladder import Rung, Way
from invigilation.presence import Sight
from invigilation.session import SessionState
from signalling import messages as m
from signalling.forms import parse
from signalling.room import IDLE_S
from signalling.seat import Person
from tests.harness.waiting import until
from tests.signalling.bodies import BODIES
from tests.signalling.house import open_house
from tests.signalling.streams import stream

VOICE = b64encode(stream(1)[0]).decode()


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


async def send(house, event: str, who: Person | None = None, **changed) -> None:
    body = {"session": house.session, **BODIES[event], **changed}
    await house.rooms.say(who or house.lea, parse(event, body))


def a_still(n: int) -> str:
    """Return a still (base64) that differs from the others."""
    body = BODIES["still"]["jpeg"]
    return b64encode(b64decode(body)[:-2] + n.to_bytes(2, "big") + b"\xff\xd9").decode()


async def by_socket(house, seconds: int, *, still_every: int = 5, first: int = 0) -> None:
    """Let sound come by the socket for some seconds, and a still now and then."""
    for n in range(first, first + seconds):
        await send(house, "sound", stream=f"run{n}", audio=VOICE)
        if n % still_every == 0:
            await send(house, "still", jpeg=a_still(n))
        await house.tick(1)


async def gaps(house) -> list:
    return list((await house.scene.desk.sessions.view(house.session)).gaps)


async def told(house) -> dict:
    return (await house.say(house.ann, m.Join))["state"]["learner"]


async def no_media(house) -> None:
    """The learner's peer ends, and none comes up again."""
    seat = house.room._stage[house.lea.party]
    await house.peers.made[0].close()
    await until(lambda: seat.peer is None, 5, "the peer to be gone")


async def test_by_the_socket_alone_a_learner_is_there_and_no_gap_opens(house):
    await house.to_start()
    await no_media(house)
    await house.tell_link(Rung.STILLS, way=Way.SOCKET)

    await by_socket(house, 20)

    learner = await told(house)
    assert (learner["media"], learner["link"]) == ("live", "good")
    assert (learner["picture"], learner["sound"]) == ("stills", "heard")
    assert learner["silent_since"] is None
    assert await gaps(house) == []


async def test_a_piece_that_waits_for_what_was_lost_before_it_is_no_gap(house):
    await house.to_start()
    await no_media(house)
    await house.tell_link(Rung.SOUND, way=Way.SOCKET)
    await by_socket(house, 5)

    await house.tick(8)
    late = await gaps(house)
    last = house.scene.clock.now() - timedelta(seconds=9)
    await house.tick(2)

    (gap,) = await gaps(house)
    assert late == []
    assert abs(gap.began - last) <= timedelta(seconds=1)


async def test_a_gap_ends_when_sound_comes_by_the_socket(house):
    await house.to_start()
    await no_media(house)
    await house.tick(15)
    (before,) = await gaps(house)
    await house.tell_link(Rung.SOUND, way=Way.SOCKET)

    await by_socket(house, 2)

    (after,) = await gaps(house)
    assert (before.ended, after.ended is not None) == (None, True)


async def test_what_staff_say_by_the_socket_is_no_sign_of_the_learner(house):
    await house.to_start()
    await no_media(house)

    for n in range(8):
        await send(house, "sound", house.ann, stream=f"run{n}", audio=VOICE)
        await house.tick(1)

    assert (await told(house))["media"] == "none"
    assert len(await gaps(house)) == 1


async def test_stills_beside_the_voice_are_what_is_seen(house):
    peer = await house.to_start()
    await house.tell_link(Rung.STILLS)
    for n in range(16):
        peer.send(*peer.shape.sends - {"camera", "screen"})
        if n % 5 == 0:
            await send(house, "still", jpeg=a_still(n))
        await house.tick(1)

    assert house.room._lookout.seen.picture is Sight.STILLS


@pytest.mark.parametrize("way", [Way.DIRECT, Way.SOCKET])
async def test_stills_that_show_nothing_are_found_and_told_and_a_hint(house, way):
    peer = await house.to_start()
    if way is Way.SOCKET:
        await no_media(house)
    await house.tell_link(Rung.STILLS, way=way)
    house.evidence.watch.sight = Sight.LOOPING
    for n in range(18):
        peer.send(*peer.shape.sends - {"camera", "screen"})
        await by_socket(house, 1, first=n)

    entries = await house.entries("signal")
    assert (await told(house))["picture"] == "looping"
    assert {"signal": "picture", "state": "looping"} in [one.data for one in entries]
    assert len(await house.entries("hint")) == 1


async def test_a_still_is_looked_at_every_ten_seconds_and_none_of_them_twice(house):
    await house.to_start()
    await no_media(house)
    await house.tell_link(Rung.STILLS, way=Way.SOCKET)
    watch = house.evidence.watch

    await by_socket(house, 38, still_every=2)
    often = len(watch.stills)
    await by_socket(house, 22, still_every=1_000, first=38)  # nobody looks at its last one again

    assert often == 4
    assert len(watch.stills) == len({*watch.stills}) == 5  # the last one, too, and once


async def test_a_moving_picture_is_looked_at_and_no_still_beside_it(house):
    peer = await house.to_start()
    for n in range(21):
        peer.send()
        await send(house, "still", jpeg=a_still(n))
        await house.tick(1)

    assert house.evidence.watch.stills == []
    assert house.evidence.watch.looked


async def test_the_same_still_again_and_again_shows_nobody(house):
    await house.to_start()
    await no_media(house)
    await house.tell_link(Rung.STILLS, way=Way.SOCKET)
    await by_socket(house, 3)

    for n in range(20):
        await send(house, "still", jpeg=a_still(0))
        if n < 10:
            await send(house, "sound", stream="run", n=0, audio=VOICE)
        else:
            await send(house, "sound", stream=f"empty{n}")
        await house.tick(1)

    assert len(await gaps(house)) == 1
    assert (await told(house))["picture"] == "none"


async def test_the_same_still_beside_the_voice_is_a_frozen_picture(house):
    await house.to_start()
    await no_media(house)
    await house.tell_link(Rung.STILLS, way=Way.SOCKET)
    await by_socket(house, 3)

    for n in range(3, 20):
        await send(house, "still", jpeg=a_still(0))
        await by_socket(house, 1, still_every=1_000, first=n)

    assert (await told(house))["picture"] == "frozen"
    assert await gaps(house) == []


# Long silences


@pytest.mark.parametrize("silence", [10, 30, 60, 600])
async def test_a_silence_interrupts_a_session_and_never_ends_it(house, silence):
    peer = await house.to_start()
    await house.tell_link(Rung.SMALL, keeps=True)
    peer.send()
    await house.tick(1)
    last = house.scene.clock.now() - timedelta(seconds=1)
    house.room.gone("lea")

    for _ in range(silence // 10):
        await house.tick(10)
    during = await told(house)
    back = Person("lea2", house.lea.party, session=house.session)
    state = (await house.say(back, m.Join))["state"]
    newer = await house.media(back)
    newer.send()
    await house.tick(1)

    (gap,) = await gaps(house)
    stamp = last.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (during["present"], during["keeps"], during["silent_since"]) == (False, True, stamp)
    assert gap.began == last
    assert gap.lost is not None
    assert abs(gap.lost.total_seconds() - silence) <= 2
    assert state["state"] == SessionState.IN_PROGRESS
    assert (state["assessment_url"] is None, state["clock"]["running"]) == (False, True)


async def test_a_room_that_everybody_has_left_goes_on_with_the_gap_when_it_opens_again(house):
    peer = await house.to_start()
    await house.tick(1)
    peer.send()
    last = house.scene.clock.now()
    for sid in ("lea", "ann"):
        house.room.gone(sid)
    room = house.room
    for _ in range(3):
        await house.tick(IDLE_S / 2 + 1)
        if room.closed.is_set() or room._stop:
            break
    await until(room.closed.is_set, 5, "the empty room to close")
    house.scene.clock.go(400)
    back = Person("lea2", house.lea.party, session=house.session)
    state = (await house.say(back, m.Join))["state"]
    await house.say(house.ann, m.Join)
    (during,) = await gaps(house)

    newer = await house.media(back)
    newer.send()
    await house.tick(1)

    (gap,) = await gaps(house)
    assert (during.began, during.ended) == (last, None)
    assert gap.ended is not None
    assert state["state"] == SessionState.IN_PROGRESS
    assert "ended" not in await house.kinds()
