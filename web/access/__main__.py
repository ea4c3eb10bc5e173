"""Writes `docs/access.md`: `python -m web.access`."""

from __future__ import annotations

from pathlib import Path

from web.access.document import document

if __name__ == "__main__":
    (Path(__file__).parents[2] / "docs" / "access.md").write_text(document(), encoding="utf-8")
