"""The live room with real peers: from offers over Socket.IO to a picture and a recording."""

from __future__ import annotations

import asyncio
import time

import pytest

from invigilation.presence import Source
from signalling.live import RtcPeers
from signalling.tracks import INVIGILATOR
from tests.builders import CONSENT, FixedClock, add_invigilator, booked
from tests.signalling.bodies import BODIES
from tests.signalling.service import Page, serving
from tests.signalling.test_media_loopback import (
    FACE,
    LOOPBACK,
    PATIENCE_S,
    Client,
    clients_on_loopback,
)

pytestmark = pytest.mark.media
__all__ = ["clients_on_loopback"]


class Clock(FixedClock):
    """Stands still for people, and runs for media."""

    def monotonic(self) -> float:
        return time.monotonic()


async def bring_media(page: Page, client: Client) -> None:
    """Offer as a page does, and take the answer; a learner's tells of its link before."""
    await page.say("link", **BODIES["link"] | {"rung": "full"})  # refused to others
    await client.connection.setLocalDescription(await client.connection.createOffer())
    answer = await page.say("offer", sdp=client.connection.localDescription.sdp)
    await client.take(answer["sdp"])


async def test_both_see_and_hear_each_other_and_the_learner_is_pictured_and_recorded(
    tmp_path, sqlite_template
):
    async with booked(tmp_path, sqlite_template) as scene:
        await scene.desk.sessions.check_in(scene.sitting.session, CONSENT)
        clock = Clock(scene.clock.now())
        async with serving(scene, RtcPeers(LOOPBACK), clock) as service:
            lea, ann = await service.learner(), await service.staff()
            clients = Client(), Client(INVIGILATOR)
            for page, client in zip((lea, ann), clients, strict=True):
                await page.say("join")
                await bring_media(page, client)

            arrived = [client.got[track].wait() for client in clients for track in FACE]
            await asyncio.wait_for(asyncio.gather(*arrived), PATIENCE_S)
            picture = await ann.say("snapshot", kind="face")
            state = await ann.heard("state", lambda body: body["recording"])
            for client in clients:
                await client.leave()

    assert picture["ok"] is True
    assert service.evidence.pictures[0][1][3:6] == b"\x9d\x01\x2a"  # a key frame, RFC 6386 9.1
    assert state["learner"]["media"] == "live"
    kept = {one.part.kind: one.finished for one in service.evidence.recordings}
    assert kept == {"recording": 1, "screen_recording": 1, "invigilator_recording": 1}


async def test_a_colleague_takes_over_with_real_media(tmp_path, sqlite_template):
    async with booked(tmp_path, sqlite_template) as scene:
        bob = await add_invigilator(scene.desk, "Bob Baker")
        await scene.desk.sessions.check_in(scene.sitting.session, CONSENT)
        clock = Clock(scene.clock.now())
        async with serving(scene, RtcPeers(LOOPBACK), clock) as service:
            lea, ann, new = await service.learner(), await service.staff(), await service.staff(bob)
            clients = Client(), Client(INVIGILATOR), Client(INVIGILATOR)
            for page, client in zip((lea, ann), clients, strict=False):
                await page.say("join")
                await bring_media(page, client)
            arrived = [client.got[track].wait() for client in clients[:2] for track in FACE]
            await asyncio.wait_for(asyncio.gather(*arrived), PATIENCE_S)
            (camera,) = service.evidence.of(Source.CAMERA)

            await ann.say("hand_over", to=bob.id)
            assert (await new.say("take_over"))["ok"] is True
            await new.say("join")
            still = ann.of("released")
            await bring_media(new, clients[2])
            arrived = [clients[2].got[track].wait() for track in FACE]
            await asyncio.wait_for(asyncio.gather(*arrived), PATIENCE_S)
            released = await ann.heard("released")
            during = camera.finished
            for client in clients:
                await client.leave()

    assert (still, released["to"]) == ([], "Bob Baker")
    assert during == 0
    assert service.evidence.of(Source.CAMERA) == [camera]
    assert len(service.evidence.of(Source.INVIGILATOR)) == 1
