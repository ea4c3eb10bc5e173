"""Encoded media from one participant to another, without sockets: loss, repair, key frames."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from aiortc import rtp as stock

from signalling.forwarding import (
    KEY_FRAME_INTERVAL_S,
    REPORT_EVERY_TICKS,
    ROUTINE_S,
    ROUTINE_THIN_S,
    TICK_S,
    Formats,
)
from signalling.frames import FrameAssembler
from signalling.media import MAX_SSRCS, Marks, Media
from signalling.rtp import NTP_SECOND, RtpPacket, Unwrapper, parse_rtp, unwrap_rtx, wrap_rtx
from signalling.tracks import INVIGILATOR, LEARNER, SUPERVISOR, Track

KEY, DELTA = b"\x10\x00key", b"\x10\x01delta"
PUBLISHER = 1111


@dataclass
class Wire:
    """Keeps what is sent; RTP and RTCP apart."""

    rtp: list[RtpPacket] = field(default_factory=list)
    rtcp: list[object] = field(default_factory=list)
    ready: bool = True

    def send(self, packet: bytes) -> None:
        if stock.is_rtcp(packet):
            self.rtcp.extend(stock.RtcpPacket.parse(packet))
        else:
            self.rtp.append(parse_rtp(packet))

    def taken(self, kind: type) -> list[object]:
        found = [packet for packet in self.rtcp if isinstance(packet, kind)]
        self.rtcp = [packet for packet in self.rtcp if not isinstance(packet, kind)]
        return found


class Room:
    """A publisher's and a watcher's media, and their wires."""

    def __init__(self) -> None:
        self.publisher_wire, self.watcher_wire = Wire(), Wire()
        self.publisher = Media(self.publisher_wire, 800_000, LEARNER)
        self.watcher = Media(self.watcher_wire, 800_000, INVIGILATOR)
        self.publisher.receive(Track.CAMERA, Formats(96, 97), Marks())
        self.publisher.receive(Track.AUDIO, Formats(111, None), Marks())
        self.watcher.outgoing[Track.CAMERA].configure(Formats(120, 124))
        self.watcher.outgoing[Track.AUDIO].configure(Formats(109, None))
        self.connect(self.publisher)

    def connect(self, publisher: Media) -> None:
        for track in (Track.AUDIO, Track.CAMERA):
            self.watcher.outgoing[track].attach(publisher.incoming[track])

    def picture(self, sequence: int, payload: bytes = DELTA, now: float = 1.0) -> None:
        self.publisher.on_rtp(video(sequence, payload).to_bytes(), now)

    def plis(self) -> int:
        return len(self.publisher_wire.taken(stock.RtcpPsfbPacket))


def video(sequence: int, payload: bytes = DELTA, timestamp: int | None = None) -> RtpPacket:
    stamp = sequence * 3000 if timestamp is None else timestamp
    return RtpPacket(96, True, sequence & 0xFFFF, stamp & 0xFFFFFFFF, PUBLISHER, payload)


def test_a_watcher_begins_with_a_key_frame() -> None:
    room = Room()
    room.picture(1)
    wished = room.plis()

    room.picture(2, KEY)
    room.picture(3)

    assert wished == 1
    assert [p.payload for p in room.watcher_wire.rtp] == [KEY, DELTA]
    assert {p.payload_type for p in room.watcher_wire.rtp} == {120}
    assert {p.ssrc for p in room.watcher_wire.rtp} == {room.watcher.outgoing[Track.CAMERA].ssrc}


def test_a_hole_stays_a_hole_and_is_asked_for() -> None:
    room = Room()
    room.picture(65534, KEY)

    room.picture(1)

    first, second = room.watcher_wire.rtp
    [nack] = room.publisher_wire.taken(stock.RtcpRtpfbPacket)
    assert (second.sequence - first.sequence) & 0xFFFF == 3
    assert nack.lost == [0, 65535]
    assert nack.media_ssrc == PUBLISHER


@pytest.mark.parametrize("rtx", [True, False])
def test_what_comes_again_is_passed_on_once(rtx: bool) -> None:  # noqa: FBT001
    room = Room()
    room.picture(1, KEY)
    room.picture(3)
    again = video(2).to_bytes()
    again = wrap_rtx(again, 97, 5, 2222) if rtx else again

    for _ in range(2):
        room.publisher.on_rtp(again, 1.1)

    sequences = [p.sequence for p in room.watcher_wire.rtp]
    assert [(n - sequences[0]) & 0xFFFF for n in sequences] == [0, 2, 1]


def test_a_nack_is_answered_from_history_in_rtx() -> None:
    room = Room()
    room.picture(1, KEY)
    room.picture(2)
    ssrc = room.watcher.outgoing[Track.CAMERA].ssrc
    lost = room.watcher_wire.rtp[1]
    nack = stock.RtcpRtpfbPacket(fmt=1, ssrc=5, media_ssrc=ssrc, lost=[lost.sequence])

    room.watcher.on_rtcp(bytes(nack), 1.2)
    room.watcher.on_rtcp(bytes(nack), 1.21)

    [again] = room.watcher_wire.rtp[2:]
    assert again.payload_type == 124
    assert again.ssrc == room.watcher.outgoing[Track.CAMERA].retransmission_ssrc
    assert unwrap_rtx(again, 120, ssrc) == lost


def test_what_is_too_old_is_not_sent_again_but_replaced_by_a_key_frame() -> None:
    room = Room()
    room.picture(1, KEY, now=1.0)
    room.picture(2, now=1.0)
    [_, lost] = room.watcher_wire.rtp
    ssrc = room.watcher.outgoing[Track.CAMERA].ssrc
    nack = stock.RtcpRtpfbPacket(fmt=1, ssrc=5, media_ssrc=ssrc, lost=[lost.sequence])

    room.watcher.on_rtcp(bytes(nack), 30.0)

    assert room.watcher_wire.rtp == [room.watcher_wire.rtp[0], lost]
    assert room.plis() == 1


def test_an_outage_of_the_publisher_leaves_no_hole() -> None:
    room = Room()
    room.picture(1, KEY, now=1.0)
    room.picture(200, now=20.0)
    wished = room.plis()

    room.picture(201, KEY, now=20.1)

    first, second = room.watcher_wire.rtp
    assert wished == 1
    assert room.publisher_wire.taken(stock.RtcpRtpfbPacket) == []
    assert second.sequence == (first.sequence + 1) & 0xFFFF
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == round(19.1 * 90_000)


def test_the_wish_for_a_picture_goes_through_no_oftener_than_the_throttle() -> None:
    room = Room()
    room.picture(1, KEY)
    pli = stock.RtcpPsfbPacket(
        fmt=stock.RTCP_PSFB_PLI, ssrc=5, media_ssrc=room.watcher.outgoing[Track.CAMERA].ssrc
    )
    for step in range(10):
        room.watcher.on_rtcp(bytes(pli), 5.0 + step / 100)
    at_once = room.plis()

    room.publisher.tick(5.0 + KEY_FRAME_INTERVAL_S)
    again = room.plis()
    room.picture(2, KEY)
    room.publisher.tick(9.0)

    assert (at_once, again, room.plis()) == (1, 1, 0)


def test_no_key_frame_is_spent_before_it_can_be_sent_on() -> None:
    room = Room()
    room.watcher_wire.ready = False

    room.picture(1, KEY, now=1.0)
    room.picture(2, now=1.1)
    unready = room.plis(), room.watcher_wire.rtp.copy()
    room.watcher_wire.ready = True
    room.watcher.connected(1.2)
    asked = room.plis()
    room.picture(3, now=1.3)
    room.picture(4, KEY, now=1.4)

    assert unready == (0, [])
    assert asked == 1
    assert [p.payload for p in room.watcher_wire.rtp] == [KEY]


def test_who_begins_to_watch_does_not_wait_for_what_another_has_asked() -> None:
    room = Room()
    room.picture(1, now=1.0)
    room.picture(2, KEY, now=1.1)
    asked = [room.plis()]

    for now in (1.3, 1.4, 1.5):  # a page is loaded again, three times
        room.connect(Media(Wire(), 800_000, LEARNER))
        room.connect(room.publisher)
        room.picture(round(now * 10) - 10, now=now)
        asked.append(room.plis())
    room.publisher.tick(1.6)
    asked.append(room.plis())

    assert asked == [1, 1, 0, 0, 1]


def test_who_goes_on_waiting_asks_no_oftener_than_others() -> None:
    room = Room()

    for step in range(20):
        room.picture(step, now=1.0 + step / 20)

    assert room.plis() == 1


def test_a_new_publisher_goes_on_in_the_same_stream() -> None:
    room = Room()
    room.picture(100, KEY, now=1.0)
    second_wire = Wire()
    second = Media(second_wire, 800_000, LEARNER)
    second.receive(Track.CAMERA, Formats(98, None), Marks())
    room.connect(second)

    room.picture(101, now=1.9)
    for sequence, payload in ((7, DELTA), (8, KEY)):
        packet = RtpPacket(98, True, sequence, 5, 3333, payload)
        second.on_rtp(packet.to_bytes(), 2.0)

    first, later = room.watcher_wire.rtp
    assert len(second_wire.taken(stock.RtcpPsfbPacket)) == 1
    assert later.payload == KEY
    assert later.sequence == (first.sequence + 1) & 0xFFFF
    assert (later.timestamp - first.timestamp) & 0xFFFFFFFF == 90_000
    assert room.publisher.incoming[Track.CAMERA].destinations == ()


def test_another_ssrc_cannot_push_in() -> None:
    room = Room()
    room.picture(1, KEY)

    room.publisher.on_rtp(video(2)._replace(ssrc=6).to_bytes(), 1.0)

    assert len(room.watcher_wire.rtp) == 1


def test_one_source_feeds_many_and_the_same_again_is_not_interrupted() -> None:
    room, wire = Room(), Wire()
    other = Media(wire, 800_000, SUPERVISOR)
    other.outgoing[Track.CAMERA].configure(Formats(98, None))
    room.picture(1, KEY)
    source = room.publisher.incoming[Track.CAMERA]

    other.outgoing[Track.CAMERA].attach(source)
    room.connect(room.publisher)
    room.picture(2)
    wished = room.plis()
    room.picture(3, KEY)
    room.picture(4)

    assert [p.payload for p in room.watcher_wire.rtp] == [KEY, DELTA, KEY, DELTA]
    assert [p.payload for p in wire.rtp] == [KEY, DELTA]
    assert {p.payload_type for p in wire.rtp} == {98}
    assert wished == 1


def test_who_is_let_go_is_sent_no_more() -> None:
    room = Room()
    room.picture(1, KEY)

    room.watcher.outgoing[Track.CAMERA].attach(None)
    room.picture(2)

    assert len(room.watcher_wire.rtp) == 1


CAMERA_SSRC, SCREEN_SSRC = 11, 22


def three_pictures(*, ssrcs: bool) -> Media:
    """A learner's media, with or without `a=ssrc` lines in the offer."""
    media = Media(Wire(), 800_000, LEARNER)
    for track, ssrc, mid in ((Track.CAMERA, CAMERA_SSRC, b"1"), (Track.SCREEN, SCREEN_SSRC, b"2")):
        marks = Marks(ssrcs=(ssrc, ssrc + 1) if ssrcs else (), mid=mid, mid_extension=4)
        media.receive(track, Formats(96, 97), marks)
    return media


