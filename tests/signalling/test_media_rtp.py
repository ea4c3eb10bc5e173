"""RTP as values: parsing, order, loss, repair, rewriting."""

from __future__ import annotations

import struct

import pytest
from aiortc import rtp as stock
from hypothesis import given
from hypothesis import strategies as st

from signalling.rtp import (
    HISTORY_PACKETS,
    MAX_MISSING,
    NACK_TRIES,
    NTP_SECOND,
    OUTAGE_S,
    REPAIR_WINDOW_S,
    Arrival,
    History,
    LossTracker,
    MalformedRtp,
    ReceptionStats,
    Rewriter,
    RtpPacket,
    SourceClock,
    Unwrapper,
    parse_rtp,
    unwrap_rtx,
    wrap_rtx,
)


def packet(sequence: int = 1, timestamp: int = 0, payload: bytes = b"x") -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7, payload)


@given(
    st.builds(
        RtpPacket,
        st.integers(0, 127),
        st.booleans(),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=40),
    )
)
def test_a_packet_survives_the_wire(sent: RtpPacket) -> None:
    assert parse_rtp(sent.to_bytes()) == sent


def test_extensions_csrcs_and_padding_are_left_out() -> None:
    theirs = stock.RtpPacket(96, 1, 5, 6, 7, b"voice")
    theirs.csrc = [1, 2]
    theirs.padding_size = 4
    theirs.extensions.mid = "0"
    known = stock.HeaderExtensionsMap()
    known._HeaderExtensionsMap__ids.mid = 1

    parsed = parse_rtp(theirs.serialize(known))

    assert parsed == RtpPacket(96, True, 5, 6, 7, b"voice")


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        parse_rtp(data)
    except MalformedRtp as refused:
        assert str(refused)  # noqa: PT017 - either way is right, other errors are not


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        struct.pack("!BBHLL", 0x40, 0, 0, 0, 0),
        struct.pack("!BBHLL", 0x8F, 0, 0, 0, 0),
        struct.pack("!BBHLL", 0x90, 0, 0, 0, 0) + b"\x00\x00\x00\x09",
        struct.pack("!BBHLL", 0xA0, 0, 0, 0, 0) + b"\x00",
        struct.pack("!BBHLL", 0xA0, 0, 0, 0, 0) + b"\xff",
    ],
)
def test_broken_packets_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedRtp):
        parse_rtp(data)


def test_unwrapping_goes_on_over_the_end_and_back() -> None:
    unwrap = Unwrapper(16)

    assert [unwrap(value) for value in (65534, 1, 65535, 0, 2)] == [
        65534,
        65537,
        65535,
        65536,
        65538,
    ]


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-30000, 30000), max_size=50))
def test_unwrapping_undoes_wrapping(start: int, steps: list[int]) -> None:
    unwrap = Unwrapper(16)
    highest = unwrap(start)
    for step in steps:
        truth = highest + step

        assert unwrap(truth & 0xFFFF) == truth

        highest = max(highest, truth)


def test_a_hole_is_asked_for_at_once_and_again_and_then_given_up() -> None:
    tracker = LossTracker()
    for sequence in (10, 12, 15):
        tracker.arrived(sequence, 100.0)

    assert tracker.due(100.0, 0.5) == [11, 13, 14]
    assert tracker.due(100.4, 0.5) == []
    assert tracker.arrived(13, 100.45) is Arrival.NEW
    assert tracker.due(100.5, 0.5) == [11, 14]
    assert tracker.due(100.0 + REPAIR_WINDOW_S + 0.1, 0.5) == []
    assert tracker.arrived(11, 103.0) is Arrival.REPEAT


def test_what_is_lost_twice_is_asked_for_again_before_another_round_trip_is_over() -> None:
    tracker = LossTracker()
    tracker.arrived(1, 0.0)
    tracker.arrived(3, 0.0)

    asked = [tick / 10 for tick in range(25) if tracker.due(tick / 10, 0.65)]

    assert asked[:4] == [0.0, 0.7, 1.0, 1.3]


def test_asking_has_a_limit() -> None:
    tracker = LossTracker()
    tracker.arrived(1, 0.0)
    tracker.arrived(3, 0.0)

    asked = [tracker.due(tick / 10, 0.1) for tick in range(20)]

    assert len([one for one in asked if one]) == NACK_TRIES


def test_repeats_are_told_from_news() -> None:
    tracker = LossTracker()

    got = [tracker.arrived(n, 0.0) for n in (5, 5, 7, 6, 6, 4)]

    new, repeat = Arrival.NEW, Arrival.REPEAT
    assert got == [new, repeat, new, new, repeat, repeat]


def test_what_was_lost_in_an_outage_is_not_asked_for() -> None:
    tracker = LossTracker()
    tracker.arrived(1, 0.0)
    tracker.arrived(3, 0.1)

    assert tracker.arrived(20, 0.2 + OUTAGE_S) is Arrival.AFTER_OUTAGE
    assert tracker.due(2.0, 0.1) == []
    assert tracker.arrived(21, 9.0) is Arrival.NEW


