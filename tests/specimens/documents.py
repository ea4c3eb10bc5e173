"""Specimen documents, drawn: passports, cards, visas, a licence, a seaman's book.

Sizes and the place of the machine-readable zone follow ICAO Doc 9303 parts 3 to 7: OCR-B at ten
characters an inch. Every one says SPECIMEN.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.harness.people import Person, draw_person, font, wall
from tests.specimens.holders import Holder
from tests.specimens.zone import BLIND, Form, lines

WIDTH = 1250
"""Width of every drawn document, in pixels."""

OCR_B = Path("/usr/share/fonts/opentype/ocr-b/OCRB.otf")
PITCH_MM = 2.54
"""From one character of the zone to the next."""

SIZES_MM = {
    Form.TD1: (85.6, 53.98),
    Form.TD2: (105.0, 74.0),
    Form.TD3: (125.0, 88.0),
    Form.MRV_A: (120.0, 80.0),
    Form.MRV_B: (105.0, 74.0),
    Form.LICENCE: (85.6, 53.98),
    Form.SEAMANS_BOOK: (125.0, 88.0),
}
_PORTRAITS_MM = {
    Form.TD1: (3.5, 13.0, 24.0, 30.0),
    Form.TD2: (5.0, 14.0, 28.0, 35.0),
    Form.TD3: (5.0, 17.0, 35.0, 45.0),
    Form.MRV_A: (5.0, 14.0, 29.0, 36.0),
    Form.MRV_B: (5.0, 13.0, 28.0, 35.0),
    Form.LICENCE: (4.0, 14.0, 26.0, 32.0),
    Form.SEAMANS_BOOK: (6.0, 18.0, 35.0, 45.0),
}
"""Left, top, width and height of the portrait, from the document's corner."""

_TITLES = {
    Form.TD1: "IDENTITY CARD",
    Form.TD2: "IDENTITY CARD",
    Form.TD3: "PASSPORT",
    Form.MRV_A: "VISA",
    Form.MRV_B: "VISA",
    Form.LICENCE: "DRIVING LICENCE",
    Form.SEAMANS_BOOK: "SEAMAN'S BOOK",
}
_TINTS = ("#dfe9ef", "#efe4e0", "#e3eee2", "#eeebd9", "#e6e2ef")
_INKS = ("#2c5274", "#743a2c", "#2c6a4a", "#5f5622", "#4a3a74")

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Specimen:
    """A drawn document or one side of it: where its zone and its portrait are, in its pixels."""

    form: Form
    back: bool
    holder: Holder
    image: Image.Image
    lines: tuple[str, ...]
    """What the zone of this side says; empty when this side has none."""
    band: Box | None
    """Left, top, right, bottom of the zone's characters."""
    portrait: Box | None


@lru_cache(maxsize=32)
def draw(form: Form, holder: Holder, *, back: bool = False) -> Specimen:
    """Draw the side of a document that is looked at; `back` only for the cards (TD1, licence)."""
    wide, high = SIZES_MM[form]
    scale = WIDTH / wide
    chance = random.Random(f"paper {holder.face} {form}")
    image = Image.new("RGB", (WIDTH, round(high * scale)), chance.choice(_TINTS))
    _guilloche(image, chance)
    zoned = form not in BLIND and back == (form is Form.TD1)
    portrait = None
    if not back:
        _title(image, form, holder, scale, chance.choice(_INKS))
        portrait = _portrait(image, form, holder, scale)
        _fields(image, form, holder, scale)
    else:
        _reverse(image, form, scale)
    said = lines(form, holder) if zoned else ()
    band = _zone(image, said, scale) if said else None
    return Specimen(form, back, holder, image, said, band, portrait)


@lru_cache(maxsize=8)
def ocr_b(size: float) -> ImageFont.FreeTypeFont:
    """Return OCR-B, which Debian's `fonts-ocr-b` installs."""
    return ImageFont.truetype(OCR_B, size)


def _guilloche(image: Image.Image, chance: random.Random) -> None:
    """Cover the paper with fine waves, as security printing does."""
    pen = ImageDraw.Draw(image)
    tone = chance.choice(("#c6d5df", "#dccbc4", "#c9dbc7", "#dcd6b8", "#cfc8de"))
    long, steep = chance.uniform(40, 90), chance.uniform(6, 16)
    for row in range(-20, image.height + 20, 9):
        points = [
            (x, row + steep * math.sin(x / long + row / 31)) for x in range(0, image.width + 12, 12)
        ]
        pen.line(points, fill=tone, width=1)