def seen(media: Media) -> list[tuple[Track, float]]:
    at = [(track, stream.packet_at) for track, stream in media.incoming.items()]
    return [(track, now) for track, now in at if now is not None]


def test_pictures_of_one_payload_type_are_told_apart_by_ssrc() -> None:
    media = three_pictures(ssrcs=True)
    screen = video(1, KEY)._replace(ssrc=SCREEN_SSRC)

    media.on_rtp(screen.to_bytes(), 1.0)
    media.on_rtp(wrap_rtx(video(2).to_bytes(), 97, 1, SCREEN_SSRC + 1), 2.0)
    media.on_rtp(video(1)._replace(ssrc=99).to_bytes(), 3.0)

    assert seen(media) == [(Track.SCREEN, 2.0)]


def test_pictures_are_told_apart_by_mid_which_is_remembered() -> None:
    media = three_pictures(ssrcs=False)
    plain = video(1, KEY)._replace(ssrc=77).to_bytes()
    named = b"\x90" + plain[1:12] + b"\xbe\xde\x00\x01\x40" + b"2" + bytes(2) + plain[12:]

    media.on_rtp(plain, 1.0)
    before = seen(media)
    media.on_rtp(named, 2.0)
    media.on_rtp(video(2)._replace(ssrc=77).to_bytes(), 3.0)

    assert before == []
    assert seen(media) == [(Track.SCREEN, 3.0)]


