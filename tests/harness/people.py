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

CARD_RATIO = 85.6 / 53.98
"""Width over height of an ID-1 card (ISO/IEC 7810)."""

_SKINS = ("#f1c9a5", "#d8a47f", "#b07b56", "#8a5a3b", "#5d3b28", "#e6b68c")
_HAIRS = ("#1d1714", "#3b2417", "#6a4422", "#a5703a", "#555555", "#0f0f14")
_SHIRTS = ("#24405f", "#6b2737", "#2f5d50", "#494949", "#7a5c2e", "#3c3566")
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
    seed = person.seed
    return _SKINS[seed % 6], _HAIRS[seed * 5 % 6], _SHIRTS[(seed + seed // 6) % 6]


def wall(person: Person) -> str:
    """Return the colour of the wall behind a person."""
    return _WALLS[person.seed % 4]


def draw_person(
    image: Image.Image, person: Person, centre: tuple[float, float], head: float, blink: float
) -> None:
    """Draw head and shoulders; `head` is the head's height in pixels, `blink` 0 open to 1 shut."""
    skin, hair, shirt = looks(person)
    pen = ImageDraw.Draw(image)
    x, y = centre
    unit = head / 200

    def oval(dx: float, dy: float, rx: float, ry: float, fill: str) -> None:
        left, top = x + (dx - rx) * unit, y + (dy - ry) * unit
        pen.ellipse((left, top, left + 2 * rx * unit, top + 2 * ry * unit), fill=fill)

    oval(0, 250, 190, 130, shirt)
    below = y + 250 * unit
    if below < image.height:
        pen.rectangle((x - 190 * unit, below, x + 190 * unit, image.height), fill=shirt)
    oval(0, 115, 38, 60, skin)
    oval(0, -18, 88, 98, hair)
    oval(0, 4, 76, 98, skin)
    oval(0, -84, 70, 28, hair)
    for side in (-1, 1):
        oval(side * 77, 6, 11, 22, skin)
        oval(side * 31, -12, 16, 9, "#ffffff")
        oval(side * 31, -12, 7, 8, "#2b2016")
        pen.line(
            (
                x + side * 14 * unit,
                y - 36 * unit,
                x + side * 48 * unit,
                y - 33 * unit,
            ),
            fill=hair,
            width=max(1, round(6 * unit)),
        )
        if blink > 0:
            oval(side * 31, -14, 18, 12 * blink, skin)
    pen.line(
        (x, y - 4 * unit, x - 9 * unit, y + 30 * unit, x + 6 * unit, y + 32 * unit),
        fill="#7d5c48",
        width=max(1, round(4 * unit)),
    )
    mouth = (x - 26 * unit, y + 44 * unit, x + 26 * unit, y + 66 * unit)
    pen.arc(mouth, 15, 165, fill="#8c3a3a", width=max(1, round(6 * unit)))


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
