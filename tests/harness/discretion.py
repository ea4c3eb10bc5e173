"""What a service's log must not say: whatever its database knows of the people in it."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

PERSONAL = {
    "learner": ("name", "email", "document_number"),
    "staff": ("name", "email"),
    "sealed_text": ("text",),
}
"""Columns that tell of people. Sealed texts are names, chat, notes, and what documents say."""
SHORTEST = 6
"""Letters: less than that stands in any log."""
TIME = re.compile(r'"timestamp": "[^"]*"')
"""When a line was written: a day that a document names may be today."""


def personal(database: Path) -> set[str]:
    """Return what a service's SQLite database tells of people: more than one plain word each."""
    found = set()
    with contextlib.closing(sqlite3.connect(database)) as line:
        for table, columns in PERSONAL.items():
            for row in line.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                found |= {value for value in row if value and _tells(value)}
    return found


def told(log: str, known: set[str]) -> Iterator[str]:
    """Yield each line of a log that says something of what is known, and what it says."""
    written = {one.lower(): one for one in known}
    written |= {json.dumps(one)[1:-1].lower(): one for one in known}
    for line in log.splitlines():
        low = TIME.sub("", line).lower()
        for one in sorted({one for form, one in written.items() if form in low}):
            yield f"{one!r} in {line}"


def _tells(value: str) -> bool:
    """Say whether a text is more than a plain word, which may stand anywhere."""
    return len(value) >= SHORTEST and not value.isalpha()
