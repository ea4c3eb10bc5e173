"""A data limit: which step it allows, so that it is never exceeded."""

from __future__ import annotations

import pytest

from tests.capture.node import Node
from tests.link.thin import steps_of

FULL, MIDDLE, THINNER, SMALL, SLOW, STILLS, SOUND, TEXT = range(8)
NO_LIMIT = {"kbit": None, "mb": None}
HOUR = 3600


def test_without_limits_everything_may_be_sent(node: Node) -> None:
    assert node.call("allowance", NO_LIMIT, 10**9, HOUR) is None
    assert node.call("fitting", None, TEXT) == FULL


@pytest.mark.parametrize(
    ("kbit", "step"),
    [
        (1000, FULL),
        (512, MIDDLE),
        (330, THINNER),
        (256, SMALL),
        (128, SMALL),
        (64, STILLS),
        (48, SOUND),
        (8, TEXT),
    ],
)
def test_a_step_fits_both_ways_together(node: Node, kbit: int, step: int) -> None:
    assert node.call("fitting", kbit, step) == step
    fits = steps_of(node)[step]
    assert fits["up"] + fits["down"] <= kbit


def test_going_up_needs_more_than_staying(node: Node) -> None:
    slow = steps_of(node)[SLOW]
    just = 1.1 * (slow["up"] + slow["down"])

    assert node.call("fitting", just, SLOW) == SLOW
    assert node.call("fitting", just, STILLS) == STILLS


def test_what_is_left_lasts_to_the_end(node: Node) -> None:
    budget = {"kbit": None, "mb": 50}

    assert node.call("allowance", budget, 5_000_000, HOUR) == 100
    assert node.call("allowance", budget, 50_000_000, HOUR) == 0
    assert node.call("allowance", budget, 60_000_000, HOUR) == 0
    assert node.call("allowance", {"kbit": 64, "mb": 50}, 0, HOUR) == 64


@pytest.mark.parametrize("megabytes", [2, 5, 10, 25, 50, 100, 250])
def test_a_session_never_takes_more_megabytes_than_allowed(node: Node, megabytes: int) -> None:
    steps = steps_of(node)
    budget = {"kbit": None, "mb": megabytes}
    used, step = 0.0, FULL
    seen = set()
    for second in range(0, 2 * HOUR, 10):
        kbit = node.call("allowance", budget, used, 2 * HOUR - second)
        step = node.call("fitting", kbit, step)
        seen.add(step)
        used += 10 * 125 * (steps[step]["up"] + steps[step]["down"])

    nothing_left = megabytes * 1_000_000 <= 2 * HOUR * 125 * 6
    assert used <= megabytes * 1_000_000 or nothing_left
    assert (seen == {TEXT}) == (megabytes <= 5)


@pytest.mark.parametrize("kbit", [48, 64, 128, 256, 512])
def test_what_is_sent_beside_the_stream_fits_beside_it(node: Node, kbit: int) -> None:
    step = steps_of(node)[node.call("fitting", kbit, FULL)]
    beside = kbit * node.value("BESIDE")

    assert step["up"] + step["down"] + beside <= 1.02 * kbit
