"""What the server sends a learner, and lets them send: by their rung, and by their budget."""

from __future__ import annotations

import pytest

from invigilation.ladder import Budget, Rung
from signalling import messages as m
from signalling.allowance import FLOOR, UNKNOWN, WITHOUT_S
from signalling.tracks import Track
from tests.signalling.house import open_house

FACE = {Track.AUDIO, Track.CAMERA}
VOICE = {Track.AUDIO}


@pytest.fixture
async def house(tmp_path, sqlite_template):
    async with open_house(tmp_path, sqlite_template) as one:
        yield one


@pytest.fixture
async def call(house):
    """A learner and an invigilator with media; gives the learner's peer."""
    peer = await house.to_start()
    await house.media(house.ann)
    return peer


async def pass_time(house, seconds: int, peer, carried: int = 0) -> None:
    """Let seconds pass, in each of which so many bytes go over the learner's peer."""
    for _ in range(seconds):
        peer.carried += carried
        await house.tick(1)


@pytest.mark.parametrize(
    ("rung", "sent", "cap"),
    [
        (Rung.FULL, FACE, None),
        (Rung.SMALL, VOICE, 150_000),
        (Rung.SLOW, VOICE, 90_000),
        (Rung.STILLS, VOICE, 50_000),
        (Rung.SOUND, VOICE, 40_000),
        (Rung.TEXT, set(), 30_000),
    ],
)
async def test_a_rung_says_what_goes_both_ways(house, call, rung, sent, cap):
    await house.tell_link(rung)

    assert set(call.sources) == sent
    assert call.cap == cap
    assert house.inbox.last("ann")["learner"]["sees"] == (Track.CAMERA in sent)


async def test_before_the_page_has_told_of_its_link_only_the_voice_is_sent(house):
    await house.both_join()
    await house.say(house.lea, m.Offer, sdp="v=0")
    lea = house.peers.made[-1]
    lea.connected.set()
    await house.media(house.ann)
    await house.tick(1)

    assert set(lea.sources) == VOICE
    assert lea.cap == UNKNOWN


async def test_the_second_camera_keeps_to_the_same_rung(house, call):
    cam = house.camera()
    await house.say(cam, m.Join)
    second = await house.media(cam)

    await house.tell_link(Rung.SLOW)

    assert second.cap == 90_000


async def test_a_budget_holds_for_a_page_that_does_not_keep_to_it(house, call):
    await house.tell_link(Rung.FULL, budget=Budget(kbit=128))

    await pass_time(house, 10, call, carried=128_000 // 8)
    within = set(call.sources)
    await pass_time(house, 12, call, carried=200_000 // 8)

    assert within == FACE
    assert set(call.sources) == VOICE
    assert call.cap == 83_000  # what the two voices leave


async def test_the_picture_comes_back_after_a_while_and_then_stays_away_for_longer(house, call):
    await house.tell_link(Rung.FULL, budget=Budget(kbit=128))
    waits = []
    for _ in range(2):
        while set(call.sources) == FACE:
            await pass_time(house, 1, call, carried=200_000 // 8)
        began = house.scene.clock.monotonic()
        while set(call.sources) == VOICE:
            await pass_time(house, 1, call)
        waits.append(house.scene.clock.monotonic() - began)

    assert waits == [WITHOUT_S, 2 * WITHOUT_S]


async def test_megabytes_last_until_the_end(house, call):
    await house.tell_link(Rung.FULL, budget=Budget(megabytes=100), used_kb=10_000)
    remaining = (await house.scene.desk.sessions.view(house.session)).session.minutes * 60

    lasting = 8 * 90_000_000 / (remaining + 600)

    assert call.cap == int(lasting) - 45_000


async def test_when_the_megabytes_are_used_up_nothing_is_sent_any_more(house, call):
    await house.tell_link(Rung.FULL, budget=Budget(megabytes=1))

    await pass_time(house, 4, call, carried=250_000)

    assert set(call.sources) == set()
    assert call.cap == FLOOR


async def test_what_went_over_the_peer_before_counts_too(house, call):
    await house.tell_link(Rung.FULL, budget=Budget(megabytes=1))
    await pass_time(house, 3, call, carried=250_000)
    newer = await house.media(house.lea)
    await house.tell_link(Rung.FULL, budget=Budget(megabytes=1))

    await pass_time(house, 1, newer, carried=250_000)

    assert set(newer.sources) == set()


async def test_a_picture_that_does_not_get_through_is_not_sent_for_a_while(house, call):
    await house.tell_link(Rung.FULL)
    call.lost = 0.3
    await pass_time(house, 3, call)
    burst = set(call.sources)
    await pass_time(house, 3, call)
    lossy = set(call.sources)
    call.lost = 0.0

    await pass_time(house, int(WITHOUT_S), call)

    assert (burst, lossy, set(call.sources)) == (FACE, VOICE, FACE)
