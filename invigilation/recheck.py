"""A re-check: the learner's face again, in the middle of a session, beside the one of the check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.errors import IllegalTransition


class RecheckCause(StrEnum):
    """Why it was taken."""

    RANDOM = "random"
    GAP = "gap"
    ASKED = "asked"


class RecheckResult(StrEnum):
    """What the invigilator made of it."""

    SAME = "same"
    NOT_SAME = "not_same"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Recheck:
    """One face again: `evidence` is its picture, `aligned` what was cut out of it, if it was."""

    id: str
    session: str
    cause: RecheckCause
    evidence: str
    taken_at: datetime
    result: RecheckResult | None = None
    note: str = ""
    judged_by: str | None = None
    judged_at: datetime | None = None
    aligned: str | None = None

    def judged(self, result: RecheckResult, note: str, by: str, at: datetime) -> Recheck:
        """Return it as it was judged, once; a second time raises `IllegalTransition`."""
        if self.result is not None:
            raise IllegalTransition("re-check", self.result, result)
        return replace(self, result=result, note=note, judged_by=by, judged_at=at)
