"""Carries what the outbox holds: webhooks to backends, letters to people."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import aiohttp
import aiosmtplib

from invigilation.desk import Desk
from invigilation.desk.reminders import REMINDER
from invigilation.ports import Signer
from invigilation.report import Channel, Delivery
from invigilation.sweeps import Attempt, Fate
from invigilation.sweeps import Carrier as Other
from web.backends import receipts, webhook
from web.mail.kinds import LetterError
from web.mail.letters import Letters
from web.mail.post import Post

NOTE_LIMIT = 300
PERMANENT = 500
UNWRITTEN = 30
"""Attempts after which a letter that cannot be written is given up: a little more than a day."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """One attempt a call, whatever the channel; `others` carry what is no mail and no webhook.

    `key` is the service's own for webhooks.
    """

    desk: Desk
    client: aiohttp.ClientSession
    letters: Letters
    post: Post
    others: Mapping[Channel, Other] = field(default_factory=dict)
    key: Signer | None = None

    async def carry(self, delivery: Delivery) -> Attempt:
        """Try once to deliver; what the other side does never raises."""
        match delivery.channel:
            case Channel.MAIL:
                return await self._mail(delivery)
            case Channel.WEBHOOK:
                return await self._webhook(delivery)
            case channel:
                if (other := self.others.get(channel)) is None:
                    # It waits: the next release, or another process, may speak it.
                    return Attempt(Fate.FAILED, f"nothing here carries {channel}")
                return await other.carry(delivery)

    async def _mail(self, delivery: Delivery) -> Attempt:
        if delivery.type == REMINDER and (why := await self.desk.reminders.outdated(delivery)):
            return Attempt(Fate.REFUSED_FOR_GOOD, why)
        try:
            letter = self.letters.write(delivery, self.desk.office.clock.now())
        except LetterError as error:
            # Another process may know more, or the next release: but not for ever.
            fate = Fate.FAILED if delivery.attempts < UNWRITTEN else Fate.REFUSED_FOR_GOOD
            return Attempt(fate, str(error)[:NOTE_LIMIT])
        try:
            await self.post.send(letter)
        except aiosmtplib.SMTPRecipientsRefused as error:
            # RFC 5321 4.2.1: 4yz is for now (a mailbox that is full, greylisting), 5yz for good.
            for_good = all(one.code >= PERMANENT for one in error.recipients)
            fate = Fate.REFUSED_FOR_GOOD if for_good else Fate.FAILED
            return Attempt(fate, str(error)[:NOTE_LIMIT])
        except (OSError, aiosmtplib.SMTPException) as error:
            return Attempt(Fate.FAILED, f"{type(error).__name__}: {error}"[:NOTE_LIMIT])
        return Attempt(Fate.ACCEPTED, "handed over")

    async def _webhook(self, delivery: Delivery) -> Attempt:
        known = await self.desk.deliveries.secrets(delivery.target)
        if known is None or not known.backend.webhook_url:
            return Attempt(Fate.ACCEPTED, "this backend does not ask to be told")
        backend = known.backend
        endpoint = webhook.Endpoint(
            backend.webhook_url, backend.webhook_secret, known.older, self.key
        )
        now = self.desk.office.clock.now()
        sent = webhook.Delivery(delivery.id, delivery.body, now)
        outcome = await webhook.deliver(self.client, endpoint, sent)
        match outcome:
            case webhook.Delivered(answer):
                # The answer is dated after the question, by as much as the backend took.
                return _accepted(delivery, answer, self.desk.office.clock.now())
            case webhook.Disabled():
                return Attempt(Fate.GONE, "the backend answered 410: it wants no more")
            case webhook.Retry(reason, silent):
                return Attempt(Fate.FAILED, reason[:NOTE_LIMIT], silent)


def _accepted(delivery: Delivery, answer: bytes, now: datetime) -> Attempt:
    """Return what an acceptance is worth: with a receipt, if the answer has a right one."""
    attempt = Attempt(Fate.ACCEPTED, "accepted")
    try:
        receipt = receipts.find(delivery, answer, now)
    except receipts.NotVerified as error:
        return replace(attempt, note=f"accepted; its receipt is not right: {error}"[:NOTE_LIMIT])
    if receipt is None:
        return attempt
    return replace(attempt, note="accepted, and signed for", receipt=receipt)


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts, with some jitter."""
    return webhook.next_attempt(attempts, random.random())  # noqa: S311 - spreads load, no secret
