"""A participant who sends without measure: their own datagrams are dropped, the others' are not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from aioice import stun

from signalling.flow import (
    CHECKS_A_SECOND,
    HANDSHAKES_A_SECOND,
    PACKETS_A_SECOND,
    STRANGE_CHECKS_A_SECOND,
    Flow,
    Inflow,
)
from signalling.peer import Peer
from signalling.tracks import INVIGILATOR, Track
from tests.attack.flooding import flooding
from tests.harness.waiting import until
from tests.signalling.test_media_loopback import (
    LOOPBACK,
    PATIENCE_S,
    Client,
    Sink,
    clients_on_loopback,
    in_the_room,
    show_each_other,
)

pytestmark = pytest.mark.media
__all__ = ["clients_on_loopback"]

A_SECOND = 20_000
DROPPED = 15_000
"""So many are to be too many: most of a second's, and on a busy machine of as many as it takes."""
FLOOD_S = 120.0


def test_what_is_too_much_is_dropped_until_the_second_is_over() -> None:
    flow = Flow(3, 1_000)

    many = [flow.takes(10, 0.5) for _ in range(4)]
    large = [flow.takes(600, 1.6), flow.takes(600, 1.7), flow.takes(600, 2.7)]

    assert many == [True, True, True, False]
    assert large == [True, False, True]


def test_each_kind_of_datagram_has_its_own_budget_and_is_counted() -> None:
    dropped: Counter[str] = Counter()
    inflow, tried = Inflow(dropped), 3_000

    taken = [
        sum(inflow.media(100, 0.0) for _ in range(tried)),
        sum(inflow.handshake(100, 0.0) for _ in range(tried)),
        sum(inflow.check(100, 0.0, known=False) for _ in range(tried)),
        sum(inflow.check(100, 0.0, known=True) for _ in range(tried)),
    ]

    limits = [PACKETS_A_SECOND, HANDSHAKES_A_SECOND, STRANGE_CHECKS_A_SECOND, CHECKS_A_SECOND]
    assert taken == limits
    assert dropped == {
        "media": tried - PACKETS_A_SECOND,
        "handshake": tried - HANDSHAKES_A_SECOND,
        "check": 2 * tried - STRANGE_CHECKS_A_SECOND - CHECKS_A_SECOND,
    }


async def joined(client: Client, dropped: Counter[str]) -> Peer:
    """A participant whose peer counts what it drops."""
    await client.connection.setLocalDescription(await client.connection.createOffer())
    sdp = client.connection.localDescription.sdp
    peer, answer = await Peer.answer(sdp, client.shape, LOOPBACK, dropped=dropped)
    await client.take(answer)
    await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)
    return peer


async def test_one_participants_flood_takes_nothing_from_the_others() -> None:
    learner, invigilator, attacker = Client(), Client(INVIGILATOR), Client()
    dropped: Counter[str] = Counter()
    async with in_the_room(learner, invigilator) as (first, second):
        show_each_other(first, second)
        await asyncio.wait_for(invigilator.got[Track.CAMERA].wait(), PATIENCE_S)
        recorded, drowned = Sink(), Sink()
        first.tap(recorded, Track.CAMERA, Track.AUDIO)
        flooded = await joined(attacker, dropped)
        flooded.tap(drowned, Track.CAMERA, Track.AUDIO)
        began = time.monotonic()
        try:
            async with flooding(attacker, A_SECOND):
                await until(lambda: dropped["media"] >= DROPPED, FLOOD_S, "too many datagrams")
            now, written = time.monotonic(), len(recorded.audios)
            taken, link = flooded.carried, first.link(now)
        finally:
            await attacker.leave()
            await flooded.close()

        # So much at most was taken in the seconds that it went on; the last of them may be a part.
        assert taken < (int(now - began) + 2) * PACKETS_A_SECOND * 250
        assert link.loss == 0
        await until(lambda: len(recorded.audios) > written > 0, PATIENCE_S, "the recording")
        assert len(drowned.audios) < (int(now - began) + 2) * PACKETS_A_SECOND
        await until(lambda: (first.last_packet_at or 0) > now, PATIENCE_S, "the learner")


async def test_checks_without_end_are_answered_so_often_and_no_more() -> None:
    client, dropped = Client(), Counter[str]()
    peer = await joined(client, dropped)
    heard: list[object] = []
    door = next(iter(peer._link._protocols))
    peer._link._protocols[door].datagram_received = lambda *it: heard.append(it)
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{peer._link._ice.local_username}:x"
    data = bytes(message)
    try:
        for number in range(1_000):
            door.take(data, ("192.0.2.1", 1_024 + number))
    finally:
        await client.leave()
        await peer.close()

    assert 0 < len(heard) <= 2 * STRANGE_CHECKS_A_SECOND
    assert dropped["check"] >= 1_000 - 2 * STRANGE_CHECKS_A_SECOND
