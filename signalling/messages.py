"""The messages that a client may send, one frozen dataclass each; see PROTOCOL.md.

`forms.parse` makes them. What one means, and whether it may be sent now, the room and the desk say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from invigilation.challenge import ChallengeResult
from invigilation.document import DocumentKind, Fields
from invigilation.gap import Ruling
from invigilation.identity import Decision, SnapshotKind
from invigilation.incident import Severity
from invigilation.inspection import InspectionKind, InspectionResult
from invigilation.ladder import Budget, Rung, Way, Why
from invigilation.recheck import RecheckResult
from invigilation.session import Outcome


class Party(StrEnum):
    """As what somebody is in a room; each has one seat there."""

    LEARNER = "learner"
    INVIGILATOR = "invigilator"
    SUPERVISOR = "supervisor"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Message:
    """What every message says: which session it is about."""

    session: str


@dataclass(frozen=True, slots=True)
class Join(Message):
    """Come into the room; of the lines of chat only those after number `since` are wanted."""

    since: int | None = None


@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Go out of the room and stay out."""


@dataclass(frozen=True, slots=True)
class Offer(Message):
    """Bring sound and picture: an SDP offer (RFC 3264), ASCII."""

    sdp: str


@dataclass(frozen=True, slots=True)
class Chat(Message):
    """Say something in writing; `client_id` names it, so that a repeat is not a second line."""

    text: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Notice(Chat):
    """Say something that the learner's page shows large until it is read."""


@dataclass(frozen=True, slots=True)
class Media(Message):
    """Tell what this side sends; `label` is what the camera calls itself, empty when unknown."""

    camera: bool
    microphone: bool
    screen: bool
    label: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a learner's page measures of its link, over some seconds.

    Both directions in kilobits a second; of a thousand packets, how many are lost on the way to us;
    the round trip, and how much longer it takes for what waits on the way, in milliseconds.
    """

    sent_kbit: int
    got_kbit: int
    lost_permille: int
    rtt_ms: int
    queue_ms: int


@dataclass(frozen=True, slots=True)
class Link(Message):
    """Tell what the link carries, and what is sent over it, as the learner's page finds it.

    `keeps`: the learner's device records by itself. `used_kb`: of 1,000 bytes each, what the page
    has sent and got in this session.
    """

    rung: Rung
    way: Way
    why: Why
    keeps: bool
    used_kb: int
    budget: Budget
    figures: Figures


@dataclass(frozen=True, slots=True)
class Still(Message):
    """Send a single picture, where no moving one gets through; `at` is when it was taken."""

    at: datetime
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class PictureTaken(Message):
    """Tell, at the moment it is taken, of a picture in full size whose bytes come later by HTTP.

    `id` is that of a `picture_wanted`, or `front` or `back` of a document.
    """

    id: str
    sha256: str
    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SoundPiece(Message):
    """Send a piece of sound, where there are no media: WebM with Opus, number `n` of its stream.

    `stream` names one run of the page's recorder; `at` is when the piece began.
    """

    stream: str
    n: int
    at: datetime
    audio: bytes


@dataclass(frozen=True, slots=True)
class Hand(Message):
    """Raise one's hand, or take it down."""

    raised: bool


@dataclass(frozen=True, slots=True)
class Done(Message):
    """Say that what an inspection asked for has been done."""

    inspection: str


@dataclass(frozen=True, slots=True)
class Snapshot(Message):
    """Take a picture from the learner's camera."""

    kind: SnapshotKind


@dataclass(frozen=True, slots=True)
class AskDocument(Message):
    """Ask the learner's page to take a picture of the document again."""


@dataclass(frozen=True, slots=True)
class TypeDocument(Message):
    """Say what a document says that no machine can read; days are ISO 8601, or empty."""

    kind: DocumentKind
    surname: str
    given: str
    number: str
    issuer: str
    born: str
    expires: str

    @property
    def fields(self) -> Fields:
        """What was typed, as a reading has it."""
        return Fields(
            surname=self.surname,
            given=self.given,
            number=self.number,
            issuer=self.issuer,
            born=_day(self.born),
            expires=_day(self.expires),
        )


@dataclass(frozen=True, slots=True)
class DecideIdentity(Message):
    """Decide whether this is the person who was booked; a reason where something differs.

    `document` and `face` are the pictures that it was decided by, where that is said.
    """

    decision: Decision
    reason: str
    document: str | None = None
    face: str | None = None


class Proposal(StrEnum):
    """What somebody who asks a colleague would do themselves."""

    CONFIRMED = "confirmed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ReferIdentity(Message):
    """Ask a colleague to look at it, too."""

    proposed: Proposal
    reason: str

    @property
    def decision(self) -> Decision | None:
        """The decision that is proposed."""
        return Decision.CONFIRMED if self.proposed is Proposal.CONFIRMED else None


@dataclass(frozen=True, slots=True)
class ReopenIdentity(Message):
    """Take the decision back, and ask for document and face again."""


@dataclass(frozen=True, slots=True)
class AskChallenge(Message):
    """Have the learner do something that the server draws."""


@dataclass(frozen=True, slots=True)
class JudgeChallenge(Message):
    """Say what came of it."""

    challenge: str
    result: ChallengeResult
    note: str


@dataclass(frozen=True, slots=True)
class TakeRecheck(Message):
    """Take the learner's face again, now."""


@dataclass(frozen=True, slots=True)
class JudgeRecheck(Message):
    """Say whether it is still the same person."""

    recheck: str
    result: RecheckResult
    note: str


@dataclass(frozen=True, slots=True)
class Admit(Message):
    """Let the assessment begin."""


@dataclass(frozen=True, slots=True)
class Refuse(Message):
    """Do not admit the learner."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoteIncident(Message):
    """Note what was seen, with a picture taken now if `picture`."""

    category: str
    severity: Severity
    note: str
    picture: bool


@dataclass(frozen=True, slots=True)
class AskInspection(Message):
    """Ask the learner to show something."""

    kind: InspectionKind


@dataclass(frozen=True, slots=True)
class Judge(Message):
    """Say what came of an inspection."""

    inspection: str
    result: InspectionResult
    note: str


@dataclass(frozen=True, slots=True)
class ShareScreen(Message):
    """Ask the learner to share their screen, or to stop."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class JudgeFill(Message):
    """Say what is made of what the learner's device kept of a gap."""

    gap: str
    accepted: bool
    note: str


@dataclass(frozen=True, slots=True)
class RuleGap(Message):
    """Say whose a gap was."""

    gap: str
    ruling: Ruling
    note: str


@dataclass(frozen=True, slots=True)
class Pause(Message):
    """Stop the assessment's clock."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resume(Message):
    """Let the assessment's clock run again."""


@dataclass(frozen=True, slots=True)
class ExtraTime(Message):
    """Give the learner more minutes."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Break the session off."""

    reason: str


@dataclass(frozen=True, slots=True)
class End(Message):
    """End the assessment as planned."""


@dataclass(frozen=True, slots=True)
class Attest(Message):
    """State how it went, and seal the record."""

    statement: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class HandOver(Message):
    """Offer the session to a colleague."""

    to: str


@dataclass(frozen=True, slots=True)
class WithdrawHandover(Message):
    """Take the offer back, or decline it."""


@dataclass(frozen=True, slots=True)
class TakeOver(Message):
    """Take over what was offered, or what nobody watches."""


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
