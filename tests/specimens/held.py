"""Documents held up to a camera, as loops of pictures: well, tilted, shone upon, from too far.

Unlike `camera`, which draws its conditions at random, a scene here is the same each time but for
the sensor's noise and the hands' tremor: journeys wait for what a page makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.harness.films import HEIGHT, NOISE, WIDTH, Frame
from tests.harness.people import Person, draw_person, looks, wall
from tests.specimens.camera import Corners, lay, shine
from tests.specimens.documents import Specimen

PICTURES = 5
"""Pictures of one loop: half a second."""
TREMOR = 0.6
"""Pixels that a hand trembles, at most."""
DISTANCE = 2.2
"""From the lens to the document, in widths of the document: how strongly a tilt foreshortens."""


class Pose(StrEnum):
    """How somebody holds a document."""

    GOOD = "good"
    TILTED = "tilted"
    """Turned and leaning away."""
    GLARING = "glaring"
    """A lamp shines back from where the words are."""
    FAR = "far"
    BLURRED = "blurred"
    """So near that the lens cannot focus."""


@dataclass(frozen=True, slots=True)
class _Hold:
    """`fill` is the share of the frame; angles in degrees; `shine` 0 for none; `blur` in pixels."""

    fill: float
    roll: float = 0
    yaw: float = 0
    shine: float = 0
    blur: float = 0.3


_HOLDS = {
    Pose.GOOD: _Hold(0.92, roll=0.8),
    Pose.TILTED: _Hold(0.96, roll=11, yaw=24),
    Pose.GLARING: _Hold(0.92, roll=-1, shine=1.5),
    Pose.FAR: _Hold(0.45, roll=2),
    Pose.BLURRED: _Hold(0.94, roll=1, blur=2.6),
}


def held(specimen: Specimen, pose: Pose, behind: Person) -> Iterator[Frame]:
    """Yield a loop: RGB arrays of shape (480, 640, 3); `behind` sits in the room and holds it."""
    hold = _HOLDS[pose]
    noise = np.random.default_rng(behind.seed).normal(0, NOISE, (HEIGHT, WIDTH, 3))
    for number in range(PICTURES):
        turn = 2 * math.pi * number / PICTURES
        drift = (TREMOR * math.sin(turn), TREMOR * math.cos(2 * turn))
        corners = _corners(specimen.image.size, hold, drift)
        image = lay(specimen.image, corners, _room(behind))
        _thumbs(image, corners, looks(behind)[0])
        if hold.shine:
            image = shine(image, _low_middle(corners), 0.17 * WIDTH, hold.shine)
        clean = np.asarray(image.filter(ImageFilter.GaussianBlur(hold.blur)), np.float32)
        rolled = np.roll(noise, (37 * number, 61 * number), (0, 1))
        yield np.clip(clean + rolled, 0, 255).astype(np.uint8)


def corners_of(specimen: Specimen, pose: Pose) -> Corners:
    """Return where the document's corners are in a scene, clockwise from its top left."""
    return _corners(specimen.image.size, _HOLDS[pose], (0, 0))


@lru_cache(maxsize=4)
def _room(behind: Person) -> Image.Image:
    """The person at their place, out of focus behind what they hold up."""
    image = Image.new("RGB", (WIDTH, HEIGHT), wall(behind))
    draw_person(image, behind, (WIDTH / 2, 190), 190, 0)
    return image.filter(ImageFilter.GaussianBlur(3))


def _corners(document: tuple[int, int], hold: _Hold, drift: tuple[float, float]) -> Corners:
    """Turn a flat document about two axes, look at it through a pinhole, fit it to the frame."""
    half = document[1] / document[0] / 2
    flat = np.array([(-0.5, -half, 0), (0.5, -half, 0), (0.5, half, 0), (-0.5, half, 0)])
    roll, yaw = np.deg2rad(hold.roll), np.deg2rad(hold.yaw)
    rolled = flat @ np.array(
        [[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    )
    turned = rolled @ np.array(
        [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    )
    seen = turned[:, :2] * (DISTANCE / (DISTANCE + turned[:, 2:]))
    low, high = seen.min(axis=0), seen.max(axis=0)
    frame = np.array([WIDTH, HEIGHT])
    scale = hold.fill * float(np.min(frame / (high - low)))
    placed = (seen - (low + high) / 2) * scale + frame / 2 + np.array(drift)
    return tuple((float(x), float(y)) for x, y in placed)


def _low_middle(corners: Corners) -> tuple[float, float]:
    """Where the words of most documents are: the middle of the lower half."""
    x = sum(corner[0] for corner in corners) / 4
    top, bottom = corners[0][1] + corners[1][1], corners[2][1] + corners[3][1]
    return x, top / 2 * 0.3 + bottom / 2 * 0.7


def _thumbs(image: Image.Image, corners: Corners, skin: str) -> None:
    """A thumb on either edge, halfway down."""
    pen = ImageDraw.Draw(image)
    for above, below, side in ((corners[0], corners[3], 1), (corners[1], corners[2], -1)):
        x, y = (above[0] + below[0]) / 2, (above[1] + below[1]) / 2
        inner, outer = x + side * 12, x - side * 40
        pen.ellipse((min(inner, outer), y - 14, max(inner, outer), y + 14), fill=skin)
