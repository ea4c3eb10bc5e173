"""Drawn faces with light and shade: nobody's, but enough of a face for a detector to find it.

A face is drawn once for a seed, large, on a transparent ground, and scaled from there. Its unit
is a two-hundredth of the head's height; its origin is the middle of the head, y downwards.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

LEFT, TOP, RIGHT, BOTTOM = -200, -135, 200, 345
"""What is drawn of a person, in units."""
FINE = 3
"""Pixels a unit while drawing; the face is kept at two thirds of that."""

SKINS = ("#f1c9a5", "#d8a47f", "#b88560", "#9c6b48", "#7a5238", "#e6b68c")
HAIRS = ("#1d1714", "#3b2417", "#6a4422", "#a5703a", "#6b6b6b", "#0f0f14")
SHIRTS = ("#24405f", "#6b2737", "#2f5d50", "#494949", "#7a5c2e", "#3c3566")
IRISES = ("#3d2817", "#57402a", "#4d6674", "#5c6b4a")

CASTING = 174
"""The draw in which the cast of the journeys looks as its names and documents say."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Features:
    """What makes one face unlike another: lengths in units, colours as #rrggbb."""

    skin: str
    hair: str
    shirt: str
    iris: str
    width: float
    jaw: float
    apart: float
    eye: float
    brow: float
    slant: float
    nose: float
    nostril: float
    mouth: float
    lips: float
    long_hair: bool
    fringe: float
    parting: float
    beard: float
    glasses: bool


