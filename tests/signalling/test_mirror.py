"""Mirrors send a learner's own tracks back, are few, and are always freed."""

from __future__ import annotations

import asyncio

import pytest

from signalling.mirror import MIRROR, Busy, Limits, Mirrors
from signalling.sdp import SdpRefused
from signalling.tracks import Track
from tests.signalling.doubles import FakePeer, FakePeers

SOON = Limits(most=2, longest_s=75, connect_s=25, silent_s=8, look_s=0.001)


class Hand:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
async def hall():
    clock = Hand()
    peers = FakePeers(clock)
    mirrors = Mirrors(peers, clock.monotonic, SOON)
    yield mirrors, peers, clock
    await mirrors.close()


async def freed(peer):
    async with asyncio.timeout(5):
        await peer.closed.wait()


async def empty(mirrors):
    async with asyncio.timeout(5):
        while len(mirrors):  # noqa: ASYNC110 - there is nothing to be woken by
            await asyncio.sleep(0)


async def test_a_mirror_sends_sound_and_picture_back_and_nothing_else(hall):
    mirrors, peers, _ = hall

    answer = await mirrors.open("rq_1", "offer")

    [peer] = peers.made
    assert answer == "answer to offer"
    assert peer.shape is MIRROR
    assert peer.sources == {track: (peer, track) for track in (Track.AUDIO, Track.CAMERA)}
    assert peer.sinks == []
    assert len(mirrors) == 1


async def test_a_login_has_one_mirror(hall):
    mirrors, peers, _ = hall
    await mirrors.open("rq_1", "offer")

    await mirrors.open("rq_1", "offer again")

    assert [peer.closed.is_set() for peer in peers.made] == [True, False]
    assert len(mirrors) == 1


async def test_two_pages_of_a_login_at_once_leave_one_mirror(hall):
    mirrors, peers, _ = hall

    await asyncio.gather(*(mirrors.open("rq_1", f"offer {n}") for n in range(2)))

    await freed(peers.made[0])
    assert [peer.closed.is_set() for peer in peers.made] == [True, False]


async def test_many_pages_of_a_login_at_once_leave_one_mirror_and_none_uncounted(hall, monkeypatch):
    mirrors, peers, _ = hall
    close, answer = FakePeer.close, peers.answer

    async def slowly(peer):
        await asyncio.sleep(0)
        await close(peer)

    async def later(sdp, shape):
        await asyncio.sleep(0)
        return await answer(sdp, shape)

    monkeypatch.setattr(FakePeer, "close", slowly)
    monkeypatch.setattr(peers, "answer", later)
    mirrors._limits = Limits(most=3)

    await asyncio.gather(*(mirrors.open("rq_1", f"offer {n}") for n in range(3)))
    await mirrors.end("rq_1")

    assert all(peer.closed.is_set() for peer in peers.made)


async def test_there_are_only_so_many(hall):
    mirrors, _, _ = hall
    await mirrors.open("rq_1", "offer")
    await mirrors.open("rq_2", "offer")

    with pytest.raises(Busy):
        await mirrors.open("rq_3", "offer")

    await mirrors.end("rq_1")
    await mirrors.open("rq_3", "offer")


async def test_a_refused_offer_takes_no_place(hall):
    mirrors, _, _ = hall

    with pytest.raises(SdpRefused):
        await mirrors.open("rq_1", "nonsense")

    assert len(mirrors) == 0


@pytest.mark.parametrize(
    ("passes", "sends"),
    [
        pytest.param(25.5, False, id="it never connected"),
        pytest.param(8.5, True, id="its page has vanished"),
    ],
)
async def test_a_mirror_is_freed_when_nothing_comes(hall, passes, sends):
    mirrors, peers, clock = hall
    await mirrors.open("rq_1", "offer")
    if sends:
        peers.made[0].send()

    clock.at += passes

    await freed(peers.made[0])
    await empty(mirrors)


async def test_a_mirror_that_is_used_is_freed_when_its_time_is_over(hall):
    mirrors, peers, clock = hall
    await mirrors.open("rq_1", "offer")

    clock.at += 75.5
    peers.made[0].send()

    await freed(peers.made[0])


async def test_a_mirror_is_freed_when_its_connection_has_ended(hall):
    mirrors, peers, _ = hall
    await mirrors.open("rq_1", "offer")

    peers.made[0].closed.set()

    await empty(mirrors)


async def test_closing_frees_all(hall):
    mirrors, peers, _ = hall
    await mirrors.open("rq_1", "offer")
    await mirrors.open("rq_2", "offer")

    await mirrors.close()

    assert all(peer.closed.is_set() for peer in peers.made)
