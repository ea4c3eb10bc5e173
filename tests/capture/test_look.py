"""What the page makes of pictures: the outline of a document, its light, how sharp it is."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
from PIL import Image

from tests.capture.node import LOOK_SIDE, Node, pixels, sharpness, small
from tests.harness.films import Scene, frames
from tests.harness.people import Person
from tests.specimens.camera import HD, VGA, Corners, Quality, Taken, take
from tests.specimens.documents import draw
from tests.specimens.held import Pose, corners_of, held
from tests.specimens.holders import holder
from tests.specimens.zone import Form

KINDS = {
    Form.TD3: "passport",
    Form.TD1: "identity_card",
    Form.LICENCE: "driving_licence",
    Form.SEAMANS_BOOK: "seamans_book",
}
MARGIN = 0.12
"""Share of the document that is kept around an outline."""


def taken(form: Form, quality: Quality, size: tuple[int, int], seed: int) -> Taken:
    return take(draw(form, holder(seed), back=form is Form.TD1).image, quality, size, seed)


def off(node: Node, image: Image.Image, true: Corners, kind: str) -> float:
    """Return how far the worst corner is off, as a share of the document's width."""
    found = node.call("look", pixels(small(image)), kind)["outline"]
    if found is None:
        return math.inf
    factor = image.width / LOOK_SIDE
    width = math.dist(true[0], true[1])
    corners = [(one["x"] * factor, one["y"] * factor) for one in found["corners"]]
    return max(math.dist(a, b) for a, b in zip(corners, true, strict=True)) / width


@pytest.mark.parametrize("size", [VGA, HD])
@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.MEDIUM])
def test_the_outline_is_found_and_with_its_margin_holds_the_document(
    node: Node, quality: Quality, size: tuple[int, int]
) -> None:
    wrong = []
    for form, kind in KINDS.items():
        for seed in range(2):
            one = taken(form, quality, size, seed)
            wrong.append(off(node, one.image, one.corners, kind))

    assert sum(one <= MARGIN for one in wrong) == len(wrong), wrong
    assert sum(one <= 0.04 for one in wrong) >= 0.5 * len(wrong), wrong


def test_a_face_and_a_room_are_no_document(node: Node) -> None:
    found = []
    for scene, seed in product((Scene.FACE, Scene.NOBODY), range(3)):
        image = small(Image.fromarray(next(frames(scene, Person(seed=seed)))))
        kinds = ("passport", "identity_card", "other")
        found += [node.call("look", pixels(image), kind)["outline"] for kind in kinds]

    assert found == [None] * len(found)


def test_glare_and_darkness_are_measured_on_the_document(node: Node) -> None:
    looks: dict[Pose, Any] = {}
    for pose in (Pose.GOOD, Pose.GLARING):
        frame = next(held(draw(Form.TD3, holder(3)), pose, Person(seed=2)))
        looks[pose] = node.call("look", pixels(small(Image.fromarray(frame))), "passport")
    dark = Image.new("RGB", (LOOK_SIDE, 240), (20, 22, 25))

    assert looks[Pose.GOOD]["glare"] < 0.005
    assert looks[Pose.GLARING]["glare"] > 0.03
    assert node.call("look", pixels(dark), "passport")["light"] < 30


def test_what_is_sharp_is_told_from_what_is_blurred(node: Node) -> None:
    sharp: dict[Pose, list[float]] = {Pose.GOOD: [], Pose.BLURRED: []}
    for pose, values in sharp.items():
        for form in (Form.TD3, Form.LICENCE):
            specimen = draw(form, holder(4))
            frame = next(held(specimen, pose, Person(seed=2)))
            across, down = zip(*corners_of(specimen, pose), strict=True)
            box = (min(across), min(down), max(across), max(down))
            values.append(sharpness(node, Image.fromarray(frame), box))

    assert min(sharp[Pose.GOOD]) > 16
    assert max(sharp[Pose.BLURRED]) < 8


def test_grain_is_not_taken_for_sharpness(node: Node) -> None:
    grain = Image.effect_noise((300, 200), 12)

    assert sharpness(node, grain, (0, 0, 300, 200)) < 250


def test_a_plain_surface_has_no_sharpness(node: Node) -> None:
    assert sharpness(node, Image.new("RGB", (300, 200), "grey"), (0, 0, 300, 200)) == 0


def thumbnail(node: Node, form: Form, seed: int, *, back: bool) -> list[float]:
    one = take(draw(form, holder(seed), back=back).image, Quality.MEDIUM, VGA, seed)
    found = node.call("look", pixels(small(one.image)), KINDS[form])["thumbnail"]
    assert len(found) == 160
    return list(found)


@pytest.mark.parametrize("form", [Form.TD1, Form.LICENCE])
def test_a_card_that_was_not_turned_over_is_known(node: Node, form: Form) -> None:
    front = thumbnail(node, form, 1, back=False)

    frame = next(held(draw(form, holder(1)), Pose.GOOD, Person(seed=2)))
    again = node.call("look", pixels(small(Image.fromarray(frame))), KINDS[form])["thumbnail"]

    assert node.call("sameSide", front, again)
    assert not node.call("sameSide", front, thumbnail(node, form, 1, back=True))
