"""What a learner agreed to, purpose by purpose, and may take back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """What somebody may agree to. Nobody needs to agree to `LIKENESS`: a person compares, too."""

    IDENTITY = "identity"
    """Pictures of the document and the face are taken, read, and compared by a person."""
    RECORDING = "recording"
    """Camera and microphone are recorded."""
    LIKENESS = "likeness"
    """A computer works out how alike two faces are (biometric data)."""


NEEDED = frozenset({Purpose.IDENTITY, Purpose.RECORDING})


@dataclass(frozen=True, slots=True)
class Consent:
    """That a learner agreed to a purpose in a session, and when they took it back, if they did."""

    session: str
    purpose: Purpose
    given: datetime
    withdrawn: datetime | None = None
