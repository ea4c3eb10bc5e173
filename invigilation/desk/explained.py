"""What the learner is told of a missed session: how it was judged, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invigilation.booking import BookingState
from invigilation.desk.missed import Dossier, Side
from invigilation.desk.sessions import ATTEMPTS, READY
from invigilation.store.views import Sitting

MAILS = {
    "booked": "the confirmation of your booking",
    "moved": "the mail with your new time",
    "reminder": "a reminder",
}
TRIED = {
    "page_opened": "You opened your page.",
    "token_used": "You used your personal link.",
    "probe": "You tested your link.",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of the evidence in plain words; `at` is when, by our server's clock, if at a time.

    `until` is the end, where the fact is of a stretch of time.
    """

    words: str
    at: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision as its learner reads it: `reason` is the scheduler's own words.

    `dispute_until` is the last moment for a dispute; None where there is nothing to dispute.
    """

    sitting: Sitting
    state: BookingState
    decided: datetime
    reason: str
    facts: tuple[Fact, ...]
    dispute_until: datetime | None


def explain(found: Dossier) -> Explained | None:
    """Put the evidence into words for the learner; None when nothing was decided."""
    decision = found.decided
    if decision is None:
        return None
    return Explained(
        found.sitting,
        decision.state,
        decision.at,
        decision.why,
        (*_mails(found), *_ready(found), *_service(found), *_tried(found)),
        found.dispute_until,
    )


def _mails(found: Dossier) -> list[Fact]:
    facts = []
    for one in found.letters:
        what = MAILS.get(one.sent.type)
        if what is None:
            continue
        if one.arrived is None:
            facts.append(Fact(f"We could not deliver {what} to you.", one.sent.created))
        else:
            facts.append(Fact(f"Your mail server took {what}.", one.arrived))
    return facts or [Fact("No mail about this session left us.")]


def _ready(found: Dossier) -> list[Fact]:
    ready = [one.at for one in found.happenings if one.kind == READY and one.side is Side.FOR]
    if ready:
        return [Fact("Your invigilator was ready.", ready[0])]
    return [Fact("Your invigilator was not ready before the start.", found.sitting.start)]


def _service(found: Dossier) -> list[Fact]:
    if found.silences:
        return [
            Fact("Our service may not have worked.", one.start, one.end) for one in found.silences
        ]
    return [Fact("Our service worked the whole time.", found.opens, found.closes)]


def _tried(found: Dossier) -> list[Fact]:
    tried = [one for one in found.happenings if one.kind in ATTEMPTS and one.side is Side.AGAINST]
    if tried:
        return [Fact(TRIED[one.kind], one.at) for one in tried]
    words = "Nobody opened your page or used your personal link."
    return [Fact(words, found.attempts_from, found.closes)]
