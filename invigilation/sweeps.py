"""What the clock asks for: every sweep may run twice, or in two processes, with one effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from invigilation.desk import Desk, erased
from invigilation.dispatch import BATCH, CLAIM, Attempt, Carrier, Dispatch, Fate
from invigilation.store.evidence import Evidence

__all__ = ["BATCH", "CLAIM", "Attempt", "Carrier", "Fate", "Retention", "Sweeps"]

OF_DOCUMENT = frozenset({"id_document", "id_back"})
"""With these pictures goes what was read of them."""
KEPT_HEARTBEATS = timedelta(days=30)
KEPT_KEYS = timedelta(hours=24)


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
        """Carry what is due out of the house and wait for it; return how many attempts were made.

        A service that goes on keeps a `Dispatch` and sweeps with it, so that it need not wait.
        """
        async with Dispatch(self.desk, self.carrier, self.pause_after).running() as dispatch:
            claimed = await dispatch.sweep()
            await dispatch.idle()
        return claimed

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
                    since = accepted.get(one.session)
                    if await tx.evidence.erase(one.id, office.clock.now()):
                        await erased.write_evidence(office, tx, one, since=since)
                    await tx.identities.forget_face(one.id)
                    if one.kind in OF_DOCUMENT:
                        await tx.texts.forget_reading(one.session)
                gone += 1
        if kept:
            raise ExceptionGroup(f"not erased: {len(kept)} pieces of evidence", kept)
        return gone
