"""Receives webhooks: checks, verifies, and keeps each thing once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from web.practice.office import Office, OfficeError
from web.practice.receipts import Pen
from web.practice.records import Delivery, Event, Records, Report
from web.practice.settings import Settings
from web.practice.signatures import Refused, check_webhook, key_id, open_report, who_watched


@dataclass(frozen=True, slots=True)
class Answer:
    """The status for the service, a note for the log, and the receipt for a report."""

    status: int
    note: str
    receipt: Mapping[str, object] = field(default_factory=dict)


class Inbox:
    """The receiving end of the webhooks. `down` makes it answer 503 and keep nothing."""

    def __init__(
        self,
        records: Records,
        office: Office,
        settings: Settings,
        pen: Pen,
        now: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._office = office
        self._settings = settings
        self._pen = pen
        self._now = now
        self._keys: dict[str, Any] = {}
        self.down = False

    async def receive(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take one call in; 2xx means that it is kept, now or before."""
        kind = ""
        try:
            if self.down:
                answer = Answer(503, "down, for a test")
            else:
                mine = self._settings
                ident = check_webhook(
                    mine.webhook_secret, headers, body, self._now(), mine.webhook_key
                )
                event = self._parse(ident, body)
                kind = event.type
                answer = await self._keep(event)
        except Refused as refused:
            answer = Answer(401, str(refused))
        except ValueError as error:
            answer = Answer(400, str(error))
        except OfficeError as error:
            answer = Answer(503, f"the keys of the service are out of reach: {error}")
        ident = headers.get("webhook-id", "")[:80]
        line = Delivery(self._stamp(), ident, kind, answer.status, answer.note)
        await asyncio.to_thread(self._records.log, line)
        return answer

    async def _keep(self, event: Event) -> Answer:
        try:
            report = await self._report(event) if event.type == "report.ready" else None
        except Refused as refused:
            return Answer(422, str(refused))
        new = await asyncio.to_thread(self._records.receive, event, report)
        receipt: Mapping[str, object] = {}
        if report is not None:
            # The first time counts, however often a report comes.
            kept = await asyncio.to_thread(self._records.report, report.session)
            receipt = self._pen.receipt(event.id, kept or report)
        if not new:
            return Answer(200, "came before", receipt)
        return Answer(200, "kept, seal verified" if report else "kept", receipt)

    def _parse(self, ident: str, body: bytes) -> Event:
        try:
            whole = json.loads(body)
            kind, at, data = whole["type"], whole["timestamp"], whole["data"]
            session, request = data["session"], data["request"]
            moment = datetime.fromisoformat(at)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError("the body is not a webhook that we know") from None
        if not all(isinstance(one, str) for one in (kind, session, request)) or not moment.tzinfo:
            raise ValueError("the body is not a webhook that we know")
        digest = hashlib.sha256(body).hexdigest()
        # One spelling, so that the order of the texts is the order of the moments.
        at = moment.astimezone(UTC).isoformat(timespec="microseconds")
        return Event(ident, kind, session, digest, request, at, self._stamp(), data)

    async def _report(self, event: Event) -> Report:
        jws = event.data.get("attestation")
        if not isinstance(jws, str):
            raise Refused("the webhook has no attestation")
        if key_id(jws) not in self._keys:
            self._keys = dict(await self._office.keys())
        attested = open_report(jws, self._keys, event.data)
        kind, invigilator = who_watched(attested)
        return Report(
            session=event.session,
            request=event.request,
            learner=str(event.data["learner"]),
            outcome=str(event.data["outcome"]),
            due=str(event.data.get("due", "")),
            sha256=hashlib.sha256(jws.encode()).hexdigest(),
            verified=self._stamp(),
            jws=jws,
            kind=kind,
            invigilator=invigilator,
        )

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds").replace("+00:00", "Z")
