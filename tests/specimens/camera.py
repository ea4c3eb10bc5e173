"""A simulated webcam: what its sensor makes of a document that is held up to it.

A document is laid into a room by a perspective, lit unevenly, shone upon, blurred, and then
given the noise and the compression of a cheap camera. Everything follows from a seed.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

VGA = (640, 480)
HD = (1280, 720)

Corners = tuple[tuple[float, float], ...]
Span = tuple[float, float]


class Quality(StrEnum):
    """How well a person holds a document up, and by which light."""

    GOOD = "good"
    MEDIUM = "medium"
    POOR = "poor"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Spans from which a picture's values are drawn.

    `fill` is the document's share of the frame (of the width or the height, whichever is
    tighter); `roll` in degrees; `lean` moves each corner, as a share of the document's width;
    `blur` and `shake` in pixels of a 640-pixel-wide frame; `noise` in steps of 256; `glare` is the
    chance of a shine on the document; `light` multiplies; `jpeg` is the quality of the file.
    """

    fill: Span
    roll: float
    lean: float
    blur: Span
    shake: float
    noise: Span
    glare: float
    light: Span
    jpeg: tuple[int, int]


CONDITIONS = {
    Quality.GOOD: Conditions(
        (0.90, 0.97), 2, 0.012, (0.25, 0.5), 0.4, (2, 4), 0.0, (0.9, 1.08), (88, 94)
    ),
    Quality.MEDIUM: Conditions(
        (0.84, 0.95), 5, 0.035, (0.45, 0.8), 1.0, (4, 8), 0.3, (0.7, 1.15), (78, 88)
    ),
    Quality.POOR: Conditions(
        (0.68, 0.88), 9, 0.08, (0.9, 1.6), 2.6, (7, 13), 0.7, (0.45, 1.3), (55, 72)
    ),
}


@dataclass(frozen=True)
class Taken:
    """A picture, and the truth about it: the document's corners, clockwise from its top left."""

    image: Image.Image
    corners: Corners
    jpeg: bytes


def shot(
    document: Image.Image,
    quality: Quality | str = Quality.GOOD,
    size: tuple[int, int] = VGA,
    seed: int = 0,
) -> bytes:
    """Return the JPEG that a camera makes of `document`."""
    return take(document, quality, size, seed).jpeg


def take(
    document: Image.Image,
    quality: Quality | str = Quality.GOOD,
    size: tuple[int, int] = VGA,
    seed: int = 0,
    *,
    mirrored: bool = False,
) -> Taken:
    """Take one picture of `document`; `mirrored` as a careless preview would send it."""
    chance = random.Random(f"shot {quality} {size} {seed}")
    spans = CONDITIONS[Quality(quality)]
    corners = _placed(document.size, size, spans, chance)
    image = lay(document, corners, _room(size, chance))
    image = _lit(image, corners, spans, chance)
    unit = size[0] / 640
    image = _soft(image, chance.uniform(*spans.blur) * unit, chance.uniform(0, spans.shake) * unit)
    image = _grain(image, chance.uniform(*spans.noise), chance.randrange(2**32))
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        corners = tuple((size[0] - x, y) for x, y in corners)
    return Taken(image, corners, jpeg(image, chance.randint(*spans.jpeg)))


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Return `image` as a JPEG with halved colour, as cameras write it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


def lay(document: Image.Image, corners: Corners, ground: Image.Image) -> Image.Image:
    """Return `ground` with the document's four corners at `corners`, its edges smoothed."""
    double = (ground.width * 2, ground.height * 2)
    there = [(2 * x, 2 * y) for x, y in corners]
    wide, high = document.size
    here = [(0, 0), (wide, 0), (wide, high), (0, high)]
    how = _perspective(there, here)
    warped = document.transform(
        double,
        Image.Transform.PERSPECTIVE,
        how,
        Image.Resampling.BILINEAR,
        fillcolor=document.getpixel((2, high - 3)),
    ).reduce(2)
    mask = Image.new("L", double)
    ImageDraw.Draw(mask).polygon(there, fill=255)
    return Image.composite(warped, ground, mask.reduce(2))