def features(seed: int) -> Features:
    """Return the features of a seed; neighbouring seeds have other colours."""
    chance = random.Random(f"face {CASTING} {seed}")
    long_hair = chance.random() < 0.45
    return Features(
        skin=SKINS[seed % 6],
        hair=HAIRS[seed * 5 % 6],
        shirt=SHIRTS[(seed + seed // 6) % 6],
        iris=chance.choice(IRISES),
        width=chance.uniform(68, 80),
        jaw=chance.uniform(0.62, 0.92),
        apart=chance.uniform(29, 35),
        eye=chance.uniform(15, 19),
        brow=chance.uniform(4, 8),
        slant=chance.uniform(-4, 4),
        nose=chance.uniform(24, 34),
        nostril=chance.uniform(11, 16),
        mouth=chance.uniform(22, 32),
        lips=chance.uniform(6, 11),
        long_hair=long_hair,
        fringe=chance.uniform(-62, -44),
        parting=chance.uniform(-40, 40),
        beard=0.0 if long_hair else chance.choice((0, 0, 0.35, 0.8)),
        glasses=chance.random() < 0.2,
    )


def draw_face(image: Image.Image, seed: int, centre: Point, head: float, blink: float) -> None:
    """Draw head and shoulders on `image`; `head` is the height in pixels, `blink` 0 to 1 (shut)."""
    unit = head / 200
    face = _scaled(seed, round(blink, 1), round(head))
    at = (round(centre[0] + LEFT * unit), round(centre[1] + TOP * unit))
    image.paste(face, at, face)
    below = at[1] + face.height
    if below < image.height:
        shirt = (at[0] + 8 * unit, below, at[0] + face.width - 8 * unit, image.height)
        ImageDraw.Draw(image).rectangle(shirt, fill=features(seed).shirt)


@lru_cache(maxsize=64)
def _scaled(seed: int, blink: float, head: int) -> Image.Image:
    size = (round((RIGHT - LEFT) * head / 200), round((BOTTOM - TOP) * head / 200))
    return _face(seed, blink).resize(size, Image.Resampling.LANCZOS)


@lru_cache(maxsize=24)
def _face(seed: int, blink: float) -> Image.Image:
    easel = _Easel()
    who = features(seed)
    _body(easel, who)
    _head(easel, who)
    for side in (-1, 1):
        _eye(easel, who, side, blink)
    _nose(easel, who)
    _mouth(easel, who)
    _hair(easel, who)
    if who.glasses:
        _glasses(easel, who)
    size = (easel.image.width * 2 // FINE, easel.image.height * 2 // FINE)
    return easel.image.resize(size, Image.Resampling.LANCZOS)


class _Easel:
    """A transparent picture on which shapes are laid, sharp or soft."""

    def __init__(self) -> None:
        size = ((RIGHT - LEFT) * FINE, (BOTTOM - TOP) * FINE)
        self.image = Image.new("RGBA", size)

    def shape(
        self,
        points: list[Point],
        colour: str,
        *,
        soft: float = 0,
        strength: float = 1,
        within: bool = False,
    ) -> None:
        """Fill a polygon; `soft` blurs it by so many units, `within` keeps it to what is there."""
        placed = [((x - LEFT) * FINE, (y - TOP) * FINE) for x, y in points]
        spare = 3 * soft * FINE + 2
        box = (
            max(0, math.floor(min(x for x, _ in placed) - spare)),
            max(0, math.floor(min(y for _, y in placed) - spare)),
            min(self.image.width, math.ceil(max(x for x, _ in placed) + spare)),
            min(self.image.height, math.ceil(max(y for _, y in placed) + spare)),
        )
        mask = Image.new("L", (box[2] - box[0], box[3] - box[1]))
        pen = ImageDraw.Draw(mask)
        pen.polygon([(x - box[0], y - box[1]) for x, y in placed], fill=round(255 * strength))
        if soft:
            small = mask.reduce(FINE * 2).filter(ImageFilter.GaussianBlur(soft / 2))
            mask = small.resize(mask.size, Image.Resampling.BILINEAR)
        if within:
            mask = ImageChops.multiply(mask, self.image.getchannel("A").crop(box))
        over = Image.new("RGBA", mask.size, colour)
        over.putalpha(mask)
        self.image.alpha_composite(over, (box[0], box[1]))

    def oval(
        self,
        middle: Point,
        radii: Point,
        colour: str,
        *,
        soft: float = 0,
        strength: float = 1,
        within: bool = False,
    ) -> None:
        """Fill an ellipse, as `shape` does."""
        points = round_points(middle, radii)
        self.shape(points, colour, soft=soft, strength=strength, within=within)


def round_points(middle: Point, radii: Point, power: float = 2.0) -> list[Point]:
    """Return points of an ellipse, or of a squarer curve for a `power` above 2."""
    points = []
    for step in range(72):
        turn = 2 * math.pi * step / 72
        x, y = math.cos(turn), math.sin(turn)
        points.append(
            (
                middle[0] + radii[0] * math.copysign(abs(x) ** (2 / power), x),
                middle[1] + radii[1] * math.copysign(abs(y) ** (2 / power), y),
            )
        )
    return points


def mixed(colour: str, other: str, share: float) -> str:
    """Return `colour` with a `share` of `other` in it."""
    parts = [
        round(int(colour[at : at + 2], 16) * (1 - share) + int(other[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _body(easel: _Easel, who: Features) -> None:
    if who.long_hair:
        hair = round_points((0, 30), (who.width + 26, 140), 3)
        easel.shape(hair, who.hair)
    shoulders = round_points((0, 300), (192, 150), 2.4)
    easel.shape(shoulders, who.shirt)
    easel.oval((70, 300), (60, 130), "#ffffff", soft=40, strength=0.12, within=True)
    dark = mixed(who.skin, "#301810", 0.25)
    easel.shape([(-38, 60), (38, 60), (42, 150), (0, 185), (-42, 150)], dark)
    easel.oval((8, 110), (44, 26), "#200c06", soft=12, strength=0.55, within=True)


def _head(easel: _Easel, who: Features) -> None:
    skin, wide = who.skin, who.width
    shade = mixed(skin, "#2a0f08", 0.55)
    for side in (-1, 1):
        easel.oval((side * (wide + 1), 8), (10, 22), mixed(skin, "#803828", 0.2))
    half = [math.pi * step / 36 for step in range(37)]
    upper = [(-wide * math.cos(t), -100 * math.sin(t)) for t in half]
    lower = [
        (wide * math.copysign(abs(math.cos(t)) ** who.jaw, math.cos(t)), 103 * math.sin(t))
        for t in half
    ]
    easel.shape(upper + lower, skin)
    for side, strength in ((-1, 0.35), (1, 0.55)):
        easel.oval(
            (side * (wide + 2), 30), (22, 90), shade, soft=16, strength=strength, within=True
        )
        easel.oval((side * 44, 44), (18, 14), "#c2503e", soft=12, strength=0.16, within=True)
        easel.oval((side * who.apart, -14), (27, 18), shade, soft=8, strength=0.6, within=True)
    easel.oval((-8, -55), (42, 22), "#ffffff", soft=18, strength=0.22, within=True)
    easel.oval((0, 96), (34, 10), shade, soft=8, strength=0.4, within=True)
    easel.oval((0, 82), (16, 10), "#ffffff", soft=8, strength=0.14, within=True)
    if who.beard:
        chin = [(-wide, 20), (-34, 34), (0, 40), (34, 34), (wide, 20), (wide * 0.8, 104), (0, 112)]
        chin.append((-wide * 0.8, 104))
        easel.shape(chin, who.hair, soft=7, strength=who.beard, within=True)


def _eye(easel: _Easel, who: Features, side: int, blink: float) -> None:
    x, y = side * who.apart, -12.0
    half, tall = who.eye, who.eye * 0.48 * (1 - 0.92 * blink)
    dark = mixed(who.skin, "#1c0a06", 0.72)
    almond = [(x + half * math.cos(t), y + tall * _lid(t)) for t in _turns()]
    lash = [(x + 1.1 * half * math.cos(t), y - 2 + (tall + 2) * _lid(t)) for t in _turns()]
    easel.shape(lash, dark)
    easel.shape(almond, "#f3efe9")
    if tall > 3:
        iris = min(7.5, tall + 1)
        easel.oval((x, y), (7.5, iris), who.iris)
        easel.oval((x, y), (3.6, min(3.6, iris)), "#070504")
        easel.oval((x - 2.5, y - 2.5), (1.8, 1.8), "#ffffff")
    crease = [(x - half, y - 8), (x, y - 16), (x + half, y - 8), (x, y - 12)]
    easel.shape(crease, dark, soft=1.5, strength=0.6)
    easel.oval((x, y + 13), (half, 4), dark, soft=4, strength=0.35)
    lift = who.slant * side
    brow = [
        (x - half - 4, y - 22 + lift),
        (x, y - 28),
        (x + half + 5, y - 22 - lift),
        (x + half + 4, y - 22 - lift + who.brow * 0.6),
        (x, y - 28 + who.brow),
        (x - half - 3, y - 22 + lift + who.brow * 0.6),
    ]
    easel.shape(brow, mixed(who.hair, "#000000", 0.25), soft=1, strength=0.95)


def _turns() -> list[float]:
    return [2 * math.pi * step / 48 for step in range(48)]


def _lid(turn: float) -> float:
    """The height of an eye's edge: pointed at its corners, rounder above than below."""
    height = math.sin(turn)
    return math.copysign(abs(height) ** 1.2, height) * (1.1 if height < 0 else 0.8)


def _nose(easel: _Easel, who: Features) -> None:
    tip = who.nose
    shade = mixed(who.skin, "#2a0f08", 0.6)
    for side, strength in ((-1, 0.28), (1, 0.5)):
        flank = [(side * 5, -20), (side * 11, -8), (side * (who.nostril + 3), tip), (side * 6, tip)]
        easel.shape(flank, shade, soft=4, strength=strength)
        easel.oval((side * who.nostril * 0.62, tip + 4), (4.6, 2.8), mixed(shade, "#000000", 0.5))
        easel.oval((side * who.nostril, tip - 1), (5, 7), shade, soft=3, strength=0.5)
    easel.shape([(-3, -18), (3, -18), (4, tip - 6), (-4, tip - 6)], "#ffffff", soft=3, strength=0.3)
    easel.oval((-1, tip - 5), (5, 4), "#ffffff", soft=3, strength=0.35)
    easel.oval((0, tip + 9), (who.nostril + 2, 4), shade, soft=3, strength=0.6)


def _mouth(easel: _Easel, who: Features) -> None:
    y, wide, lips = who.nose + 28, who.mouth, who.lips
    red = mixed(who.skin, "#8c2f35", 0.55)
    upper = [(-wide, y), (-wide / 3, y - lips * 0.8), (0, y - lips * 0.5)]
    upper += [(wide / 3, y - lips * 0.8), (wide, y), (0, y + 2)]
    easel.shape(upper, mixed(red, "#200808", 0.25), soft=0.7)
    lower = [(-wide, y), (0, y + 1), (wide, y), (wide / 2, y + lips), (-wide / 2, y + lips)]
    easel.shape(lower, red, soft=1)
    easel.oval((-2, y + lips * 0.55), (wide / 3, 2.4), "#ffffff", soft=2, strength=0.3)
    line = [(-wide - 1, y - 1), (0, y - 0.5), (wide + 1, y - 1), (0, y + 2.6)]
    easel.shape(line, mixed(who.skin, "#160404", 0.85), soft=0.6)
    easel.oval((0, y + lips + 5), (wide * 0.6, 4), "#2a0f08", soft=4, strength=0.4)


def _hair(easel: _Easel, who: Features) -> None:
    wide, fringe = who.width, who.fringe
    turns = [math.pi * step / 36 for step in range(37)]
    crown = [(-(wide + 7) * math.cos(t), fringe + 40 - (156 + fringe) * math.sin(t)) for t in turns]
    left = (-wide + 2, fringe + 36)
    right = (wide - 2, fringe + 36)
    parting = (who.parting, fringe - 8)
    inner = [right, (wide * 0.7, fringe + 4), parting, (-wide * 0.7, fringe + 4), left]
    easel.shape(crown + inner, who.hair, soft=1)
    easel.oval((-20, -96), (36, 8), "#ffffff", soft=8, strength=0.2, within=True)
    if who.long_hair:
        for side in (-1, 1):
            lock = [(side * (wide - 6), -50), (side * (wide + 22), -40), (side * (wide + 26), 130)]
            lock += [(side * (wide - 4), 150), (side * (wide + 2), 20)]
            easel.shape(lock, who.hair, soft=2)


def _glasses(easel: _Easel, who: Features) -> None:
    pen = ImageDraw.Draw(easel.image)
    for side in (-1, 1):
        x, y = side * who.apart, -10
        edges = (x - 25, y - 17, x + 25, y + 18)
        box = [(edge - (LEFT, TOP)[place % 2]) * FINE for place, edge in enumerate(edges)]
        pen.rounded_rectangle(box, 24, outline="#26211e", width=7)
    bridge = [((x - LEFT) * FINE, (-14 - TOP) * FINE) for x in (25 - who.apart, who.apart - 25)]
    pen.line([bridge[0], bridge[1]], fill="#26211e", width=7)
