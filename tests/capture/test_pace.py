"""Sending a picture over a thin link: what comes next, how much, and how long to wait."""

from __future__ import annotations

import pytest

from tests.capture.node import Node

PARTS = [{"sha256": "a", "size": 100_000}, {"sha256": "b", "size": 30_000}]
CHUNK = 32_768


def test_the_next_piece_is_what_the_server_lacks(node: Node) -> None:
    def piece(*have: int) -> object:
        return node.call("nextPiece", PARTS, list(have), CHUNK)

    assert piece(0, 0) == {"part": 0, "from": 0, "to": CHUNK}
    assert piece(90_000, 0) == {"part": 0, "from": 90_000, "to": 100_000}
    assert piece(100_000) == {"part": 1, "from": 0, "to": 30_000}
    assert piece(100_000, 30_000) is None


def test_the_share_counts_bytes(node: Node) -> None:
    assert node.call("shareOf", PARTS, [65_000, 0]) == 0.5
    assert node.call("shareOf", PARTS, [100_000, 30_000]) == 1
    assert node.call("shareOf", PARTS, []) == 0


def sent(node: Node, rate: float, way_ms: float, total: int = 200_000) -> tuple[float, float, int]:
    """Send over a link of so many bytes a second; return seconds, its use, the largest piece."""
    pace = node.make("Pace", CHUNK, way_ms)
    done, time, busy, largest = 0, 0.0, 0.0, 0
    while done < total:
        size = min(total - done, pace.call("bytes"))
        carried = 1000 * size / rate
        time += way_ms + carried + pace.call("sent", size, way_ms + carried)
        busy += carried
        done += size
        largest = max(largest, size)
    return time / 1000, busy / time, largest


@pytest.mark.parametrize(
    ("rate", "way_ms", "longest_s"),
    [(8_000, 700, 90), (64_000, 600, 20), (500_000, 40, 4)],
)
def test_a_picture_gets_through_and_leaves_half_of_the_link(
    node: Node, rate: float, way_ms: float, longest_s: float
) -> None:
    took, use, _ = sent(node, rate, way_ms)

    assert took < longest_s
    assert use < 0.6


def test_pieces_are_small_on_a_thin_link_and_large_on_a_wide_one(node: Node) -> None:
    *_, thin = sent(node, 8_000, 700)
    *_, wide = sent(node, 500_000, 40)

    assert thin <= 8192
    assert wide == CHUNK


def test_a_link_that_gets_thinner_gets_smaller_pieces(node: Node) -> None:
    pace = node.make("Pace", CHUNK, 50)
    for _ in range(6):
        pace.call("sent", pace.call("bytes"), 60)
    before = pace.call("bytes")

    for _ in range(6):
        pace.call("sent", pace.call("bytes"), 5000)

    assert before == CHUNK
    assert pace.call("bytes") == 4096


def test_no_wait_is_endless(node: Node) -> None:
    pace = node.make("Pace", CHUNK, 50)
    pace.call("sent", 4096, 100)

    assert pace.call("sent", 4096, 60_000) == 4000


def test_a_picture_that_somebody_waits_for_waits_for_the_voice_but_never_long(node: Node) -> None:
    waits = [node.call("calm", 500, queue) for queue in (0, 300, 500, 5000)]

    assert waits == [250, 250, 800, 2500]