def _title(image: Image.Image, form: Form, holder: Holder, scale: float, ink: str) -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, image.width, 10 * scale), fill=ink)
    scale *= SIZES_MM[form][0] / SIZES_MM[Form.TD3][0]
    pen.text((4 * scale, 2 * scale), "UTOPIA", fill="white", font=font(5 * scale))
    title = f"{_TITLES[form]}  {holder.issuer}"
    pen.text((image.width * 0.3, 3 * scale), title, fill="white", font=font(3.4 * scale))
    pen.text((image.width * 0.72, 2.6 * scale), "SPECIMEN", fill="white", font=font(4 * scale))


def _portrait(image: Image.Image, form: Form, holder: Holder, scale: float) -> Box:
    left, top, wide, high = (round(edge * scale) for edge in _PORTRAITS_MM[form])
    who = Person(seed=holder.face)
    picture = Image.new("RGB", (wide, high), wall(who))
    draw_person(picture, who, (wide / 2, high * 0.46), high * 0.62, 0)
    image.paste(picture, (left, top))
    return left, top, left + wide, top + high


def _fields(image: Image.Image, form: Form, holder: Holder, scale: float) -> None:
    """Write what the page says beside the portrait, with its small labels."""
    pen = ImageDraw.Draw(image)
    left, top, wide, high = _PORTRAITS_MM[form]
    said = (
        ("1. Surname / Nom", holder.surname.upper()),
        ("2. Given names / Prénoms", holder.given.upper()),
        ("3. Date of birth / Date de naissance", f"{holder.born:%d.%m.%Y}   {holder.sex}"),
        ("4. Date of expiry / Date d'expiration", f"{holder.expires:%d.%m.%Y}"),
        ("5. Number / No", holder.number),
    )
    step = high / len(said)
    x = (left + wide + 4) * scale
    for place, (label, value) in enumerate(said):
        y = (top + step * place) * scale
        pen.text((x, y), label, fill="#55636c", font=font(step * 0.26 * scale))
        pen.text((x, y + step * 0.3 * scale), value, fill="#16232d", font=font(step * 0.5 * scale))


def _reverse(image: Image.Image, form: Form, scale: float) -> None:
    """The back of a card: small print, a chip's place, the mark SPECIMEN."""
    pen = ImageDraw.Draw(image)
    pen.text((4 * scale, 3 * scale), "UTOPIA   SPECIMEN", fill="#2c5274", font=font(4 * scale))
    pen.text(
        (4 * scale, 9 * scale),
        f"{_TITLES[form].capitalize()}. If found, hand it in anywhere.",
        fill="#3b474e",
        font=font(2.2 * scale),
    )
    if form is Form.LICENCE:
        for row in range(5):
            y = (16 + row * 6) * scale
            pen.line((4 * scale, y, image.width - 4 * scale, y), fill="#7d8b93", width=2)
            pen.text((5 * scale, y + scale), f"{'AB'[row % 2]}{row}", font=font(3 * scale), fill=0)
    else:
        at = (image.width - 18 * scale, 5 * scale)
        pen.rounded_rectangle(
            (*at, at[0] + 12 * scale, at[1] + 10 * scale), scale, fill="#c9b36a", outline="#80703a"
        )


def _zone(image: Image.Image, said: tuple[str, ...], scale: float) -> Box:
    """Write the zone on pale paper: its lowest line 9.4 mm above the edge, on TD1 6 mm."""
    pen = ImageDraw.Draw(image)
    three = len(said) == 3
    spacing, lowest = (5.5, 5.5) if three else (6.35, 9.4)
    pitch = PITCH_MM * scale
    letters = ocr_b(pitch / 0.723)  # a letter is 0.723 of its size wide, a capital 0.714 high
    left = (image.width - pitch * len(said[0])) / 2
    above = [lowest + spacing * place for place in reversed(range(len(said)))]
    tops = [image.height - height * scale for height in above]
    half = 1.2 * scale
    pen.rectangle((0, tops[0] - 3.6 * scale, image.width, image.height), fill="#f4f3ee")
    for middle, line in zip(tops, said, strict=True):
        for place, letter in enumerate(line):
            at = (left + pitch * place, middle + 0.357 * letters.size)
            pen.text(at, letter, fill="#141414", font=letters, anchor="ls")
    right = left + pitch * len(said[0])
    return round(left), round(tops[0] - half), round(right), round(tops[-1] + half)
