"""Carries to an edX platform what it can be told: that a learner may begin, and the review."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from invigilation.desk.edx import (
    HANDED_IN_WITHIN,
    PRACTICE_DONE,
    PRACTICE_READY,
    REVIEW,
    EdxDesk,
)
from invigilation.dispatch import Attempt, Fate
from invigilation.edx import AttemptState, EdxAttempt, Platform
from invigilation.errors import NotFound
from invigilation.report import Delivery
from invigilation.session import Outcome
from web.backends.edx.lms import Answer, Lms
from web.backends.edx.review import Sealed, Verdict, on_board, review, reviewed

ADMITTED = "session.admitted"
REPORT = "report.ready"
TOLD = frozenset({ADMITTED, REPORT, REVIEW, PRACTICE_READY, PRACTICE_DONE})
ON_BOARD = "onboard"
ALREADY = "already have a review"
"""How a platform that takes no second review says so: an answer of ours was lost."""
NOT_TOLD = "an edX platform has no word for this"
ERASED = "what it said was erased"
GONE = "the platform has deleted this attempt"
NOT_THEIRS = "no attempt of this platform stands behind it"
OVERTAKEN = "overtaken: the session is over"
ATTEMPT = "/api/edx_proctoring/v1/proctored_exam/attempt"


@dataclass(frozen=True, slots=True)
class EdxCarrier:
    """Turns the office's notices into the platform's callbacks, `ready` and `reviewed`."""

    desk: EdxDesk
    lms: Lms

    async def carry(self, delivery: Delivery) -> Attempt:
        """Try once to deliver; what the other side does never raises."""
        if delivery.type not in TOLD:
            return Attempt(Fate.ACCEPTED, NOT_TOLD)
        if not delivery.body:
            return Attempt(Fate.REFUSED_FOR_GOOD, ERASED)
        data = json.loads(delivery.body)["data"]
        try:
            platform = await self.desk.platform(delivery.target)
            attempt, exam = await self.desk.standing(data["request"])
        except NotFound:
            return Attempt(Fate.ACCEPTED, NOT_THEIRS)
        if exam is None or exam.backend != platform.backend:
            return Attempt(Fate.ACCEPTED, NOT_THEIRS)
        if attempt.state is AttemptState.DELETED:
            return Attempt(Fate.ACCEPTED, GONE)
        return await self._tell(delivery.type, platform, attempt, data)

    async def _tell(
        self, kind: str, platform: Platform, attempt: EdxAttempt, data: Mapping[str, str]
    ) -> Attempt:
        if kind == ADMITTED and await self.desk.over(data["session"]):
            # It would open the exam to a learner whom nobody watches any more.
            return Attempt(Fate.ACCEPTED, OVERTAKEN)
        if kind in {ADMITTED, PRACTICE_READY}:
            return await self._ready(platform, attempt)
        if kind == REPORT:
            return await self._report(platform, attempt, data)
        return await self._review(platform, attempt, data)

    async def _ready(self, platform: Platform, attempt: EdxAttempt) -> Attempt:
        answer = await self._call(platform, attempt, "ready", {"status": "ready"})
        return _heard(answer)

    async def _report(
        self, platform: Platform, attempt: EdxAttempt, data: Mapping[str, str]
    ) -> Attempt:
        """Put the review into the outbox; that of a whole sitting waits for the platform's word.

        With an officer on board the exam may be days ahead: it waits until the certificate is due.
        """
        waits = HANDED_IN_WITHIN if data["outcome"] == Outcome.COMPLETED else None
        if data.get("kind") == ON_BOARD:
            # Nobody admits such a learner: they may begin as soon as the form is accepted.
            heard = await self._ready(platform, attempt)
            if heard.fate is not Fate.ACCEPTED:
                return heard
            left = datetime.fromisoformat(data["due"]) - self.desk.office.clock.now()
            waits = max(HANDED_IN_WITHIN, left)
        told = {
            "request": attempt.id,
            "session": data["session"],
            "kind": data.get("kind", "remote"),
            "attestation_sha256": hashlib.sha256(data["attestation"].encode()).hexdigest(),
        }
        await self.desk.report(attempt.id, told, waits)
        return Attempt(Fate.ACCEPTED, "its review is on its way")

    async def _review(
        self, platform: Platform, attempt: EdxAttempt, data: Mapping[str, str]
    ) -> Attempt:
        body = await self._body(platform, data)
        answer = await self._call(platform, attempt, "reviewed", body)
        heard = _heard(answer)
        if not answer.good and ALREADY in answer.text:
            heard = Attempt(Fate.ACCEPTED, "the platform has this review already")
        if heard.fate is Fate.ACCEPTED:
            await self.desk.reviewed(attempt.id)
        return heard

    async def _body(self, platform: Platform, data: Mapping[str, str]) -> Mapping[str, object]:
        session = data.get("session")
        if session is None:
            return reviewed(Verdict.PASSED, [], platform.reviewer)
        sealed = Sealed(session, data["attestation_sha256"])
        seen = await self.desk.seen(session)
        if seen is None:
            return on_board(sealed, platform.reviewer)
        return review(seen, sealed, platform.reviewer)

    async def _call(
        self, platform: Platform, attempt: EdxAttempt, what: str, body: Mapping[str, object]
    ) -> Answer:
        return await self.lms.call(platform, f"{ATTEMPT}/{attempt.id}/{what}", body)


def _heard(answer: Answer) -> Attempt:
    if answer.good:
        return Attempt(Fate.ACCEPTED, "accepted")
    if answer.status == 403:
        words = "the platform does not let its user of ours do this: see its groups and permissions"
        return Attempt(Fate.FAILED, words)
    return Attempt(Fate.FAILED, answer.reason, silent=answer.status == 0)
