"""Names as a machine-readable zone spells them: ICAO 9303 part 3, section 6."""

from __future__ import annotations

import unicodedata


def recommended(text: str) -> str:
    """Return the zone's usual spelling: A to Z, digits, and single spaces for the fillers."""
    upper = unicodedata.normalize("NFD", text.upper())
    kept = (
        ""
        if one in "'’" or unicodedata.combining(one)  # noqa: RUF001
        else one
        if one.isascii() and one.isalnum()
        else " "
        for one in upper
    )
    return " ".join("".join(kept).split())
