"""An inspection: what the invigilator asks the learner to show in the middle of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from invigilation.transitions import advance


class InspectionKind(StrEnum):
    """What is to be shown: the room all around, or the learner's document and face again."""

    ROOM_SCAN = "room_scan"
    IDENTITY = "identity"


class InspectionResult(StrEnum):
    """What the invigilator made of it; one that is withdrawn says nothing of the learner."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    WITHDRAWN = "withdrawn"


class InspectionState(StrEnum):
    """Where an inspection stands; `DONE` is what the learner says."""

    ASKED = "asked"
    DONE = "done"
    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    WITHDRAWN = "withdrawn"


class InspectionEvent(StrEnum):
    """What can happen to an inspection."""

    DO = "do"
    SATISFY = "satisfy"
    FAIL = "fail"
    WITHDRAW = "withdraw"


_S, _E = InspectionState, InspectionEvent
TABLE = {
    (_S.ASKED, _E.DO): _S.DONE,
    # The invigilator sees by themselves, whatever the learner's page says.
    (_S.ASKED, _E.SATISFY): _S.SATISFIED,
    (_S.ASKED, _E.FAIL): _S.NOT_SATISFIED,
    (_S.ASKED, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.DONE, _E.DO): _S.DONE,
    (_S.DONE, _E.SATISFY): _S.SATISFIED,
    (_S.DONE, _E.FAIL): _S.NOT_SATISFIED,
    (_S.DONE, _E.WITHDRAW): _S.WITHDRAWN,
}
JUDGES = {
    InspectionResult.SATISFIED: _E.SATISFY,
    InspectionResult.NOT_SATISFIED: _E.FAIL,
    InspectionResult.WITHDRAWN: _E.WITHDRAW,
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """One thing asked for, with when it was done and how it was judged."""

    id: str
    session: str
    kind: InspectionKind
    asked_at: datetime
    done_at: datetime | None = None
    result: InspectionResult | None = None
    note: str = ""
    judged_at: datetime | None = None

    @property
    def state(self) -> InspectionState:
        """Where the inspection stands."""
        if self.result is not None:
            return InspectionState(self.result.value)
        return _S.ASKED if self.done_at is None else _S.DONE

    @property
    def open(self) -> bool:
        """Whether it still waits for the invigilator's judgement."""
        return self.result is None

    def done(self, at: datetime) -> Inspection:
        """Return it as the learner says to have done it, for the first time or again."""
        advance(TABLE, "inspection", self.state, _E.DO)
        return replace(self, done_at=at)

    def judged(self, result: InspectionResult, note: str, at: datetime) -> Inspection:
        """Return it as it was judged, once."""
        advance(TABLE, "inspection", self.state, JUDGES[result])
        return replace(self, result=result, note=note, judged_at=at)
