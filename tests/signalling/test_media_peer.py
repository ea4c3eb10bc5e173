"""A peer as the room sees it, fed with packets instead of a browser."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest
from aiortc import rtp as stock

from invigilation.presence import Sound
from signalling.forwarding import Formats
from signalling.media import Marks
from signalling.peer import MediaSettings, NoPicture, Peer
from signalling.rtp import RtpPacket
from signalling.tracks import INVIGILATOR, LEARNER, SUPERVISOR, Shape, Track

pytestmark = pytest.mark.media
KEY, DELTA = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00", b"\x10\x01delta"
WIDE = KEY.replace(b"\x40\x01", b"\x80\x02")
LOOPBACK = MediaSettings(host_addresses=("127.0.0.1",))


@dataclass
class Wishes:
    """Counts the key frames that the publisher is asked for."""

    asked: int = 0

    def send(self, packet: bytes) -> None:
        for parsed in stock.RtcpPacket.parse(packet):
            self.asked += isinstance(parsed, stock.RtcpPsfbPacket)


@dataclass
class Sink:
    videos: list[tuple[bytes, int, bool, float]] = field(default_factory=list)
    audios: list[tuple[bytes, int, float]] = field(default_factory=list)

    def video(self, frame: bytes, rtp_timestamp: int, key_frame: bool, received: float) -> None:  # noqa: FBT001
        self.videos.append((frame, rtp_timestamp, key_frame, received))

    def audio(self, packet: bytes, rtp_timestamp: int, received: float) -> None:
        self.audios.append((packet, rtp_timestamp, received))


class Studio:
    """A peer that is not connected, and packets for it."""

    def __init__(self, shape: Shape = LEARNER) -> None:
        self.peer = Peer(shape, LOOPBACK)
        self.media = self.peer._media
        self.media.receive(Track.CAMERA, Formats(96, None), Marks())
        self.media.receive(Track.AUDIO, Formats(111, None), Marks())
        self.wishes = Wishes()
        self.media.incoming[Track.CAMERA]._wire = self.wishes

    def show(self, sequence: int, payload: bytes, now: float, stamp: int = 0) -> None:
        packet = RtpPacket(96, True, sequence, stamp & 0xFFFFFFFF, 7, payload)
        self.media.on_rtp(packet.to_bytes(), now)

    def say(self, sequence: int, payload: bytes, now: float, stamp: int) -> None:
        packet = RtpPacket(111, False, sequence, stamp & 0xFFFFFFFF, 8, payload)
        self.media.on_rtp(packet.to_bytes(), now)


async def test_a_tap_asks_for_a_key_frame_at_the_start_and_every_ten_seconds() -> None:
    studio, asked, now = Studio(), [], time.monotonic()
    studio.peer.tap(Sink(), Track.CAMERA, Track.AUDIO)
    for second in range(26):
        key = second in (1, 11, 21)
        studio.show(second, KEY if key else DELTA, now + second, second * 90_000)
        if studio.wishes.asked > len(asked):
            asked.append(second)

    assert asked == [0, 10, 20]
    await studio.peer.close()


async def test_a_tap_gives_clocks_that_do_not_wrap() -> None:
    studio, sink = Studio(), Sink()
    studio.peer.tap(sink, Track.CAMERA, Track.AUDIO)
    top = 1 << 32

    studio.show(1, KEY, 1.0, top - 3000)
    studio.show(2, DELTA, 2.0, top + 6000)
    studio.say(5, b"one", 1.5, top - 960)
    studio.say(6, b"two", 2.5, top)

    assert [video[1:] for video in sink.videos] == [
        (top - 3000, True, 1.0),
        (top + 6000, False, 2.0),
    ]
    assert sink.audios == [(b"one", top - 960, 1.5), (b"two", top, 2.5)]
    await studio.peer.close()


async def test_after_untapping_nothing_comes() -> None:
    studio, sink = Studio(), Sink()
    untap = studio.peer.tap(sink, Track.CAMERA, Track.AUDIO)
    studio.show(1, KEY, 1.0)

    untap()
    untap()

    studio.show(2, DELTA, 2.0, 3000)
    assert len(sink.videos) == 1
    await studio.peer.close()


async def test_a_snapshot_is_the_next_whole_key_frame() -> None:
    studio = Studio()
    snapshot = asyncio.create_task(studio.peer.key_frame(5))
    await asyncio.sleep(0)

    studio.show(1, DELTA, 1.0)
    studio.show(2, KEY, 1.1, 3000)

    assert await snapshot == KEY[1:]
    await studio.peer.close()


async def test_a_snapshot_waits_for_a_wide_picture() -> None:
    studio = Studio()
    snapshot = asyncio.create_task(studio.peer.key_frame(5, wider_than=320))
    await asyncio.sleep(0)

    studio.show(1, KEY, 1.0)
    studio.show(2, WIDE, 1.1, 3000)

    assert await snapshot == WIDE[1:]
    await studio.peer.close()


async def test_the_widest_picture_is_better_than_none() -> None:
    studio = Studio()
    snapshot = asyncio.create_task(studio.peer.key_frame(0.05, wider_than=640))
    await asyncio.sleep(0)

    for sequence, payload in enumerate((KEY, WIDE, KEY)):
        studio.show(sequence, payload, 1.0 + sequence, sequence * 3000)

    assert await snapshot == WIDE[1:]
    await studio.peer.close()


async def test_a_tap_of_sound_alone_asks_for_no_picture() -> None:
    studio, sink = Studio(), Sink()
    studio.peer.tap(sink, None, Track.AUDIO)

    studio.show(1, KEY, 1.0)
    studio.say(1, b"one", 1.0, 960)

    assert (len(sink.videos), len(sink.audios), studio.wishes.asked) == (0, 1, 0)
    await studio.peer.close()


async def test_a_tap_of_a_picture_alone_hears_nothing() -> None:
    studio, sink = Studio(), Sink()
    studio.peer.tap(sink, Track.CAMERA, None)

    studio.show(1, KEY, 1.0)
    studio.say(1, b"one", 1.0, 960)

    assert (len(sink.videos), len(sink.audios)) == (1, 0)
    await studio.peer.close()


async def test_what_a_shape_does_not_send_or_receive_is_passed_over() -> None:
    learner, watcher = Studio(), Studio(SUPERVISOR)
    sink = Sink()

    watcher.peer.tap(sink, Track.CAMERA, Track.AUDIO)
    learner.peer.receive_from({Track.SCREEN: (watcher.peer, Track.CAMERA)})
    learner.peer.receive_from({Track.CAMERA: (watcher.peer, Track.CAMERA)})

    assert {stream.source for stream in learner.media.outgoing.values()} == {None}
    assert {stream.listeners for stream in watcher.media.incoming.values()} == {()}
    with pytest.raises(NoPicture):
        await watcher.peer.key_frame(5)
    for studio in (learner, watcher):
        await studio.peer.close()


async def test_a_track_that_is_not_named_gets_nothing() -> None:
    learner, watcher = Studio(), Studio(INVIGILATOR)
    watcher.peer.receive_from(both(learner.peer))

    watcher.peer.receive_from({Track.CAMERA: (learner.peer, Track.CAMERA)})

    sources = {track: stream.source for track, stream in watcher.media.outgoing.items()}
    assert sources[Track.AUDIO] is None
    assert sources[Track.CAMERA] is learner.media.incoming[Track.CAMERA]
    for studio in (learner, watcher):
        await studio.peer.close()


async def test_each_track_has_its_own_silence() -> None:
    studio = Studio()
    studio.show(1, KEY, 1.5)
    studio.say(1, b"x", 12.5, 0)

    times = [studio.peer.packet_at(track) for track in Track]

    assert times == [12.5, 1.5, None, None]
    assert [studio.peer.sound(now) for now in (13.0, 18.0)] == [Sound.QUIET, Sound.NONE]
    await studio.peer.close()


async def test_no_picture_in_time_is_said_so() -> None:
    studio = Studio()

    with pytest.raises(NoPicture):
        await studio.peer.key_frame(0.01)

    assert studio.media.incoming[Track.CAMERA].listeners == ()
    await studio.peer.close()
    with pytest.raises(NoPicture):
        await studio.peer.key_frame(60)


async def test_media_silence_can_be_seen() -> None:
    studio = Studio()
    before = studio.peer.last_packet_at

    studio.say(1, b"x", 12.5, 0)

    assert (before, studio.peer.last_packet_at) == (None, 12.5)
    await studio.peer.close()


def both(peer: Peer) -> dict[Track, tuple[Peer, Track]]:
    """Sound and camera of a peer."""
    return {track: (peer, track) for track in (Track.AUDIO, Track.CAMERA)}


async def test_forwarding_ends_on_both_sides_when_a_peer_closes() -> None:
    one, other = Studio(), Studio(INVIGILATOR)
    one.peer.receive_from(both(other.peer))
    other.peer.receive_from(both(one.peer))

    await one.peer.close()

    for studio in (one, other):
        assert {incoming.destinations for incoming in studio.media.incoming.values()} == {()}
        assert {outgoing.source for outgoing in studio.media.outgoing.values()} == {None}
    await other.peer.close()
