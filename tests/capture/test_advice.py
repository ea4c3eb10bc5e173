"""What is said of a picture, one thing at a time, and when it is taken by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.capture.node import Made, Node

RATIO = 0.75
GOOD = [(0.07, 0.06), (0.93, 0.06), (0.93, 0.68), (0.07, 0.68)]


def moment(at: int = 0, corners: Any = GOOD, **other: Any) -> dict[str, Any]:
    """Return a moment in which all is well but what is named."""
    points = None if corners is None else [{"x": x, "y": y} for x, y in corners]
    usual = {"ratio": RATIO, "light": 170, "glare": 0, "sharpness": 40, "same": False, "least": 0.7}
    return {"at": at, "corners": points, **usual, **other}


def moved(by: float) -> list[tuple[float, float]]:
    return [(x + by, y) for x, y in GOOD]


SMALL = [(0.3, 0.2), (0.7, 0.2), (0.7, 0.5), (0.3, 0.5)]
CUT = [(0.0, 0.06), (0.93, 0.06), (0.93, 0.68), (0.0, 0.68)]
LEANING = [(0.07, 0.02), (0.93, 0.2), (0.9, 0.73), (0.05, 0.6)]
TURNED = [(0.07, 0.06), (0.93, 0.16), (0.93, 0.55), (0.07, 0.68)]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (moment(), "good"),
        (moment(light=30, corners=None), "dark"),
        (moment(corners=None), "place"),
        (moment(same=True), "turn"),
        (moment(corners=SMALL), "closer"),
        (moment(corners=CUT), "away"),
        (moment(corners=LEANING), "straight"),
        (moment(corners=TURNED), "straight"),
        (moment(glare=0.05), "glare"),
        (moment(light=245), "bright"),
        (moment(corners=moved(0.03)), "still"),
        (moment(sharpness=3), "blurred"),
        (moment(sharpness=3, glare=0.05), "glare"),
    ],
)
def test_the_most_helpful_thing_is_said(node: Node, now: dict[str, Any], said: str) -> None:
    assert node.call("advise", now, moment()) == said


def test_the_first_picture_of_all_is_not_taken_for_a_still_hand(node: Node) -> None:
    assert node.call("advise", moment(), None) == "still"


def see(guide: Made, first: int, last: int, **other: Any) -> list[int]:
    """Show a guide the same thing for a while; return when it wanted the picture."""
    return [at for at in range(first, last, 120) if guide.call("see", moment(at, **other))]


def test_the_picture_is_taken_after_a_second_of_good(node: Node) -> None:
    guide = node.make("Guide")

    wanted = see(guide, 0, 3000)

    assert 1000 <= wanted[0] <= 1300


def test_a_second_that_is_broken_begins_anew(node: Node) -> None:
    guide = node.make("Guide")

    early = [*see(guide, 0, 900), *see(guide, 900, 1000, glare=0.1)]
    late = see(guide, 1020, 3000)

    assert early == []
    assert late[0] >= 2000


def test_an_instruction_does_not_flicker(node: Node) -> None:
    guide = node.make("Guide")
    see(guide, 0, 1200, corners=SMALL)
    shown = []
    for at in range(1200, 4000, 120):
        guide.call("see", moment(at, glare=0.1 if at // 120 % 2 else 0, sharpness=40))
        shown.append(guide.call("advice"))

    changes = sum(a != b for a, b in pairwise(shown))

    assert changes <= 3


def test_a_camera_that_is_never_sharp_gets_its_picture_after_a_while(node: Node) -> None:
    guide = node.make("Guide")

    wanted = see(guide, 0, 12_000, sharpness=5)

    assert 6000 <= wanted[0] <= 8000
    assert see(node.make("Guide"), 0, 12_000, sharpness=2) == []


def test_after_a_while_the_button_is_named(node: Node) -> None:
    guide = node.make("Guide")
    see(guide, 0, 15_000, corners=None)

    early, late = guide.call("byHand", 14_000), guide.call("byHand", 15_100)

    assert (early, late) == (False, True)


def test_words_are_spoken_at_most_every_two_seconds_and_not_twice(node: Node) -> None:
    speech = node.make("Speech")
    heard = [
        speech.call("next", words, at)
        for words, at in (
            ("Closer", 0),
            ("Hold still", 500),
            ("Hold still", 1900),
            ("Hold still", 2000),
            ("Hold still", 5000),
            ("Closer", 5100),
        )
    ]

    assert heard == ["Closer", None, None, "Hold still", None, "Closer"]