def _perspective(there: list[tuple[float, float]], here: list[tuple[float, float]]) -> list[float]:
    """Return the eight numbers with which Pillow finds a point `here` for one `there`."""
    rows, wanted = [], []
    for (x, y), (u, v) in zip(there, here, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    return [float(number) for number in np.linalg.solve(np.array(rows), np.array(wanted))]


def _placed(
    document: tuple[int, int], size: tuple[int, int], spans: Conditions, chance: random.Random
) -> Corners:
    """Choose where the four corners come to lie, all inside the frame."""
    fill = chance.uniform(*spans.fill)
    ratio = document[1] / document[0]
    angle = np.deg2rad(chance.uniform(-spans.roll, spans.roll))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = np.array([(-0.5, -ratio / 2), (0.5, -ratio / 2), (0.5, ratio / 2), (-0.5, ratio / 2)])
    leaning = flat + [[chance.uniform(-1, 1) * spans.lean for _ in range(2)] for _ in range(4)]
    points = leaning @ turn.T
    low, high = points.min(axis=0), points.max(axis=0)
    frame = np.array(size)
    scale = fill * float(np.min(frame / (high - low)))
    spare = frame - (high - low) * scale
    where = np.array([chance.uniform(0.25, 0.75), chance.uniform(0.25, 0.75)])
    placed = (points - low) * scale + spare * where
    return tuple((float(x), float(y)) for x, y in placed)


def _room(size: tuple[int, int], chance: random.Random) -> Image.Image:
    """What is behind the document: a wall, a shelf, a shirt; out of focus."""
    tone = [chance.randrange(60, 200) for _ in range(3)]
    room = Image.new("RGB", (64, 48), (tone[0], tone[1], tone[2]))
    pen = ImageDraw.Draw(room)
    for _ in range(7):
        x, y = chance.randrange(64), chance.randrange(48)
        fill = (chance.randrange(30, 230), chance.randrange(30, 230), chance.randrange(30, 230))
        pen.rectangle((x, y, x + chance.randrange(4, 30), y + chance.randrange(4, 30)), fill=fill)
    return room.filter(ImageFilter.GaussianBlur(1)).resize(size, Image.Resampling.BICUBIC)


def _lit(
    image: Image.Image, corners: Corners, spans: Conditions, chance: random.Random
) -> Image.Image:
    """Light falls off to one side; now and then a lamp shines back from the document."""
    wide, high = image.size
    level = chance.uniform(*spans.light)
    fall = chance.uniform(0.0, 0.25)
    small = Image.new("L", (2, 2))
    darker = [chance.uniform(1 - fall, 1) for _ in range(4)]
    small.putdata([round(200 * part) for part in darker])
    shade = np.asarray(small.resize((wide, high), Image.Resampling.BICUBIC), np.float32) / 200
    pixels = np.asarray(image, np.float32) * (level * shade)[:, :, None]
    lit = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if chance.random() >= spans.glare:
        return lit
    middle = (
        sum(x for x, _ in corners) / 4 + chance.uniform(-0.35, 0.35) * wide,
        sum(y for _, y in corners) / 4 + chance.uniform(-0.35, 0.35) * high,
    )
    return shine(lit, middle, chance.uniform(0.06, 0.16) * wide, chance.uniform(0.5, 1.2))


def shine(
    image: Image.Image, middle: tuple[float, float], radius: float, strength: float
) -> Image.Image:
    """Return `image` with a lamp's reflection: white in its middle where `strength` is 1 or more.

    `radius` is the standard deviation of the spot, in pixels.
    """
    columns = np.arange(image.width, dtype=np.float32) - middle[0]
    rows = np.arange(image.height, dtype=np.float32)[:, None] - middle[1]
    spot = 255 * strength * np.exp(-(columns**2 + (1.6 * rows) ** 2) / (2 * radius**2))
    grey = Image.fromarray(np.clip(spot, 0, 255).astype(np.uint8))
    return ImageChops.add(image, Image.merge("RGB", (grey, grey, grey)))


def _soft(image: Image.Image, blur: float, shake: float) -> Image.Image:
    """Out of focus by `blur` (standard deviation), moved sideways by `shake` while open."""
    soft = image.filter(ImageFilter.GaussianBlur(blur))
    steps = max(1, round(shake * 2))
    if steps == 1:
        return soft
    whole = np.zeros((image.height, image.width, 3), np.float32)
    for step in range(steps):
        moved = ImageChops.offset(soft, round(shake * step / (steps - 1) - shake / 2), 0)
        whole += np.asarray(moved, np.float32)
    return Image.fromarray(np.rint(whole / steps).astype(np.uint8))


def _grain(image: Image.Image, noise: float, seed: int) -> Image.Image:
    """Sensor noise: more of it where there is more light, some everywhere, finer than a pixel."""
    chance = np.random.default_rng(seed)
    pixels: npt.NDArray[np.float32] = np.asarray(image, np.float32)
    strength = noise * (0.6 + 0.4 * np.sqrt(pixels / 255))
    speckled = pixels + strength * chance.standard_normal(pixels.shape, np.float32)
    return Image.fromarray(np.clip(np.rint(speckled), 0, 255).astype(np.uint8))
