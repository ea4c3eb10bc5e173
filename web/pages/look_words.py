"""Looks in words: why somebody sees evidence, and what was unusual about it."""

from __future__ import annotations

from invigilation.looks import CHOICES, AlarmKind, Limits, LookReason
from invigilation.record import Data

REASONS = {
    LookReason.NO_SHOW: "To judge a missed session",
    LookReason.DISPUTE: "To answer a dispute",
    LookReason.QUESTION: "To answer a learner's question",
    LookReason.GAP: "To judge a gap in the recording",
    LookReason.QUALITY: "To check how well we work",
    LookReason.AUDIT: "For an audit, or an authority",
    LookReason.OTHER: "Something else",
    LookReason.THEIRS: "Their own session",
    LookReason.SECOND: "A colleague asked for a second look",
    LookReason.SUPERVISION: "Looked in while the session ran",
    LookReason.FORM: "To decide on the form",
    LookReason.RIGHTS: "To give a learner what is kept about them",
    LookReason.PLATFORM: "The assessment system showed it",
}
BY_VALUE = {reason.value: words for reason, words in REASONS.items()}
OPTIONS = [(reason.value, REASONS[reason], "") for reason in CHOICES[:-1]]
OPTIONS.append((LookReason.OTHER.value, REASONS[LookReason.OTHER], "Say below what it is."))


def looked(data: Data, what: str) -> str:
    """Return a look as a record tells it; `what` is the kind of evidence in words."""
    why = [BY_VALUE.get(str(data.get("reason")), ""), str(data.get("why") or "")]
    said = ". ".join(part for part in why if part)
    return f"Looked at evidence ({what}): {said}" if said else f"Looked at evidence ({what})"


def alarm(kind: AlarmKind, records: int, limits: Limits) -> str:
    """Return what was unusual, as a sentence."""
    what = "one record" if records == 1 else f"{records} records"
    match kind:
        case AlarmKind.MANY:
            usual = f"{limits.an_hour} in an hour or {limits.a_day} in a day"
            return f"Opened the evidence of {what} in a short time. More than {usual} is unusual."
        case AlarmKind.NIGHT:
            hours = f"{limits.night_begins}:00 and {limits.night_ends}:00 in London"
            return f"Opened the evidence of {what} at night, between {hours}."
        case AlarmKind.UNFOUNDED:
            return (
                f"Opened the evidence of {what} in a day for a reason that nothing here shows: "
                "no missed session, no dispute, no question or no gap."
            )
