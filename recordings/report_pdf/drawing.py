"""Draws the report's pages: PDF/A-3b with the attestation attached, by typst.

The fonts are those that come with the typesetter; nothing of the machine's own is used, and nothing
is fetched, so that the same sheet gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import typst

STANDARD: Final = "a-3b"
ATTESTATION = "attestation.jws"
OPENINGS = "openings.json"
TEMPLATE = Path(__file__).with_name("report.typ")


def draw(
    sheet: dict[str, Any],
    attestation: bytes,
    openings: bytes,
    pictures: dict[str, bytes],
    made_at: datetime,
) -> bytes:
    """Return the PDF of a `sheet.sheet`; `pictures` are JPEGs, `document` and `face`.

    Raises ValueError when it cannot be drawn, such as for a damaged picture.
    """
    inputs = {
        "sheet": json.dumps(sheet),
        "attestation": attestation.decode("ascii"),
        "openings": openings.decode(),
        "files": json.dumps({name: list(picture) for name, picture in pictures.items()}),
    }
    fonts = typst.Fonts(include_system_fonts=False)
    try:
        compiler = typst.Compiler(
            TEMPLATE.read_bytes(), font_paths=fonts, ignore_system_fonts=True, sys_inputs=inputs
        )
        pdf = compiler.compile(
            format="pdf", pdf_standards=STANDARD, timestamp=int(made_at.timestamp())
        )
    except typst.TypstError as error:
        raise ValueError(f"the report cannot be drawn: {error}") from error
    if not isinstance(pdf, bytes):
        raise ValueError("the report cannot be drawn")  # noqa: TRY004 - of what was to be drawn
    return pdf