def test_no_more_sources_are_remembered_than_the_limit() -> None:
    media = Media(Wire(), 800_000, LEARNER)
    media.receive(Track.CAMERA, Formats(96, 97), Marks())

    for ssrc in range(MAX_SSRCS * 2):
        media.on_rtp(video(1)._replace(ssrc=ssrc).to_bytes(), 1.0)

    assert len(media._by_ssrc) == MAX_SSRCS


def test_a_budget_names_all_pictures_once() -> None:
    media = three_pictures(ssrcs=True)
    wire = media._wire
    for ssrc in (CAMERA_SSRC, SCREEN_SSRC):
        media.on_rtp(video(1, KEY)._replace(ssrc=ssrc).to_bytes(), 1.0)

    for _ in range(REPORT_EVERY_TICKS):
        media.tick(1.5)

    rembs = [p for p in wire.taken(stock.RtcpPsfbPacket) if p.fmt == stock.RTCP_PSFB_APP]
    assert [stock.unpack_remb_fci(p.fci)[1] for p in rembs] == [[CAMERA_SSRC, SCREEN_SSRC]]


def test_a_lost_picture_is_asked_of_its_own_source() -> None:
    media = three_pictures(ssrcs=True)
    watcher = Media(Wire(), 800_000, INVIGILATOR)
    for track, ssrc in ((Track.CAMERA, CAMERA_SSRC), (Track.SCREEN, SCREEN_SSRC)):
        media.on_rtp(video(1, KEY)._replace(ssrc=ssrc).to_bytes(), 1.0)
        watcher.outgoing[track].attach(media.incoming[track])
    lost = watcher.outgoing[Track.SCREEN].ssrc
    pli = stock.RtcpPsfbPacket(fmt=stock.RTCP_PSFB_PLI, ssrc=5, media_ssrc=lost)

    watcher.on_rtcp(bytes(pli), 5.0)

    asked = media._wire.taken(stock.RtcpPsfbPacket)
    assert [packet.media_ssrc for packet in asked] == [SCREEN_SSRC]


