"""Carries deliveries out of the house, place by place, so that none waits for another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol

from invigilation.anchor import AnchorKind
from invigilation.desk import Desk
from invigilation.report import Channel, Delivery, DeliveryEvent
from invigilation.store import Tx
from invigilation.store.outbox import Place

CLAIM = timedelta(seconds=60)
CARRYING = timedelta(seconds=45)
"""Shorter than the claim, so that a delivery is not in two hands."""
BATCH = 20
PLACES = 20
"""Places of one channel that are carried to at the same time."""
NOTE_LIMIT = 300
AWAY = timedelta(minutes=10)
"""A place that answers again after so long gets at once all that waits for it."""


class Fate(StrEnum):
    """How an attempt to deliver ended."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    REFUSED_FOR_GOOD = "refused_for_good"
    """This delivery will never be accepted; others may be."""
    GONE = "gone"
    """The place wants no more of anything."""


_EVENTS = {
    Fate.ACCEPTED: DeliveryEvent.ACCEPT,
    Fate.FAILED: DeliveryEvent.FAIL,
    Fate.REFUSED_FOR_GOOD: DeliveryEvent.DISABLE,
    Fate.GONE: DeliveryEvent.DISABLE,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A backend's signed word that it took a report, checked: an anchor of the session's record.

    `at` is the backend's own time; `body` is what stands in the record beside kind and time;
    `key` names who signed it.
    """

    session: str
    at: datetime
    body: Mapping[str, object]
    key: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """The end of one attempt, and a note of what was heard.

    `silent`: the place gave no answer at all, so that the next delivery need not be tried now.
    """

    fate: Fate
    note: str
    silent: bool = False
    receipt: Receipt | None = None


class Carrier(Protocol):
    """Takes deliveries of one or more channels out of the house."""

    async def carry(self, delivery: Delivery) -> Attempt:
        """Try once; never raises for what the other side does."""
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One worker's hands: a task for each place that is being carried to.

    What goes to one place goes in order. Use `running`, then call `sweep` again and again.
    """

    desk: Desk
    carrier: Carrier
    pause_after: Callable[[int], timedelta]
    """How long to wait before the next attempt, by the attempts already made."""
    _hands: dict[Place, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _errors: list[Exception] = field(default_factory=list, init=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Dispatch]:
        """Let it work inside the block; what is under way at its end is broken off."""
        try:
            yield self
        finally:
            tasks = list(self._hands.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def sweep(self) -> int:
        """Take what is due into the hands that are free, without waiting for the places.

        Returns how many. Each delivery is claimed first, in a transaction of its own, so that no
        transaction stays open while the other side thinks; a worker that dies loses its claim
        after a minute. What went wrong within the house since the last call is raised.
        """
        claimed = await self._claim()
        places: dict[Place, list[Delivery]] = {}
        for delivery in claimed:
            places.setdefault((delivery.channel, delivery.target), []).append(delivery)
        for place, queue in places.items():
            task = asyncio.create_task(self._carry(queue), name=f"deliver to {place[1]}")
            self._hands[place] = task
            task.add_done_callback(partial(self._done, place))
        self._raise()
        return len(claimed)

    async def idle(self) -> None:
        """Wait until nothing is in hand; then as `sweep`, raise what went wrong."""
        while self._hands:
            await asyncio.wait(self._hands.values())
        self._raise()

    def _done(self, place: Place, task: asyncio.Task[None]) -> None:
        del self._hands[place]
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._errors.append(error)

    def _raise(self) -> None:
        if self._errors:
            errors = list(self._errors)
            self._errors.clear()
            raise ExceptionGroup("deliveries could not be settled", errors)

    async def _claim(self) -> list[Delivery]:
        office = self.desk.office
        in_hand = Counter(channel for channel, _ in self._hands)
        full = [channel for channel, count in in_hand.items() if count >= PLACES]
        claimed = []
        async with office.store.write() as tx:
            now = office.clock.now()
            gone = await tx.endpoints.disabled()
            for one in await tx.outbox.due(now, BATCH, set(self._hands), full):
                state = one.after(DeliveryEvent.CLAIM)
                if not await tx.outbox.claim(one, state, now + CLAIM):
                    continue
                mine = replace(one, state=state, attempts=one.attempts + 1)
                if one.channel is not Channel.MAIL and one.target in gone:
                    refused = mine.after(DeliveryEvent.DISABLE)
                    await tx.outbox.settle(mine, refused, now, "not sent: it wants no more")
                else:
                    claimed.append(mine)
        return claimed

    async def _carry(self, queue: Sequence[Delivery]) -> None:
        """Carry these while their claim lasts and somebody answers; put the rest back."""
        clock = self.desk.office.clock
        until = clock.monotonic() + CARRYING.total_seconds()
        for number, delivery in enumerate(queue):
            left = until - clock.monotonic()
            if left <= 0:
                return await self._release(queue[number:], clock.now())
            attempt = await self._try(delivery, left)
            later = await self._settle(delivery, attempt)
            if attempt.silent:
                return await self._release(queue[number + 1 :], later)
            if attempt.fate is Fate.GONE:
                return await self._release(queue[number + 1 :], clock.now())
        return None

    async def _try(self, delivery: Delivery, left: float) -> Attempt:
        try:
            async with asyncio.timeout(left):
                return await self.carrier.carry(delivery)
        except Exception as error:  # noqa: BLE001 - one that fails must not hold up the others
            return Attempt(Fate.FAILED, f"{type(error).__name__}: {error}"[:NOTE_LIMIT])

    async def _release(self, queue: Sequence[Delivery], next_at: datetime) -> None:
        if not queue:
            return
        async with self.desk.office.store.write() as tx:
            for one in queue:
                await tx.outbox.release(one, one.after(DeliveryEvent.RELEASE), next_at)

    async def _settle(self, delivery: Delivery, attempt: Attempt) -> datetime:
        """Write how it ended, all that follows from it, and return when it is due again."""
        office = self.desk.office
        now = office.clock.now()
        failed = attempt.fate is Fate.FAILED
        later = now + self.pause_after(delivery.attempts) if failed else now
        state = delivery.after(_EVENTS[attempt.fate])
        attempt = replace(attempt, note=_plain(attempt.note))
        async with office.store.write() as tx:
            mine = await tx.outbox.settle(delivery, state, later, attempt.note)
            if mine and delivery.channel is not Channel.MAIL:
                await _heard(tx, delivery, attempt, now)
        return later


def _plain(note: str) -> str:
    """Return what was heard as every database keeps it and every page shows it."""
    return "".join(char if char.isprintable() else " " for char in note[:NOTE_LIMIT])


async def _heard(tx: Tx, delivery: Delivery, attempt: Attempt, now: datetime) -> None:
    """Keep what an attempt says of the backend."""
    target = delivery.target
    if attempt.fate is not Fate.ACCEPTED:
        gone = attempt.fate is Fate.GONE
        await tx.endpoints.failed(target, now, attempt.note, gone=gone)
        return
    before = await tx.endpoints.health(target)
    await tx.endpoints.succeeded(target, now)
    last = before.last_success
    if before.failures and (last is None or abs(now - last) > AWAY):
        await tx.outbox.hasten((delivery.channel, target), now)
    receipt = attempt.receipt
    if receipt is not None and await tx.endpoints.trusts(target, receipt.key):
        await tx.anchors.add(receipt.session, AnchorKind.RECEIPT, receipt.at, receipt.body)
