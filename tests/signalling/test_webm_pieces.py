"""Opus packets out of a recorder's pieces, however these are cut, and whatever is in them."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recordings import webm
from recordings.webm import AUDIO, Block
from signalling.webm_pieces import ELEMENT_LIMIT, MAGIC, PieceReader
from tests.signalling.streams import PACKET_MS, packet, stream

WHOLE = b"".join(stream(3))
MARK = b"\x1f\x43\xb6\x75"
"""With which a cluster begins."""


def read(*pieces):
    reader = PieceReader()
    return [packet for piece in pieces for packet in reader.feed(piece).packets]


def test_every_packet_comes_out_with_its_time():
    found = read(*stream(3))

    assert [one.data for one in found] == [packet(number) for number in range(50)]
    assert [one.at for one in found] == [number * PACKET_MS for number in range(50)]


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_it_does_not_matter_where_pieces_are_cut(cuts):
    places = [0, *sorted(cuts), len(WHOLE)]

    found = read(*(WHOLE[a:b] for a, b in itertools.pairwise(places)))

    assert found == read(WHOLE)


@pytest.mark.parametrize("early", range(len(MARK) + 2))
def test_a_piece_can_be_entered_at_its_cluster_with_the_header_before_it(early):
    first, second, third, _ = stream(3)
    if early:  # the piece before ends within the cluster's head, as a browser may cut it
        at = second.index(MARK) + early
        first, second = first + second[:at], second[at:]
    reader = PieceReader()
    reader.feed(first)
    piece = reader.feed(second)

    entered = read(reader.header + piece.onward, third)

    assert reader.header == webm.live_header()
    assert entered == read(first, second, third)[-len(entered) :]
    assert len(entered) > 30


@pytest.mark.parametrize(
    "piece",
    [
        b"\x00",
        b"RIFF and so on",
        webm.cluster([Block(AUDIO, 0, True, packet(0))]),
        MAGIC + b"\x08\xff\xff\xff\xff",
        MAGIC + (ELEMENT_LIMIT + 1 | 1 << 28).to_bytes(4, "big") + bytes(100),
        webm.live_header() + b"\x1f\x43\xb6\x75\xff\xa3\x81\x81",
        webm.live_header() + b"\x1f\x43\xb6\x75\xff\xa3\x86\x81\x00\x00\x02ab",
        webm.live_header() + b"\x1f\x43\xb6\x75\xff" + b"\xa3\x85\x81\x00\x00\x80a" * 500,
        b"\xec\x4f\xff" * 5,
    ],
    ids=["zero", "other", "headless", "cut", "long", "short", "laced", "many", "void"],
)
def test_what_makes_no_sense_is_refused_or_waits(piece):
    reader = PieceReader()

    with contextlib.suppress(ValueError):
        assert reader.feed(piece).packets == ()


@given(st.binary(max_size=400), st.integers(0, 1500), st.binary(max_size=60))
@example(b"", 0, b"")
def test_anything_is_read_or_refused(noise, at, more):
    reader = PieceReader()

    with contextlib.suppress(ValueError):
        for piece in (WHOLE[:at] + noise, more, noise):
            for packet in reader.feed(piece).packets:
                assert 0 <= packet.at < 2**49
                assert 0 < len(packet.data) <= ELEMENT_LIMIT
    assert len(reader.header) < 10_000
