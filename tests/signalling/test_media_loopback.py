"""Two aiortc clients through two peers, over real sockets on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import itertools
from collections.abc import AsyncIterator

import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack

from signalling.peer import MediaSettings, NoPicture, Peer

pytestmark = pytest.mark.media
LOOPBACK = MediaSettings(host_addresses=("127.0.0.1",))
PATIENCE_S = 20


class Picture(VideoStreamTrack):
    """A small moving picture at 30 frames a second."""

    async def recv(self) -> av.VideoFrame:
        pts, base = await self.next_timestamp()
        image = np.full((120, 160, 3), pts // 3000 % 256, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = pts, fractions.Fraction(base)
        return frame


class Client:
    """A participant's side: sends a picture and sound, and counts what comes."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.got: dict[str, asyncio.Event] = {"audio": asyncio.Event(), "video": asyncio.Event()}
        self.tasks: list[asyncio.Task[None]] = []
        self.connection.on("track", self.on_track)

    def on_track(self, track: MediaStreamTrack) -> None:
        self.tasks.append(asyncio.ensure_future(self.count(track)))

    async def count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(Exception):
            for _ in range(10):
                await track.recv()
            self.got[track.kind].set()
            while True:
                await track.recv()

    async def join(self, settings: MediaSettings = LOOPBACK) -> Peer:
        self.connection.addTrack(AudioStreamTrack())
        self.connection.addTrack(Picture())
        await self.connection.setLocalDescription(await self.connection.createOffer())
        peer, answer = await Peer.answer(self.connection.localDescription.sdp, settings)
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return peer

    async def leave(self) -> None:
        await self.connection.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def clients_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


@contextlib.asynccontextmanager
async def in_the_room(*clients: Client) -> AsyncIterator[list[Peer]]:
    peers = [await client.join() for client in clients]
    try:
        for peer in peers:
            await asyncio.wait_for(peer.connected.wait(), PATIENCE_S)
        yield peers
    finally:
        for client in clients:
            await client.leave()
        for peer in peers:
            await peer.close()


class Sink:
    def __init__(self) -> None:
        self.videos: list[tuple[bytes, int, bool]] = []
        self.audios: list[int] = []
        self.enough = asyncio.Event()

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001
        self.videos.append((frame, rtp_timestamp, key_frame))
        self._check()

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        self.audios.append(rtp_timestamp)
        self._check()

    def _check(self) -> None:
        if len(self.videos) >= 10 and len(self.audios) >= 10:
            self.enough.set()


async def test_sound_and_picture_arrive_both_ways() -> None:
    learner, invigilator = Client(), Client()
    async with in_the_room(learner, invigilator) as (first, second):
        first.forward_to(second)
        second.forward_to(first)

        arrived = [event.wait() for c in (learner, invigilator) for event in c.got.values()]
        await asyncio.wait_for(asyncio.gather(*arrived), PATIENCE_S)

        assert first.last_packet_at is not None


async def test_a_key_frame_decodes() -> None:
    async with in_the_room(Client()) as (peer,):
        data = await peer.key_frame(PATIENCE_S)

        pictures = av.CodecContext.create("vp8", "r").decode(av.Packet(data))
        assert [(picture.width, picture.height) for picture in pictures] == [(160, 120)]


async def test_a_tap_gives_whole_frames_on_growing_clocks() -> None:
    async with in_the_room(Client()) as (peer,):
        sink = Sink()
        untap = peer.tap(sink)
        await asyncio.wait_for(sink.enough.wait(), PATIENCE_S)

        untap()

        decoder = av.CodecContext.create("vp8", "r")
        assert sink.videos[0][2]
        assert all(len(decoder.decode(av.Packet(frame))) == 1 for frame, _, _ in sink.videos)
        clocks = [when for _, when, _ in sink.videos], sink.audios
        assert all(a < b for clock in clocks for a, b in itertools.pairwise(clock))


async def test_a_failing_sink_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Sink):
        def video(self, *_: object) -> None:
            raise RuntimeError("disk full")

    async with in_the_room(Client()) as (peer,):
        good = Sink()
        peer.tap(Broken())
        peer.tap(good)

        await asyncio.wait_for(good.enough.wait(), PATIENCE_S)

        assert caplog.text.count("is dropped") == 1


async def test_the_other_side_leaving_closes_the_peer() -> None:
    client = Client()
    async with in_the_room(client) as (peer,):
        await client.leave()

        await asyncio.wait_for(peer.closed.wait(), PATIENCE_S)
        await peer.close()


async def test_a_peer_that_nobody_connects_to_gives_up() -> None:
    client = Client()
    peer = await client.join(MediaSettings(host_addresses=("127.0.0.1",), connect_timeout_s=0.0))

    await asyncio.wait_for(peer.closed.wait(), PATIENCE_S)

    with pytest.raises(NoPicture):
        await peer.key_frame(0.01)
    await peer.close()
    await client.leave()
