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
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from aiortc.rtcrtptransceiver import RTCRtpTransceiver

from signalling.peer import MediaSettings, NoPicture, Peer
from signalling.tracks import INVIGILATOR, LEARNER, SECOND_CAMERA, SUPERVISOR, Shape, Track

pytestmark = pytest.mark.media
LOOPBACK = MediaSettings(host_addresses=("127.0.0.1",))
PATIENCE_S = 20


class Picture(VideoStreamTrack):
    """A small moving picture at 30 frames a second, from when the camera is on."""

    def __init__(self, on: asyncio.Event) -> None:
        super().__init__()
        self.on = on

    async def recv(self) -> av.VideoFrame:
        await self.on.wait()
        pts, base = await self.next_timestamp()
        image = np.full((120, 160, 3), pts // 3000 % 256, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = pts, fractions.Fraction(base)
        return frame


class Client:
    """A participant's side: sends what its shape sends, and counts what comes on each m-line."""

    def __init__(self, shape: Shape = LEARNER) -> None:
        self.shape = shape
        self.camera_on = asyncio.Event()
        self.camera_on.set()
        # by any other policy, the stack leaves all but the first picture on a dead transport
        together = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.connection = RTCPeerConnection(together)
        self.got: dict[Track, asyncio.Event] = {track: asyncio.Event() for track in shape.lines}
        self.tasks: list[asyncio.Task[None]] = []
        self.lines = {track: self.add(track) for track in shape.lines}
        self.connected = asyncio.Event()
        self.connection.on("connectionstatechange", self.note)

    def add(self, track: Track) -> RTCRtpTransceiver:
        """Add an m-line, with something to send when the shape sends it."""
        sends, receives = track in self.shape.sends, track in self.shape.receives
        if not sends:
            way = "recvonly" if receives else "inactive"
            return self.connection.addTransceiver(track.kind.value, direction=way)
        source = AudioStreamTrack() if track is Track.AUDIO else Picture(self.camera_on)
        way = "sendrecv" if receives else "sendonly"
        return self.connection.addTransceiver(source, direction=way)

    def note(self) -> None:
        if self.connection.connectionState == "connected":
            self.connected.set()

    async def count(self, track: Track) -> None:
        with contextlib.suppress(Exception):
            for _ in range(5):
                await self.lines[track].receiver.track.recv()
            self.got[track].set()
            while True:
                await self.lines[track].receiver.track.recv()

    async def join(self, settings: MediaSettings = LOOPBACK) -> Peer:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        sdp = self.connection.localDescription.sdp
        peer, answer = await Peer.answer(sdp, self.shape, settings)
        await self.take(answer)
        return peer

    async def take(self, answer: str) -> None:
        """Take the answer, and count from now on."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for track in self.shape.receives:
            self.tasks.append(asyncio.ensure_future(self.count(track)))

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


FACE = (Track.AUDIO, Track.CAMERA)


def show_each_other(one: Peer, other: Peer) -> None:
    one.receive_from({track: (other, track) for track in FACE})
    other.receive_from({track: (one, track) for track in (*FACE, Track.SCREEN)})


async def test_sound_and_pictures_arrive_both_ways() -> None:
    learner, invigilator = Client(), Client(INVIGILATOR)
    async with in_the_room(learner, invigilator) as (first, second):
        show_each_other(first, second)

        arrived = [learner.got[track].wait() for track in FACE]
        arrived += [invigilator.got[track].wait() for track in (*FACE, Track.SCREEN)]
        await asyncio.wait_for(asyncio.gather(*arrived), PATIENCE_S)

        assert first.packet_at(Track.SCREEN) is not None
        assert second.packet_at(Track.SCREEN) is None
        assert not invigilator.got[Track.SECOND].is_set()


async def test_the_handshake_waits_for_no_answer_to_our_own_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learner = Client()
    ice = learner.connection.getTransceivers()[0].receiver.transport.transport._connection
    monkeypatch.setattr(ice, "request_received", lambda *_: None)

    async with in_the_room(learner) as [peer]:
        assert peer.connected.is_set()


async def test_one_source_may_have_several_watchers() -> None:
    camera, invigilator, supervisor = Client(SECOND_CAMERA), Client(INVIGILATOR), Client(SUPERVISOR)
    async with in_the_room(camera, invigilator, supervisor) as (source, *watchers):
        for watcher in watchers:
            watcher.receive_from({Track.SECOND: (source, Track.CAMERA)})

        seen = [client.got[Track.SECOND].wait() for client in (invigilator, supervisor)]
        await asyncio.wait_for(asyncio.gather(*seen), PATIENCE_S)

        assert watchers[1].last_packet_at is None


async def test_a_key_frame_decodes() -> None:
    async with in_the_room(Client()) as (peer,):
        data = await peer.key_frame(PATIENCE_S)

        pictures = av.CodecContext.create("vp8", "r").decode(av.Packet(data))
        assert [(picture.width, picture.height) for picture in pictures] == [(160, 120)]


async def test_a_key_frame_that_comes_late_is_waited_for() -> None:
    client = Client()
    client.camera_on.clear()
    async with in_the_room(client) as (peer,):
        with pytest.raises(NoPicture):
            await peer.key_frame(0)

        asked = asyncio.ensure_future(peer.key_frame(0, wider_than=10_000, longest=PATIENCE_S))
        client.camera_on.set()

        assert await asked


async def test_a_tap_gives_whole_frames_on_growing_clocks() -> None:
    async with in_the_room(Client()) as (peer,):
        sink = Sink()
        untap = peer.tap(sink, Track.CAMERA, Track.AUDIO)
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
        peer.tap(Broken(), Track.CAMERA, Track.AUDIO)
        peer.tap(good, Track.CAMERA, Track.AUDIO)

        await asyncio.wait_for(good.enough.wait(), PATIENCE_S)

        assert caplog.text.count("is dropped") == 1


async def test_the_other_side_leaving_closes_the_peer() -> None:
    client = Client()
    async with in_the_room(client) as (peer,):
        await asyncio.wait_for(client.connected.wait(), PATIENCE_S)

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
