"""Holders of specimen documents: names, dates and numbers, all made from a seed; nobody real."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

STATE = "UTO"
"""Utopia, which ICAO Doc 9303 keeps for specimens."""

_SURNAMES = (
    "Eriksson",
    "Müller-Lüdenscheidt",
    "O'Connor",
    "Ñáñez Ibáñez",
    "Øvergård",
    "Kowalczyk",
    "Papadopoulou",
    "Nguyen",
    "van der Bilt",
    "Al Rahman",
    "Szczepańska",
    "Smith",
    "Oyelaran",
    "Bărbulescu",
    "Li",
    "Weißgerber",
    "Fernandes de Albuquerque",
    "Tamm",
    "Ibrahimović",
    "Castellanos",
)
_GIVEN = (
    "Anna Maria",
    "João Pedro",
    "Kwame",
    "Zoë",
    "Sigríður",
    "Jean-Luc",
    "Mohamed Amine",
    "Ngoc Anh",
    "Olena",
    "Maximilian Alexander",
    "Björn",
    "Sean Patrick",
    "Ayşe",
    "Ji",
    "Fatoumata",
    "Łukasz",
)
_SPELT = str.maketrans(
    {
        "Ä": "AE",
        "Ö": "OE",
        "Ü": "UE",
        "ß": "SS",
        "ẞ": "SS",
        "Ñ": "N",
        "Ø": "OE",
        "Å": "AA",
        "Á": "A",
        "É": "E",
        "Í": "I",
        "Ó": "O",
        "Ú": "U",
        "Ã": "A",
        "Ă": "A",
        "Ą": "A",
        "Ć": "C",
        "Ë": "E",
        "Ń": "N",
        "Ş": "S",
        "Ð": "D",
        "Ł": "L",
        "'": None,
        "-": " ",
    }
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a document is for. Names are as a person writes them; `face` is the seed of the looks."""

    surname: str
    given: str
    born: date
    sex: str
    number: str
    issuer: str
    expires: date
    face: int
    nationality: str = STATE


SANTOS = Holder(
    surname="Santos",
    given="Maria",
    born=date(1994, 3, 17),
    sex="F",
    number="LM4821735",
    issuer="UNO",
    expires=date(2031, 5, 20),
    face=1,
)
"""The demonstration's Maria. Issued by the United Nations: Utopia would be a difference."""


def holder(seed: int) -> Holder:
    """Return the holder that belongs to `seed`, the same each time."""
    chance = random.Random(f"holder {seed}")
    letters = "".join(chance.choices("ABCDEFGHJKLMNPRTVWXYZ", k=2))
    return Holder(
        surname=chance.choice(_SURNAMES),
        given=chance.choice(_GIVEN),
        born=date(1955, 1, 1) + timedelta(days=chance.randrange(53 * 365)),
        sex=chance.choice("FFFMMMX"),
        number=letters + f"{chance.randrange(10**7):07}",
        issuer=STATE,
        expires=date(2028, 1, 1) + timedelta(days=chance.randrange(8 * 365)),
        face=seed,
    )


def spelt(name: str) -> str:
    """Return a name as the specimens' zones spell it: A to Z and single spaces."""
    return name.replace("ß", "ẞ").upper().translate(_SPELT)