def report(ssrc: int, ntp: int, stamp: int) -> bytes:
    info = stock.RtcpSenderInfo(ntp, stamp & 0xFFFFFFFF, 1, 1)
    return bytes(stock.RtcpSrPacket(ssrc=ssrc, sender_info=info))


def test_lips_and_voice_stay_together() -> None:
    room = Room()
    room.picture(1, KEY, now=1.0)
    voice = RtpPacket(111, False, 9, 48_000, 2222, b"opus")
    room.publisher.on_rtp(voice.to_bytes(), 1.0)
    room.publisher.on_rtcp(report(PUBLISHER, 100 * NTP_SECOND, 3000), 1.0)
    room.publisher.on_rtcp(report(2222, 100 * NTP_SECOND, 48_000), 1.5)

    for _ in range(REPORT_EVERY_TICKS):
        room.watcher.tick(2.0)

    streams = room.watcher.outgoing
    sent = {p.ssrc: p.sender_info for p in room.watcher_wire.taken(stock.RtcpSrPacket)}
    shown, heard = sent[streams[Track.CAMERA].ssrc], sent[streams[Track.AUDIO].ssrc]
    picture, sound = room.watcher_wire.rtp
    assert shown.ntp_timestamp == 101 * NTP_SECOND
    assert (shown.rtp_timestamp - picture.timestamp) & 0xFFFFFFFF == 90_000
    assert heard.ntp_timestamp == 100 * NTP_SECOND + NTP_SECOND // 2
    assert (heard.rtp_timestamp - sound.timestamp) & 0xFFFFFFFF == 24_000


def test_reports_to_the_publisher_name_loss_delay_and_budget() -> None:
    room = Room()
    for sequence in (1, 2, 4):
        room.picture(sequence, KEY)
    room.publisher.on_rtcp(report(PUBLISHER, 0x0000_1234_5678_0000, 0), 1.0)

    for _ in range(REPORT_EVERY_TICKS):
        room.publisher.tick(1.5)

    [block] = [b for p in room.publisher_wire.taken(stock.RtcpRrPacket) for b in p.reports]
    feedback = room.publisher_wire.taken(stock.RtcpPsfbPacket)
    [remb] = [p for p in feedback if p.fmt == stock.RTCP_PSFB_APP]
    assert (block.ssrc, block.fraction_lost, block.packets_lost) == (PUBLISHER, 64, 1)
    assert (block.lsr, block.dlsr) == (0x12345678, 32768)
    bitrate, ssrcs = stock.unpack_remb_fci(remb.fci)
    assert ssrcs == [PUBLISHER]
    assert 799_000 <= bitrate <= 800_000


def test_a_lower_limit_is_the_next_budget_that_is_told() -> None:
    room = Room()
    room.picture(1, KEY)
    room.publisher.limit(90_000, thin=True)

    for _ in range(REPORT_EVERY_TICKS):
        room.publisher.tick(1.5)

    feedback = room.publisher_wire.taken(stock.RtcpPsfbPacket)
    [remb] = [p for p in feedback if p.fmt == stock.RTCP_PSFB_APP]
    bitrate, _ = stock.unpack_remb_fci(remb.fci)
    assert 89_000 <= bitrate <= 90_000
    routines = {stream.routine_s for stream in room.publisher.incoming.values()}
    assert routines == {ROUTINE_THIN_S}


