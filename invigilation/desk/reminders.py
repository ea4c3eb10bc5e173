"""The reminder desk: three days, a day and an hour before a session its learner is told again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from invigilation import record
from invigilation.booking import BookingState
from invigilation.desk.office import Office
from invigilation.record import Data
from invigilation.report import Delivery
from invigilation.store.reminders import Due

REMINDER = "reminder"
HOURS = (72, 24, 1)
"""How long before the start a reminder is due."""
BATCH = 50
"""So many in one transaction, so that nobody who books waits long for it."""


@dataclass(frozen=True, slots=True)
class ReminderDesk:
    """Puts reminders into the outbox, each of them once."""

    office: Office

    async def sweep(self) -> int:
        """Remind of every session that has come near; return how many reminders were made.

        Of several that are due, as after an outage, only the newest; none whose time had passed
        when the booking took its present time; none after the start.
        """
        now = self.office.clock.now()
        made = 0
        for hours, after, until in _bands(now):
            while batch := await self._due(after, until, hours):
                made += await self._remind(batch, hours)
                if len(batch) < BATCH:
                    break
        return made

    async def _due(self, after: datetime, until: datetime, hours: int) -> list[Due]:
        async with self.office.store.read() as tx:
            return await tx.reminders.due(after, until, hours, BATCH)

    async def _remind(self, batch: list[Due], hours: int) -> int:
        made = 0
        async with self.office.store.write() as tx:
            for one in batch:
                letter = self.office.letter(one.email, REMINDER, _facts(one, hours))
                made += await tx.outbox.add_once(letter, one.once(hours), session=one.session)
        return made

    async def outdated(self, delivery: Delivery) -> str | None:
        """Say why a reminder that is about to leave must not; None if it may.

        It may have waited long for its mail server, and the booking may have changed since.
        """
        facts = json.loads(delivery.body)
        now = self.office.clock.now()
        start = datetime.fromisoformat(facts["start"])
        if now >= start:
            return "not sent: the session's start has passed"
        newer = [hours for hours in HOURS if hours < facts["hours"]]
        if newer and now >= start - timedelta(hours=newer[0]):
            return "not sent: a newer reminder is due"
        async with self.office.store.read() as tx:
            sitting = await tx.views.sitting_of_booking(facts["booking"])
        if (
            sitting is None
            or sitting.booking_state is not BookingState.BOOKED
            or sitting.sequence != facts["sequence"]
        ):
            return "not sent: the booking has changed since"
        return None


def _bands(now: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    """Yield, for each reminder, between which starts it is the newest that is due."""
    for hours, fewer in pairwise((*HOURS, 0)):
        yield hours, now + timedelta(hours=fewer), now + timedelta(hours=hours)


def _facts(one: Due, hours: int) -> Data:
    return {
        "name": one.name,
        "title": one.title,
        "request": one.request,
        "start": record.stamp(one.start),
        "end": record.stamp(one.end),
        "zone": one.zone,
        "booking": one.booking,
        "sequence": one.sequence,
        "hours": hours,
    }
