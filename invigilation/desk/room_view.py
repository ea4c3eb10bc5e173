"""What a live room is told of its session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invigilation.challenge import Challenge
from invigilation.comparing import Finding
from invigilation.consent import Consent
from invigilation.desk.identity_facts import Facts
from invigilation.fill import Fill
from invigilation.gap import Gap
from invigilation.hints import Hint
from invigilation.identity import IdentityCheck
from invigilation.incident import Incident
from invigilation.inspection import Inspection
from invigilation.people import Staff
from invigilation.recheck import Recheck
from invigilation.session import Session
from invigilation.store.devices import LearnerDevice
from invigilation.store.platforms import Refusal
from invigilation.store.sessions import Line
from invigilation.store.views import Sitting


@dataclass(frozen=True, slots=True)
class RoomView:
    """All that the people in a room may see of it; what each may see, the room decides."""

    sitting: Sitting
    session: Session
    identity: IdentityCheck
    incidents: tuple[Incident, ...]
    chat: tuple[Line, ...]
    now: datetime
    gaps: tuple[Gap, ...]
    inspections: tuple[Inspection, ...]
    handing_to: Staff | None
    facts: Facts
    challenges: tuple[Challenge, ...]
    rechecks: tuple[Recheck, ...]
    consents: tuple[Consent, ...]
    referred_by: str | None
    """The name of who asked a colleague to look at the identity."""
    capture_allowed: bool
    """Whether the learner's page may send a picture of the document now."""
    refusals: tuple[Refusal, ...] = ()
    """What the learner's assessment system did not accept, oldest first."""
    fills: tuple[Fill, ...] = ()
    """What the learner's device kept of the gaps; of some gaps there is nothing."""
    device: LearnerDevice | None = None
    """The one device on which the learner takes part."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was read beside what is known."""
        return self.facts.findings

    @property
    def hints(self) -> tuple[Hint, ...]:
        """What should be looked at twice."""
        return self.facts.hints

    @property
    def needs_reason(self) -> bool:
        """Whether whoever confirms the identity has to say why."""
        return self.facts.needs_reason

    @property
    def needs_two(self) -> bool:
        """Whether it takes two people to confirm the identity."""
        return self.facts.needs_two
