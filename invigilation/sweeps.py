"""What the clock asks for: every sweep may run twice, or in two processes, with one effect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from invigilation.desk import Desk
from invigilation.report import Channel, Delivery, DeliveryEvent
from invigilation.store.evidence import Evidence

CLAIM = timedelta(seconds=60)
CARRYING = timedelta(seconds=45)
"""Shorter than the claim, so that a delivery is not in two hands."""
NOTE_LIMIT = 300
BATCH = 20
KEPT_HEARTBEATS = timedelta(days=30)
KEPT_KEYS = timedelta(hours=24)


class Fate(StrEnum):
    """How an attempt to deliver ended."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    REFUSED_FOR_GOOD = "refused_for_good"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The end of one attempt, and a note of what was heard."""

    fate: Fate
    note: str


class Carrier(Protocol):
    """Takes deliveries of one or more channels out of the house."""

    async def carry(self, delivery: Delivery) -> Attempt:
        """Try once; never raises for what the other side does."""
        ...


class Retention(Protocol):
    """Says what must go, and makes it go."""

    async def erase(self, evidence: Evidence, delivered_at: datetime | None) -> bool:
        """Destroy the bytes if their time is over; say whether they are gone.

        `delivered_at` is when the session's report was accepted, if it was.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sweeps:
    """The sweeps, over one set of desks."""

    desk: Desk
    carrier: Carrier
    pause_after: Callable[[int], timedelta]
    """How long to wait before the next attempt, by the attempts already made."""

    async def beat(self) -> None:
        """Note that the service is well."""
        office = self.desk.office
        async with office.store.write() as tx:
            await tx.watch.beat(office.clock.now())

    async def mark_no_shows(self) -> int:
        """Judge missed bookings; return how many."""
        return await self.desk.attendance.sweep()

    async def deliver(self) -> int:
        """Carry what is due out of the house; return how many attempts were made.

        Each delivery is claimed first, in a transaction of its own, so that no transaction stays
        open while the other side thinks; a worker that dies loses its claim after a minute. What
        goes to one place goes in order; a place that is slow holds up no other.
        """
        claimed = await self._claim()
        places: dict[tuple[Channel, str], list[Delivery]] = {}
        for delivery in claimed:
            places.setdefault((delivery.channel, delivery.target), []).append(delivery)
        async with asyncio.TaskGroup() as group:
            for queue in places.values():
                group.create_task(self._carry(queue))
        return len(claimed)

    async def _carry(self, queue: list[Delivery]) -> None:
        """Carry these while their claim lasts; the rest is due again when it has run out."""
        clock = self.desk.office.clock
        until = clock.monotonic() + CARRYING.total_seconds()
        for delivery in queue:
            left = until - clock.monotonic()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    attempt = await self.carrier.carry(delivery)
            except Exception as error:  # noqa: BLE001 - one that fails must not hold up the others
                attempt = Attempt(Fate.FAILED, f"{type(error).__name__}: {error}"[:NOTE_LIMIT])
            await self._settle(delivery, attempt)

    async def _claim(self) -> list[Delivery]:
        office = self.desk.office
        claimed = []
        async with office.store.write() as tx:
            now = office.clock.now()
            for one in await tx.outbox.due(now, BATCH):
                state = one.after(DeliveryEvent.CLAIM)
                if await tx.outbox.claim(one, state, now + CLAIM):
                    claimed.append(replace(one, state=state, attempts=one.attempts + 1))
        return claimed

    async def _settle(self, delivery: Delivery, attempt: Attempt) -> None:
        event = {
            Fate.ACCEPTED: DeliveryEvent.ACCEPT,
            Fate.FAILED: DeliveryEvent.FAIL,
            Fate.REFUSED_FOR_GOOD: DeliveryEvent.DISABLE,
        }[attempt.fate]
        office = self.desk.office
        now = office.clock.now()
        accepted = attempt.fate is Fate.ACCEPTED
        later = now if accepted else now + self.pause_after(delivery.attempts)
        async with office.store.write() as tx:
            await tx.outbox.settle(delivery, delivery.after(event), later, attempt.note)

    async def purge(self) -> None:
        """Remove logins, tickets, heartbeats and idempotency keys whose time is over."""
        office = self.desk.office
        now = office.clock.now()
        async with office.store.write() as tx:
            await tx.logins.purge(now)
            await tx.watch.purge_beats(now - KEPT_HEARTBEATS)
            await tx.watch.purge_keys(now - KEPT_KEYS)

    async def erase(self, retention: Retention) -> int:
        """Erase evidence whose time is over; return how much went.

        What cannot be erased keeps nothing else from it; at the end its errors are raised.
        """
        office = self.desk.office
        async with office.store.read() as tx:
            present = await tx.evidence.present()
            accepted = await tx.outbox.reports_accepted()
        gone = 0
        kept: list[Exception] = []
        for one in present:
            try:
                over = await retention.erase(one, accepted.get(one.session))
            except Exception as error:  # noqa: BLE001 - raised below
                kept.append(error)
                continue
            if over:
                async with office.store.write() as tx:
                    await tx.evidence.erase(one.id, office.clock.now())
                    await tx.identities.forget_face(one.id)
                gone += 1
        if kept:
            raise ExceptionGroup(f"not erased: {len(kept)} pieces of evidence", kept)
        return gone
