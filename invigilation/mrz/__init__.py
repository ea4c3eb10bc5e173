"""The machine-readable zone of identity documents: ICAO 9303, for text; pictures are elsewhere."""

from __future__ import annotations

from invigilation.mrz.layout import LAYOUTS, Check, Form, Layout, Part, Span, check_digit
from invigilation.mrz.mending import mend
from invigilation.mrz.voting import vote
from invigilation.mrz.zone import Mrz, compose, parse

__all__ = [
    "LAYOUTS",
    "Check",
    "Form",
    "Layout",
    "Mrz",
    "Part",
    "Span",
    "check_digit",
    "compose",
    "mend",
    "parse",
    "vote",
]
