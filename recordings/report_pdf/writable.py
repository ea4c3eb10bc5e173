"""Which letters the report's fonts have.

The fonts come with the typesetter: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic
letters. PDF/A wants a glyph for every letter, so that the file looks the same for ever; of any
other letter the report gives the code point.
"""

from __future__ import annotations

import unicodedata

RANGES = (
    (0x0020, 0x007E),
    (0x00A0, 0x03FF),
    (0x0400, 0x04FF),
    (0x0531, 0x0556),
    (0x0561, 0x0587),
    (0x05D0, 0x05EA),
    (0x0621, 0x063A),
    (0x0640, 0x0652),
    (0x10D0, 0x10FA),
    (0x1E00, 0x1FFE),
    (0x2010, 0x2040),
    (0x20A0, 0x20BF),
    (0x2190, 0x21FF),
)
_SPACES = {"Zs", "Zl", "Zp", "Cc"}
_UNSEEN = {"Cf", "Cn"}


def writable(text: str) -> str:
    """Return the text, composed (NFC); a letter without a glyph is named, as in "[U+4E2D]"."""
    return "".join(_written(one) for one in unicodedata.normalize("NFC", text))


def _written(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in _SPACES:
        return "\n" if letter == "\n" else " "
    if category in _UNSEEN:
        return ""
    code = ord(letter)
    if any(first <= code <= last for first, last in RANGES):
        return letter
    return f"[U+{code:04X}]"
