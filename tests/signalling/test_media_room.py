"""The live room with real peers: from offers over Socket.IO to a picture and a recording."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiortc import RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from signalling.live import RtcPeers
from tests.builders import CONSENT, FixedClock, booked
from tests.signalling.test_media_loopback import (
    LOOPBACK,
    PATIENCE_S,
    Client,
    Picture,
    clients_on_loopback,
)
from tests.signalling.test_namespace import Page, serving

pytestmark = pytest.mark.media
__all__ = ["clients_on_loopback"]


class Clock(FixedClock):
    """Stands still for people, and runs for media."""

    def monotonic(self) -> float:
        return time.monotonic()


async def bring_media(page: Page, client: Client) -> None:
    """Offer as a page does, and take the answer."""
    connection = client.connection
    connection.addTrack(AudioStreamTrack())
    connection.addTrack(Picture())
    await connection.setLocalDescription(await connection.createOffer())
    answer = await page.say("offer", sdp=connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))


async def test_both_see_and_hear_each_other_and_the_learner_is_pictured_and_recorded(
    tmp_path, sqlite_template
):
    async with booked(tmp_path, sqlite_template) as scene:
        await scene.desk.sessions.check_in(scene.sitting.session, CONSENT)
        clock = Clock(scene.clock.now())
        async with serving(scene, RtcPeers(LOOPBACK), clock) as service:
            lea, ann = await service.learner(), await service.staff()
            clients = Client(), Client()
            for page, client in zip((lea, ann), clients, strict=True):
                await page.say("join")
                await bring_media(page, client)

            arrived = [event.wait() for client in clients for event in client.got.values()]
            await asyncio.wait_for(asyncio.gather(*arrived), PATIENCE_S)
            picture = await ann.say("snapshot", kind="face")
            state = await ann.heard("state", lambda body: body["recording"])
            for client in clients:
                await client.leave()

    assert picture["ok"] is True
    assert service.evidence.pictures[0][1][3:6] == b"\x9d\x01\x2a"  # a key frame, RFC 6386 9.1
    assert state["learner"]["media"] == "live"
    assert [one.finished for one in service.evidence.recordings] == [1]
