"""Where the page begins, before anything of the link was measured."""

from __future__ import annotations

import pytest

from tests.capture.node import Node

FULL, MIDDLE, THINNER, SMALL, SLOW, STILLS = range(6)
NOTHING = {"expected": None, "wait": None, "kbit": None, "kind": None, "saving": False}


@pytest.mark.parametrize(
    ("known", "step"),
    [
        ({}, THINNER),
        ({"kind": "4g"}, FULL),
        ({"kind": "3g"}, SMALL),
        ({"kind": "4g", "wait": 800}, SMALL),
        ({"kind": "4g", "wait": 120}, FULL),
        ({"kind": "2g"}, STILLS),
        ({"kind": "4g", "saving": True}, STILLS),
        ({"kbit": 20_000}, FULL),
        ({"kbit": 300, "kind": "4g"}, MIDDLE),
        ({"kbit": 240, "kind": "4g"}, THINNER),
        ({"kbit": 115, "kind": "4g"}, SMALL),
        ({"kbit": 62}, SLOW),
        ({"kbit": 9}, STILLS),
        ({"expected": SMALL, "kind": "4g"}, SMALL),
        ({"expected": SMALL, "kbit": 20_000}, SMALL),
        ({"expected": FULL, "kbit": 60}, SLOW),
    ],
)
def test_the_least_that_anything_says_is_believed(
    node: Node, known: dict[str, object], step: int
) -> None:
    assert node.call("first", {**NOTHING, **known}) == step


def file(size: int, took: float, wait: float = 700) -> dict[str, float]:
    """Return a file that was asked for at 200 ms and whose first byte came after `wait`."""
    begun = 200 + wait
    times = {"requestStart": 200, "responseStart": begun, "responseEnd": begun + took}
    return {"transferSize": size, **times}


def test_the_pace_is_that_of_all_files_together_or_of_one(node: Node) -> None:
    assert node.call("pace", [file(300, 0), file(0, 0)], None) is None
    assert node.call("pace", [file(20_000, 1600), file(300, 0)], None) == 101.5
    assert node.call("pace", [file(20_000, 1600), file(9_000, 900)], None) == 145


def test_what_a_lost_packet_has_held_up_does_not_make_the_link_look_wide(node: Node) -> None:
    held_up = file(30_000, 5, wait=2900)

    assert node.call("pace", [file(300, 0), held_up], None) < 115
    assert node.call("pace", [held_up], 700) < 115


def test_a_thin_step_begins_low(node: Node) -> None:
    starts = [node.call("startBitrate", step) for step in range(8)]

    assert starts == sorted(starts, reverse=True)
    assert starts[SMALL] <= 50
