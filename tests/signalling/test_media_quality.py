"""How good the way from a participant is, found from synthetic losses and answers."""

from __future__ import annotations

import struct

import pytest
from aiortc import rtp as stock
from hypothesis import assume, given
from hypothesis import strategies as st

from signalling.forwarding import REPORT_EVERY_TICKS, TICK_S, Formats
from signalling.media import Marks, Media
from signalling.peer import MediaSettings, Peer
from signalling.quality import (
    FIRST_RTT_S,
    RTT_KNOWN_S,
    SAMPLE_S,
    LinkQuality,
    ask_round_trip,
    round_trips,
)
from signalling.rtp import RtpPacket
from signalling.tracks import LEARNER, Track

pytestmark = pytest.mark.media
VOICE_HZ, PICTURE_HZ = 50, 40
KEY = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00"


class Nowhere:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, packet: bytes) -> None:
        self.sent.append(packet)


class Sender:
    """A learner's media in fast motion: what comes of voice and picture is the test's choice."""

    def __init__(self) -> None:
        self.wire = Nowhere()
        self.media = Media(self.wire, 800_000, LEARNER)
        self.media.receive(Track.AUDIO, Formats(111, None), Marks())
        self.media.receive(Track.CAMERA, Formats(96, 97), Marks())
        self.now = 100.0
        self.voice = self.picture = 0

    def run(self, seconds: float, *, lost_voice: int = 0, lost_picture: int = 0) -> None:
        """Let time pass; of every 100 packets so many are lost, evenly."""
        for _ in range(round(seconds / TICK_S)):
            for _ in range(round(VOICE_HZ * TICK_S)):
                self.voice += 1
                if self.voice * lost_voice % 100 >= lost_voice:
                    self.come(111, self.voice)
            for _ in range(round(PICTURE_HZ * TICK_S)):
                self.picture += 1
                if self.picture * lost_picture % 100 >= lost_picture:
                    self.come(96, self.picture)
            self.wait(TICK_S)

    def come(self, payload_type: int, sequence: int) -> None:
        packet = RtpPacket(payload_type, True, sequence, sequence * 960, payload_type, KEY)
        self.media.on_rtp(packet.to_bytes(), self.now)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.media.tick(self.now)

    @property
    def loss(self) -> float:
        return self.media.link(self.now).loss


def test_samples_are_taken_as_often_as_the_window_says() -> None:
    assert REPORT_EVERY_TICKS * TICK_S == SAMPLE_S


def test_nothing_is_lost_where_nothing_is_lost() -> None:
    sender = Sender()
    empty = sender.loss

    sender.run(10)

    assert (empty, sender.loss) == (0.0, 0.0)


@pytest.mark.parametrize("lost", [2, 5, 10, 25, 50])
def test_loss_is_that_of_the_last_seconds_in_the_track_that_suffers_most(lost: int) -> None:
    sender = Sender()
    sender.run(30)

    sender.run(12, lost_voice=lost)
    during = sender.loss
    sender.run(12)

    assert during == pytest.approx(lost / 100, abs=0.01)
    assert sender.loss == 0.0


def test_what_is_got_back_is_not_lost() -> None:
    sender = Sender()
    sender.run(5)
    highest: list[float] = []

    for _ in range(100):
        sender.picture += 1
        missing = sender.picture
        sender.run(0.5)
        sender.come(96, missing)
        highest.append(sender.loss)

    assert max(highest) == 0.0


def test_a_single_outage_is_forgotten_within_five_seconds() -> None:
    sender = Sender()
    sender.run(10)
    sender.voice += 150
    sender.picture += 120
    sender.wait(3)

    losses = []
    for _ in range(50):
        sender.run(TICK_S)
        losses.append(sender.loss)

    assert max(losses) > 0.5
    assert losses[-1] == 0.0


def test_of_a_handful_of_packets_nothing_is_said() -> None:
    sender = Sender()
    sender.run(10)
    for _ in range(10):
        sender.voice += 2  # every second one of three in a second is lost
        sender.come(111, sender.voice)
        sender.wait(0.6)

    assert sender.loss == 0.0


@given(lost=st.lists(st.booleans(), min_size=1, max_size=400))
def test_loss_is_always_a_share(lost: list[bool]) -> None:
    sender = Sender()
    for gone in lost:
        sender.voice += 1
        if not gone:
            sender.come(111, sender.voice)
        sender.wait(TICK_S)
        assert 0.0 <= sender.loss <= 1.0


def answer(question: bytes, held_s: float) -> bytes:
    """What a browser says to the question in a report of ours (RFC 3611, 4.5)."""
    last = struct.unpack("!Q", question[-8:])[0] >> 16 & 0xFFFFFFFF
    block = struct.pack("!BBHLLL", 5, 0, 3, 1, last, int(held_s * 65536))
    empty = bytes(stock.RtcpRrPacket(ssrc=9, reports=[]))
    return empty + struct.pack("!BBHL", 0x80, 207, 5, 9) + block


def test_the_round_trip_is_known_without_sending_anything() -> None:
    sender = Sender()
    unknown = sender.media.link(sender.now).rtt_s
    sender.run(1)
    question = sender.wire.sent[-1]

    sender.media.on_rtcp(answer(question, 0.4), sender.now + 1.1)

    assert unknown == FIRST_RTT_S
    assert sender.media.link(sender.now + 1.1).rtt_s == pytest.approx(0.7, abs=0.001)
    later = sender.now + 1.2 + RTT_KNOWN_S
    assert sender.media.link(later).rtt_s == FIRST_RTT_S


def test_the_question_is_the_last_of_a_report_that_others_can_read() -> None:
    sender = Sender()
    sender.run(1)

    report = sender.wire.sent[-1]

    assert report.endswith(ask_round_trip(sender.media.outgoing[Track.AUDIO].ssrc, sender.now))
    assert isinstance(stock.RtcpPacket.parse(report)[0], stock.RtcpRrPacket)


@given(now=st.floats(0, 1e9), took=st.floats(0, 50), held=st.floats(0, 50))
def test_any_time_of_asking_gives_the_time_that_it_took(
    now: float, took: float, held: float
) -> None:
    assume(int(now * 65536) & 0xFFFFFFFF)  # a time of 0 stands for none

    [found] = round_trips(answer(ask_round_trip(1, now), held), now + took + held)

    assert abs(found - took) < 0.001 or abs(found - took - 65536) < 0.001


@given(data=st.binary(max_size=120))
def test_nonsense_answers_do_no_harm(data: bytes) -> None:
    xr = struct.pack("!BBH", 0x80, 207, len(data) // 4)

    assert all(0 <= one < 65536 for one in round_trips(xr + data, 5.0))
    assert list(round_trips(data[:7], 5.0)) == []


async def test_a_peer_knows_its_link() -> None:
    peer = Peer(LEARNER, MediaSettings(host_addresses=("127.0.0.1",)))

    assert peer.link(1.0) == LinkQuality(0.0, FIRST_RTT_S)
    await peer.close()
