"""What was erased here and must be erased elsewhere: one empty file each, until it is done.

`ROOT/.gone/SESSION.ID`, or `ROOT/.gone/SESSION.` for a whole session. Copies follow these words
alone: a vault that was lost says nothing, and so deletes nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recordings.appender import disk_errors, sync_folder

FOLDER = ".gone"
LATE_S = 24 * 3600.0
"""An upload that began before an erasure may end so much later: until then it is looked for."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased (`evidence` is empty for a whole session), and the file that says so."""

    session: str
    evidence: str
    word: Path

    @property
    def age(self) -> float:
        """Seconds since it was erased; 0 once the word is taken back."""
        try:
            return max(0.0, time.time() - self.word.stat().st_mtime)
        except FileNotFoundError:
            return 0.0

    def done(self) -> None:
        """Take the word back: it is erased everywhere."""
        self.word.unlink(missing_ok=True)


class Gone:
    """The list of what was erased, under the root of a vault."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def add(self, session: str, evidence: str = "") -> None:
        """Note that this is erased; it is on the disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with disk_errors(evidence or session):
            self._word(session, evidence).touch(mode=0o600)
            sync_folder(self._folder)

    def find(self, session: str, evidence: str) -> Erased | None:
        """Return what is noted of one object, if anything is."""
        word = self._word(session, evidence)
        return Erased(session, evidence, word) if word.exists() else None

    def all(self) -> Iterator[Erased]:
        """Yield all that is noted."""
        with contextlib.suppress(FileNotFoundError):
            for word in sorted(self._folder.iterdir()):
                session, _, evidence = word.name.partition(".")
                yield Erased(session, evidence, word)

    def late(self) -> list[Erased]:
        """Return what was erased so long ago that its word can be taken back once it is done."""
        return [one for one in self.all() if one.age > LATE_S]

    def _word(self, session: str, evidence: str) -> Path:
        return self._folder / f"{session}.{evidence}"
