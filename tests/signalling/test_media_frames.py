"""From packets to pictures and sounds: wrap, reordering, loss, retransmission."""

from __future__ import annotations

import random

import pytest

from signalling.frames import (
    AUDIO_WINDOW_PACKETS,
    WINDOW_PACKETS,
    AudioOrder,
    Frame,
    FrameAssembler,
    descriptor_length,
    starts_frame,
    starts_key_frame,
)
from signalling.rtp import REPAIR_WINDOW_S, MalformedRtp, RtpPacket

KEY, DELTA = b"\x00", b"\x01"


def picture(
    first: int, frame: int, kind: bytes, parts: int = 3
) -> list[tuple[int, int, RtpPacket]]:
    """Packets of one frame, as (sequence, timestamp, packet)."""
    made = []
    for part in range(parts):
        descriptor = b"\x10" if part == 0 else b"\x00"
        data = kind + bytes([frame % 256]) if part == 0 else bytes([frame % 256, part % 256])
        timestamp = frame * 3000
        packet = RtpPacket(
            96, part == parts - 1, (first + part) & 0xFFFF, timestamp, 7, descriptor + data
        )
        made.append((first + part, timestamp, packet))
    return made


def film(frames: int, keys: tuple[int, ...] = (0,)) -> list[tuple[int, int, RtpPacket]]:
    kinds = [KEY if frame in keys else DELTA for frame in range(frames)]
    return [one for frame, kind in enumerate(kinds) for one in picture(frame * 3, frame, kind)]


def put(assembler: FrameAssembler, packets: list[tuple[int, int, RtpPacket]]) -> list[Frame]:
    return [frame for one in packets for frame in assembler.add(*one, now=0.0)]


def test_a_frame_without_an_end_is_not_collected_for_ever() -> None:
    assembler = FrameAssembler()
    endless = picture(0, 0, KEY, parts=5 * WINDOW_PACKETS)[:-1]
    held = 0
    for one in endless:
        assembler.add(*one, now=0.0)
        held = max(held, len(assembler._parts))

    after = put(assembler, picture(5 * WINDOW_PACKETS, 1, KEY))

    assert held <= WINDOW_PACKETS + 1
    assert [frame.key_frame for frame in after] == [True]


@pytest.mark.parametrize(
    ("payload", "length"),
    [
        (b"\x10\x00", 1),
        (b"\x90\x80\x05\x00", 3),
        (b"\x90\x80\x85\x05\x00", 4),
        (b"\x90\xe0\x85\x05\x01\x20\x00", 6),
        (b"\x90\xf0\x05\x01\x20\x00", 5),
        (b"\x90\x00\x00", 2),
    ],
)
def test_descriptors(payload: bytes, length: int) -> None:
    assert descriptor_length(payload) == length


@pytest.mark.parametrize(
    "payload", [b"", b"\x10", b"\x90", b"\x90\x80", b"\x90\x80\x85\x05", b"\x90\xf0\x01"]
)
def test_descriptors_cut_off(payload: bytes) -> None:
    with pytest.raises(MalformedRtp):
        descriptor_length(payload)
    assert not starts_key_frame(payload)


def test_only_the_first_part_of_partition_zero_starts_a_frame() -> None:
    starts = [starts_frame(payload) for payload in (b"\x10x", b"\x30x", b"\x00x", b"\x11x", b"")]

    assert starts == [True, True, False, False, False]


def test_whole_frames_come_out_in_order() -> None:
    frames = put(FrameAssembler(), film(4))

    assert [(f.data[1], f.rtp_timestamp, f.key_frame) for f in frames] == [
        (0, 0, True),
        (1, 3000, False),
        (2, 6000, False),
        (3, 9000, False),
    ]
    assert frames[1].data == b"\x01\x01\x01\x01\x01\x02"


def test_nothing_comes_out_before_a_key_frame() -> None:
    assembler = FrameAssembler()

    frames = put(assembler, film(6, keys=(3,)))

    assert [f.data[1] for f in frames] == [3, 4, 5]


@pytest.mark.parametrize("seed", range(20))
def test_reordered_packets_make_the_same_film(seed: int) -> None:
    packets = film(10)
    tail = packets[1:]
    shuffled = sorted(tail, key=lambda one: one[0] + random.Random(f"{seed}/{one[0]}").random() * 9)

    frames = put(FrameAssembler(), packets[:1] + shuffled)

    assert [f.data[1] for f in frames] == list(range(10))


def test_a_retransmission_mends_the_film() -> None:
    assembler = FrameAssembler()
    packets = film(5)
    missing = packets.pop(4)
    before = put(assembler, packets)

    after = put(assembler, [missing])

    assert [f.data[1] for f in before] == [0]
    assert [f.data[1] for f in after] == [1, 2, 3, 4]


def test_a_hole_drops_all_up_to_the_next_key_frame() -> None:
    assembler = FrameAssembler()
    packets = film(8, keys=(0, 6))
    del packets[4]
    early = put(assembler, packets[:12])
    broken_before = assembler.broken

    late = [f for one in packets[12:] for f in assembler.add(*one, now=REPAIR_WINDOW_S + 1)]

    assert not broken_before
    assert [f.data[1] for f in early + late] == [0, 6, 7]


def test_a_key_frame_that_is_here_already_ends_the_wait() -> None:
    assembler = FrameAssembler()
    packets = film(8, keys=(0, 6))
    del packets[4]
    early = put(assembler, packets[:-1])

    late = assembler.add(*packets[-1], now=REPAIR_WINDOW_S + 1)

    assert [f.data[1] for f in early] == [0]
    assert [f.data[1] for f in late] == [6, 7]


def test_without_a_key_frame_the_film_is_broken() -> None:
    assembler = FrameAssembler()
    packets = film(4)
    del packets[4]
    put(assembler, packets[:-1])

    assembler.add(*packets[-1], now=REPAIR_WINDOW_S + 1)

    assert assembler.broken


def test_padding_between_frames_is_passed_over() -> None:
    padding = (3, 0, RtpPacket(96, False, 3, 0, 7, b""))

    frames = put(FrameAssembler(), [*picture(0, 0, KEY), padding, *picture(4, 1, DELTA)])

    assert [f.data[1] for f in frames] == [0, 1]


def test_a_frame_that_changes_in_the_middle_is_not_believed() -> None:
    assembler = FrameAssembler()
    head, tail = picture(0, 0, KEY)[:2], picture(0, 1, DELTA)[2:]

    assert put(assembler, head + tail) == []
    assert assembler.broken


def test_memory_is_bounded_while_waiting() -> None:
    assembler = FrameAssembler()
    packets = film(1200)
    del packets[4]

    put(assembler, packets)

    assert assembler.broken
    assert len(assembler._parts) < 100


def test_sounds_come_in_order() -> None:
    order = AudioOrder()

    out = [one for n in (7, 9, 8, 8, 6, 10) for one in order.add(n, n * 960, bytes([n]), 1.0)]

    assert out == [(bytes([n]), n * 960, 1.0) for n in (7, 8, 9, 10)]


def test_a_lost_sound_is_not_waited_for_long() -> None:
    order = AudioOrder()
    order.add(0, 0, b"a", 0.0)

    out = [n for n in range(2, 20) for one in order.add(n, n, b"b", 0.0)]

    assert len(out) == 18
    assert out[0] == 2 + AUDIO_WINDOW_PACKETS