def test_never_too_much_is_asked_for() -> None:
    tracker = LossTracker()
    tracker.arrived(0, 0.0)
    for step in range(1, 50):
        tracker.arrived(step * 200, 0.0)

        assert len(tracker.due(0.0, 0.1)) <= MAX_MISSING


def test_what_is_asked_for_over_the_wrap_fits_a_nack() -> None:
    tracker = LossTracker()
    tracker.arrived(65533, 0.0)
    tracker.arrived(65540, 0.0)
    nack = stock.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2)

    nack.lost = tracker.due(0.0, 0.1)

    [parsed] = stock.RtcpPacket.parse(bytes(nack))
    assert set(parsed.lost) == {65534, 65535, 0, 1, 2, 3}


def test_reception_counts_loss_and_repair() -> None:
    stats = ReceptionStats(90_000)
    for sequence in (0, 1, 3):
        stats.add(sequence, sequence * 3000, sequence / 30)
    first = stats.report()
    stats.add(2, 6000, 0.2)
    stats.add(4, 12000, 4 / 30)

    second = stats.report()

    assert first is not None
    assert second is not None
    assert (first.fraction_lost, first.packets_lost, first.highest_sequence) == (64, 1, 3)
    assert (second.fraction_lost, second.packets_lost, second.highest_sequence) == (0, 0, 4)
    assert second.jitter == 0


def test_nothing_received_gives_no_report() -> None:
    assert ReceptionStats(48_000).report() is None


def test_a_late_arrival_is_jitter() -> None:
    stats = ReceptionStats(48_000)
    stats.add(0, 0, 1.0)
    stats.add(1, 960, 1.0 + 0.02 + 0.016)

    report = stats.report()

    assert report is not None
    assert report.jitter == 48  # 16 ms in units of 48 kHz, one sixteenth of it


def rewritten(rewriter: Rewriter, sequence: int, timestamp: int, now: float) -> RtpPacket | None:
    data = rewriter.rewrite(sequence, packet(sequence, timestamp), now)
    return None if data is None else parse_rtp(data)


def test_one_stream_is_made_of_two_sources() -> None:
    rewriter = Rewriter(ssrc=99, payload_type=120, clock_rate=90_000, sequence=65535)
    first = [rewritten(rewriter, n, 1000 + n, 10.0) for n in (500, 502, 501)]
    rewriter.switch()

    second = rewritten(rewriter, 9000, 5, 11.0)

    assert [(p.sequence, p.timestamp) for p in first if p] == [(65535, 1500), (1, 1502), (0, 1501)]
    assert second is not None
    assert (second.sequence, second.timestamp) == (2, 1502 + 90_000)
    assert (second.ssrc, second.payload_type) == (99, 120)


def test_what_came_before_the_beginning_is_dropped() -> None:
    rewriter = Rewriter(1, 96, 48_000, 100)
    rewriter.rewrite(50, packet(50), 0.0)

    assert rewriter.rewrite(49, packet(49), 0.0) is None


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_the_shape_of_the_source_is_kept(order: list[int]) -> None:
    rewriter = Rewriter(1, 96, 90_000, 65530)
    base = order[0]

    out = [rewritten(rewriter, n, n, 0.0) for n in order]

    for n, made in zip(order, out, strict=True):
        expected = None if n < base else (65530 + n - base) & 0xFFFF
        assert (made.sequence if made else None) == expected


def test_history_remembers_the_last_and_no_more() -> None:
    history = History()
    for sequence in range(HISTORY_PACKETS + 1):
        history.keep(packet(sequence).to_bytes(), 0.5)

    assert history.again(0, 1.0, 0.1) is None
    assert history.again(1, 1.0, 0.1) == packet(1).to_bytes()
    assert history.again(1, 1.05, 0.1) is None
    assert history.again(1, 1.15, 0.1) == packet(1).to_bytes()


def test_history_tells_what_is_too_late_from_what_never_was() -> None:
    history = History()
    for sequence in (65535, 1):
        history.keep(packet(sequence).to_bytes(), 0.0)

    later = REPAIR_WINDOW_S + 0.1

    assert [history.too_late(n, 1.0) for n in (65535, 0, 1)] == [False, False, False]
    assert [history.too_late(n, later) for n in (65535, 0, 1)] == [True, False, True]
    assert history.too_late((1 - HISTORY_PACKETS) & 0xFFFF, 1.0)
    assert history.again(1, later, 0.1) is None


def test_a_retransmission_carries_the_original() -> None:
    original = packet(65535, 77, b"picture")

    wrapped = parse_rtp(wrap_rtx(original.to_bytes(), 97, 3, 8))

    assert (wrapped.payload_type, wrapped.sequence, wrapped.ssrc) == (97, 3, 8)
    assert unwrap_rtx(wrapped, 96, 7) == original
    assert unwrap_rtx(packet(payload=b"\x00\x01"), 96, 7) is None


def test_the_publishers_clocks_run_on() -> None:
    clock = SourceClock(ntp=5 * NTP_SECOND, rtp=1000, received=10.0)

    assert clock.at(12.5, 90_000) == (7 * NTP_SECOND + NTP_SECOND // 2, 1000 + 225_000)
