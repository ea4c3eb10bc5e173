"""Drawn people and their specimen identity cards: nobody's face, nobody's document.

Everything follows from a `Person`'s values, so the same person looks the same in every film. The
card names the state of Utopia (UTO), which ICAO Doc 9303 keeps for specimens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.harness.faces import draw_face, features

CARD_RATIO = 85.6 / 53.98
"""Width over height of an ID-1 card (ISO/IEC 7810)."""

_WALLS = ("#b9c2c9", "#c9c2b2", "#a9b7b0", "#c4b8bd")
_FONTS = Path("/usr/share/fonts/truetype/dejavu")


@dataclass(frozen=True)
class Person:
    """Who is drawn: the names and dates on the card (dates as YYMMDD) and a seed for the looks."""

    surname: str = "ERIKSSON"
    given_names: str = "ANNA MARIA"
    document: str = "D23145890"
    born: str = "740812"
    sex: str = "F"
    expires: str = "320415"
    seed: int = 1


def check_digit(field: str) -> str:
    """Return the check digit of a field: weights 7, 3, 1 (ICAO Doc 9303 part 3, 4.9)."""
    values = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    total = sum(
        (0 if letter == "<" else values.index(letter)) * (7, 3, 1)[place % 3]
        for place, letter in enumerate(field)
    )
    return str(total % 10)


def machine_readable_zone(person: Person) -> tuple[str, str, str]:
    """Return the three lines of 30 characters of a TD1 card (ICAO Doc 9303 part 5, 4.2)."""
    document = person.document.ljust(9, "<")
    first = f"I<UTO{document}{check_digit(document)}".ljust(30, "<")
    dates = (
        f"{person.born}{check_digit(person.born)}{person.sex}"
        f"{person.expires}{check_digit(person.expires)}"
    )
    second = f"{dates}UTO".ljust(29, "<")
    whole = first[5:30] + second[0:7] + second[8:15] + second[18:29]
    names = f"{person.surname}<<{person.given_names}".replace(" ", "<")
    return first, second + check_digit(whole), names[:30].ljust(30, "<")


def font(size: float, *, fixed: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return DejaVu where it is installed, else the font inside Pillow."""
    path = _FONTS / ("DejaVuSansMono.ttf" if fixed else "DejaVuSans.ttf")
    return ImageFont.truetype(path, size) if path.exists() else ImageFont.load_default(size)


def looks(person: Person) -> tuple[str, str, str]:
    """Return the colours of skin, hair and shirt; neighbouring seeds look different."""
    seen = features(person.seed)
    return seen.skin, seen.hair, seen.shirt


def wall(person: Person) -> str:
    """Return the colour of the wall behind a person."""
    return _WALLS[person.seed % 4]


def draw_person(
    image: Image.Image, person: Person, centre: tuple[float, float], head: float, blink: float
) -> None:
    """Draw head and shoulders; `head` is the head's height in pixels, `blink` 0 open to 1 shut."""
    draw_face(image, person.seed, centre, head, blink)


@lru_cache(maxsize=8)
def card(person: Person, width: int) -> Image.Image:
    """Draw the front of the card with portrait, fields and the machine readable zone."""
    height = round(width / CARD_RATIO)
    image = Image.new("RGB", (width, height), "#dfe9ef")
    pen = ImageDraw.Draw(image)
    for row in range(0, height, 6):
        waves = [
            (column, row + 3 * math.sin(column / 17 + row / 9)) for column in range(0, width, 4)
        ]
        pen.line(waves, fill="#cfdde6", width=1)
    pen.rectangle((0, 0, width, height * 0.13), fill="#2c5274")
    pen.text((width * 0.03, height * 0.02), "UTOPIA", fill="white", font=font(height * 0.08))
    pen.text((width * 0.52, height * 0.035), "SPECIMEN", fill="white", font=font(height * 0.06))
    portrait = Image.new("RGB", (round(width * 0.24), round(height * 0.48)), "#eef2f4")
    middle = (portrait.width / 2, portrait.height * 0.44)
    draw_person(portrait, person, middle, portrait.height * 0.62, 0)
    image.paste(portrait, (round(width * 0.03), round(height * 0.17)))
    fields = (person.surname, person.given_names, f"{person.born}  {person.sex}", person.document)
    for place, value in enumerate(fields):
        at = (width * 0.31, height * (0.18 + 0.12 * place))
        pen.text(at, value, fill="#16232d", font=font(height * 0.075))
    _draw_zone(image, person)
    return image


def _draw_zone(image: Image.Image, person: Person) -> None:
    """Draw the three lines over the card's width, on white, as a reader expects them."""
    pen = ImageDraw.Draw(image)
    top, pitch = image.height * 0.69, image.height * 0.1
    pen.rectangle((0, top - pitch * 0.2, image.width, image.height), fill="#f7f7f4")
    size = image.width * 0.94 / 30 / 0.602  # a DejaVu Sans Mono letter is 0.602 of its size wide
    for place, line in enumerate(machine_readable_zone(person)):
        at = (image.width * 0.03, top + place * pitch)
        pen.text(at, line, fill="#0b0b0b", font=font(size, fixed=True))
