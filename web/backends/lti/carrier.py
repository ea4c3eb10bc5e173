"""Carries notices to a platform: by its Assessment Control Service, and by webhook if it has one.

1EdTech Proctoring Services 1.0, 4. What a platform does not accept is shown to the invigilator and
breaks nothing: the session goes on here as it does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from invigilation.desk.platforms import PlatformDesk
from invigilation.errors import NotFound
from invigilation.report import Channel, Delivery
from invigilation.session import OVER, Session, SessionState
from invigilation.store.platforms import Attempt as Try
from invigilation.store.platforms import Platform
from invigilation.sweeps import Attempt, Carrier, Fate
from web.backends.lti.wire import Answered, PlatformAway, Wire

UPDATE = "update"
FLAG = "flag"
ADDS_UP = frozenset({UPDATE, FLAG})
"""Of these a platform would do the same twice: sent again by hand, they are not asked for again."""
ACTIONS = {
    "session.paused": "pause",
    "session.resumed": "resume",
    "session.stopped": "terminate",
    "session.incident": FLAG,
    "session.extra_time": UPDATE,
}
"""What is done in the room -> what the platform is asked to do."""
REPORT = "report.ready"
REPORT_CODE = "report"
SEVERITIES = {"low": 0.2, "medium": 0.5, "high": 0.9}
NO_SEVERITY = 0.0
WORST = 1.0
NOTE_LETTERS = 300
REASON_LETTERS = 500
LATER = frozenset({401, 403, 408, 425, 429})
"""Refusals that another try may overcome; of the others only those from 500 on."""
SAID = 120
Told = dict[str, object]


@dataclass(frozen=True, slots=True)
class LtiCarrier:
    """One attempt a call. `webhooks` carries what goes to a platform's webhook.

    `changed` is told of a session in which something was not accepted.
    """

    desk: PlatformDesk
    wire: Wire
    webhooks: Carrier
    changed: Callable[[str], None]

    async def carry(self, delivery: Delivery) -> Attempt:
        """Try once to deliver; what the platform does never raises."""
        data = _data(delivery)
        session = data.get("session")
        action = ACTIONS.get(delivery.type)
        if action is not None and isinstance(session, str):
            return await self._control(delivery, action, session, data)
        if (
            delivery.type == REPORT
            and isinstance(session, str)
            and not await self._hooked(delivery)
        ):
            return await self._report(delivery, session, data)
        return await self._by_webhook(delivery)

    async def _hooked(self, delivery: Delivery) -> bool:
        backend = await self.desk.requests.backend(delivery.target)
        return backend is not None and bool(backend.webhook_url)

    async def _by_webhook(self, delivery: Delivery) -> Attempt:
        attempt = await self.webhooks.carry(replace(delivery, channel=Channel.WEBHOOK))
        # Who wants no webhook must still be told to stop an assessment.
        if attempt.fate is Fate.GONE:
            return replace(attempt, fate=Fate.REFUSED_FOR_GOOD)
        return attempt

    async def _control(self, delivery: Delivery, action: str, session: str, data: Told) -> Attempt:
        """Ask the platform to do what was done here; what it refuses is no failure of ours."""
        try:
            platform = await self.desk.of_backend(delivery.target)
            attempt, now, _ = await self.desk.controlled(session)
        except NotFound:
            return await self._by_webhook(delivery)
        if attempt is None or not attempt.control_url:
            return await self._by_webhook(delivery)
        if action in ADDS_UP and await self.desk.accepted(session, delivery.id):
            return Attempt(Fate.ACCEPTED, f"{action}: the platform was told this before")
        if _overtaken(action, now):
            await self._over(delivery, session)
            return Attempt(Fate.ACCEPTED, f"{action}: overtaken by what came after")
        if attempt.actions and action not in attempt.actions:
            await self._refused(delivery, session, action, "it does not take this")
            return Attempt(Fate.ACCEPTED, f"{action}: the platform does not take this")
        body = control_body(platform, attempt, action, delivery, data)
        return await self._ask(delivery, platform, attempt, session, body)

    async def _ask(
        self, delivery: Delivery, platform: Platform, attempt: Try, session: str, body: Told
    ) -> Attempt:
        action = str(body["action"])
        try:
            answered = await self.wire.control(platform, attempt.control_url, body)
        except PlatformAway as error:
            failed = await self._no_answer(delivery, session, action, str(error))
            return replace(failed, silent=error.silent)
        if 200 <= answered.status < 300:
            await self._over(delivery, session)
            return Attempt(Fate.ACCEPTED, f"{action}: {_status(answered)}"[:NOTE_LETTERS])
        if answered.status in LATER or answered.status >= 500:
            return await self._no_answer(delivery, session, action, f"status {answered.status}")
        await self._refused(delivery, session, action, f"status {answered.status}")
        note = f"{action}: not accepted, status {answered.status}: {answered.text}"
        return Attempt(Fate.ACCEPTED, note[:NOTE_LETTERS])

    async def _no_answer(self, delivery: Delivery, session: str, action: str, why: str) -> Attempt:
        """Fail for now, and let the invigilator know from the first time on."""
        said = "no answer yet; we try again"
        if await self.desk.refused(delivery.id, session, action, said, final=False):
            self.changed(session)
        return Attempt(Fate.FAILED, f"{action}: {why}"[:NOTE_LETTERS])

    async def _over(self, delivery: Delivery, session: str) -> None:
        """Let the invigilator no longer read that an answer is missing."""
        if delivery.attempts > 1 and await self.desk.answered(delivery.id):
            self.changed(session)

    async def _refused(self, delivery: Delivery, session: str, action: str, said: str) -> None:
        if await self.desk.refused(delivery.id, session, action, said):
            self.changed(session)

    async def _report(self, delivery: Delivery, session: str, data: Told) -> Attempt:
        """Give the report to a platform without a webhook, as an update of the attempt."""
        try:
            platform = await self.desk.of_backend(delivery.target)
            attempt, _, _ = await self.desk.controlled(session)
        except NotFound:
            return Attempt(Fate.REFUSED_FOR_GOOD, "this platform is registered no more")
        if attempt is None or not attempt.control_url:
            return Attempt(Fate.ACCEPTED, "this platform does not ask to be told")
        if attempt.actions and UPDATE not in attempt.actions:
            return Attempt(Fate.ACCEPTED, "this platform takes no reports: its record is here")
        body = control_body(platform, attempt, UPDATE, delivery, data)
        body |= {"reason_code": REPORT_CODE, "reason_msg": report_words(data)}
        try:
            answered = await self.wire.control(platform, attempt.control_url, body)
        except PlatformAway as error:
            note = f"report: {error}"[:NOTE_LETTERS]
            return Attempt(Fate.FAILED, note, silent=error.silent)
        if 200 <= answered.status < 300:
            return Attempt(Fate.ACCEPTED, f"report: {_status(answered)}"[:NOTE_LETTERS])
        note = f"report: status {answered.status}: {answered.text}"[:NOTE_LETTERS]
        again = answered.status in LATER or answered.status >= 500
        return Attempt(Fate.FAILED if again else Fate.REFUSED_FOR_GOOD, note)


def control_body(
    platform: Platform, attempt: Try, action: str, delivery: Delivery, data: Told
) -> Told:
    """Return what the Assessment Control Service is asked for, complete for strict platforms."""
    body: Told = {
        "user": {"iss": platform.issuer, "sub": attempt.subject},
        "resource_link": {"id": attempt.link},
        "attempt_number": json.loads(attempt.spelt),
        "action": action,
        "incident_time": delivery.created.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "incident_severity": _severity(action, data),
        "reason_code": _code(delivery.type, data),
        "reason_msg": str(data.get("reason") or "")[:REASON_LETTERS],
    }
    if action == UPDATE and isinstance(data.get("minutes"), int):
        body["extra_time"] = data["minutes"]
    return body


def report_words(data: Told) -> str:
    """Return a report in few words: its outcome, and the digest that finds it again."""
    attestation = data.get("attestation")
    text = attestation if isinstance(attestation, str) else ""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{data.get('outcome', '')}; attestation SHA-256 {digest}"[:REASON_LETTERS]


def _severity(action: str, data: Told) -> float:
    if action == "terminate":
        return WORST
    return SEVERITIES.get(str(data.get("severity")), NO_SEVERITY)


def _code(kind: str, data: Told) -> str:
    """Return the category of an incident, else what happened: `paused`, `extra_time`."""
    category = data.get("category")
    return category if isinstance(category, str) else kind.rpartition(".")[2]


def _overtaken(action: str, session: Session) -> bool:
    """Say whether the room has moved on since: a late pause would stop who sits again."""
    if action == "pause":
        return session.state is not SessionState.PAUSED
    if action == "resume":
        return session.state is not SessionState.IN_PROGRESS
    return action == UPDATE and session.state in OVER


def _status(answered: Answered) -> str:
    status = answered.body.get("status")
    return status[:SAID] if isinstance(status, str) else f"status {answered.status}"


def _data(delivery: Delivery) -> Told:
    found = json.loads(delivery.body).get("data")
    return found if isinstance(found, dict) else {}
