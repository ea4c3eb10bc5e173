"""A challenge: something small and unforeseen that a living person can do at once.

The server draws it, a person judges it. It says nothing of deepfakes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.errors import IllegalTransition


class ChallengeKind(StrEnum):
    """What the learner is to do. `NUMBER` has a number of four digits to say aloud."""

    HAND_ACROSS_FACE = "hand_across_face"
    TURN_HEAD_LEFT = "turn_head_left"
    TURN_HEAD_RIGHT = "turn_head_right"
    LOOK_UP = "look_up"
    TOUCH_EAR = "touch_ear"
    TILT_DOCUMENT = "tilt_document"
    DOCUMENT_BESIDE_FACE = "document_beside_face"
    NUMBER = "number"


class ChallengeResult(StrEnum):
    """What the invigilator saw; one that is skipped says nothing of the learner."""

    SEEN = "seen"
    NOT_SEEN = "not_seen"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a session; `detail` is the number to be said, else empty."""

    id: str
    session: str
    kind: ChallengeKind
    detail: str
    asked_at: datetime
    result: ChallengeResult | None = None
    note: str = ""
    judged_by: str | None = None
    judged_at: datetime | None = None

    def judged(self, result: ChallengeResult, note: str, by: str, at: datetime) -> Challenge:
        """Return it as it was judged, once; a second time raises `IllegalTransition`."""
        if self.result is not None:
            raise IllegalTransition("challenge", self.result, result)
        return replace(self, result=result, note=note, judged_by=by, judged_at=at)
