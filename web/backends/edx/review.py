"""The review that an edX platform is given: one word, and what was seen, without names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from invigilation.desk.edx import Seen
from invigilation.gap import Gap, Ruling
from invigilation.incident import Incident, Severity
from invigilation.session import Outcome

COMMENTS = 200
"""More of them tell nobody more."""
NOTED = "noted"


class Verdict(StrEnum):
    """The platform's words for a review."""

    PASSED = "passed"
    VIOLATION = "violation"
    SUSPICIOUS = "suspicious"
    NOT_REVIEWED = "not_reviewed"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed report that a review rests on: its session, and the SHA-256 (hex) of its bytes."""

    session: str
    digest: str


def verdict(seen: Seen) -> Verdict:
    """Return the word for a session.

    Broken off, or not admitted, is a violation. Where the link broke it off, nothing was reviewed:
    the platform lets the learner try again. What was sat to its end is suspicious where an
    incident weighs.
    """
    match seen.outcome:
        case Outcome.COMPLETED:
            heavy = any(weighs(one) for one in seen.incidents)
            return Verdict.SUSPICIOUS if heavy else Verdict.PASSED
        case Outcome.STOPPED | Outcome.REFUSED:
            return Verdict.VIOLATION
        case _:
            return Verdict.NOT_REVIEWED


def weighs(one: Incident) -> bool:
    """Say whether somebody must look at an incident before the exam counts.

    One of high severity does, and one of medium severity that is about the learner.
    """
    group = one.category.partition(".")[0]
    return one.severity is Severity.HIGH or (
        one.severity is Severity.MEDIUM and group == "examinee"
    )


def review(seen: Seen, sealed: Sealed, reviewer: str) -> dict[str, object]:
    """Return the body of the callback `reviewed`.

    Times are whole seconds since the learner was admitted. What the invigilator wrote stays with
    us: only the category and the weight of an incident are told. `reviewer` is left out if empty.
    """
    comments = [
        *(_incident(one, seen.started) for one in seen.incidents),
        *(_gap(one, seen.started) for one in seen.gaps),
    ]
    comments.sort(key=_begins)
    body = reviewed(verdict(seen), [*comments[: COMMENTS - 1], _seal(sealed)], reviewer)
    return dict(body)


def on_board(sealed: Sealed, reviewer: str) -> dict[str, object]:
    """Return the review of an exam that an officer on board invigilates."""
    text = "An officer on board invigilated; the form was checked and accepted."
    return reviewed(Verdict.PASSED, [_comment(text, NOTED, 0, 0), _seal(sealed)], reviewer)


def reviewed(word: Verdict, comments: list[dict[str, object]], reviewer: str) -> dict[str, object]:
    """Return the body with these comments."""
    body: dict[str, object] = {"status": word.value, "comments": comments}
    return body | ({"reviewed_by": reviewer} if reviewer else {})


def _incident(one: Incident, started: datetime | None) -> dict[str, object]:
    group, _, kind = one.category.partition(".")
    what = group if kind == group else f"{group}, {kind.replace('_', ' ')}"
    text = f"Incident: {what} ({one.severity} severity)."
    at = _second(one.at, started)
    return _comment(text, Verdict.SUSPICIOUS if weighs(one) else NOTED, at, at)


def _gap(one: Gap, started: datetime | None) -> dict[str, object]:
    ruled = {
        Ruling.TECHNICAL: "a technical fault",
        Ruling.LEARNER: "the learner's own",
        None: "not judged",
    }[one.ruling]
    first = _second(one.began, started)
    last = first if one.ended is None else max(first, _second(one.ended, started))
    return _comment(f"Nothing came from the learner: {ruled}.", NOTED, first, last)


def _seal(sealed: Sealed) -> dict[str, object]:
    text = f"Sealed report of the session {sealed.session}, SHA-256 {sealed.digest}."
    return _comment(text, NOTED, 0, 0)


def _comment(text: str, status: str, start: int, stop: int) -> dict[str, object]:
    return {
        "comment": text,
        "status": str(status),
        "start": start,
        "stop": stop,
        "duration": stop - start,
    }


def _second(at: datetime, started: datetime | None) -> int:
    """Return whole seconds since the admission; what was before it is at its second 0."""
    return 0 if started is None else max(0, int((at - started).total_seconds()))


def _begins(comment: Mapping[str, object]) -> int:
    start = comment["start"]
    return start if isinstance(start, int) else 0