def test_over_a_satellite_whole_pictures_are_asked_for_less_often() -> None:
    room = Room()
    room.publisher.limit(800_000, thin=False)
    before = {stream.routine_s for stream in room.publisher.incoming.values()}

    room.publisher._trip.measured(0.65, 1.0)

    after = {stream.routine_s for stream in room.publisher.incoming.values()}
    assert (before, after) == ({ROUTINE_S}, {ROUTINE_THIN_S})


def test_what_the_watcher_reports_as_lost_is_known_for_some_seconds() -> None:
    room = Room()
    room.picture(1, KEY)
    ssrc = room.watcher.outgoing[Track.CAMERA].ssrc
    block = stock.RtcpReceiverInfo(
        ssrc=ssrc, fraction_lost=64, packets_lost=3, highest_sequence=9, jitter=0, lsr=0, dlsr=0
    )

    room.watcher.on_rtcp(bytes(stock.RtcpRrPacket(ssrc=1, reports=[block])), 2.0)

    found = [room.watcher.lost_on_the_way(now) for now in (2.5, 7.9, 8.1)]
    assert found == [0.25, 0.25, 0.0]


def test_the_round_trip_slows_the_asking_down() -> None:
    room = Room()
    room.publisher.outgoing[Track.CAMERA].configure(Formats(96, None))
    room.watcher.receive(Track.CAMERA, Formats(96, None), Marks())
    room.publisher.outgoing[Track.CAMERA].attach(room.watcher.incoming[Track.CAMERA])
    room.watcher.on_rtp(video(1, KEY).to_bytes(), 1.0)
    room.watcher.on_rtcp(report(PUBLISHER, 1000 * NTP_SECOND, 0), 1.0)
    for _ in range(REPORT_EVERY_TICKS):
        room.publisher.tick(2.0)
    [sent] = room.publisher_wire.taken(stock.RtcpSrPacket)
    block = stock.RtcpReceiverInfo(
        ssrc=sent.ssrc,
        fraction_lost=0,
        packets_lost=0,
        highest_sequence=1,
        jitter=0,
        lsr=(sent.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF,
        dlsr=32768,
    )
    room.publisher.on_rtcp(bytes(stock.RtcpRrPacket(ssrc=5, reports=[block])), 3.5)

    room.picture(1, KEY, now=4.0)
    room.picture(3, now=4.0)
    room.publisher.tick(5.0)
    early = room.publisher_wire.taken(stock.RtcpRtpfbPacket)
    room.publisher.tick(5.6)
    late = room.publisher_wire.taken(stock.RtcpRtpfbPacket)

    assert (len(early), len(late)) == (1, 1)  # a round trip of 1 s: again after 1.5 s


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80\xc8", b"\x80\xc8\x00\x01abcd", b"\x81\xcd\x00\x03" + b"\x00" * 12, b"\x8f" * 40],
)
def test_nonsense_does_no_harm(data: bytes) -> None:
    room = Room()

    room.publisher.on_rtcp(data, 1.0)
    room.publisher.on_rtp(data, 1.0)

    assert room.publisher_wire == Wire()


@pytest.mark.parametrize("seed", range(5))
def test_a_lossy_way_in_loses_no_frame_in_the_end(seed: int) -> None:
    """Ten seconds at 10 % loss both ways and 600 ms there and back: all frames are whole."""
    chance, room = random.Random(seed), Room()
    frames, unwrap, assembler = [], Unwrapper(16), FrameAssembler()
    sent = {n: video(n, KEY if n == 0 else DELTA) for n in range(300)}
    arriving: dict[int, list[RtpPacket]] = {}
    for step in range(1400):  # of 10 ms
        now, number = step / 100, step // 3
        if step % 3 == 0 and number in sent and (number == 0 or chance.random() > 0.1):
            arriving.setdefault(step + 30, []).append(sent[number])
        for packet in arriving.pop(step, []):
            room.publisher.on_rtp(packet.to_bytes(), now)
        if step % round(TICK_S * 100) == 0:
            room.publisher.tick(now)
        for nack in room.publisher_wire.taken(stock.RtcpRtpfbPacket):
            if chance.random() > 0.1:
                back = [sent[n] for n in nack.lost if chance.random() > 0.1]
                arriving.setdefault(step + 60, []).extend(back)
        for out in room.watcher_wire.rtp:
            frames += assembler.add(unwrap(out.sequence), out.timestamp, out, now)
        room.watcher_wire.rtp.clear()

    missing = 300 - len(frames)
    assert missing <= 0.1 * 0.2**2 * 300 + 3
