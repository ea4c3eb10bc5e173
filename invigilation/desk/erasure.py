"""The desk of erasure: names and texts go when their time is over; the record still verifies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from invigilation.desk import erased, onboard_record
from invigilation.desk.office import SERVICE, Office
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.onboard import OnboardState
from invigilation.probe import FRESH
from invigilation.record import Data
from invigilation.session import SEALED
from invigilation.store import Tx

FORGOTTEN = "texts_erased"
REASON_LIMIT = 1_000
BATCH = 50


@dataclass(frozen=True, slots=True)
class Periods:
    """How long texts are kept after a session's end, or after an officer's form came."""

    chat: timedelta = timedelta(days=90)
    texts: timedelta = timedelta(days=6 * 366)


@dataclass(frozen=True, slots=True)
class ErasureDesk:
    """Erases what opens the seals of records, and the same texts in the rows."""

    office: Office

    async def sweep(self, periods: Periods) -> int:
        """Erase what is over; return of how many sessions and forms something went."""
        now = self.office.clock.now()
        gone = await self._each(
            lambda tx: tx.texts.chats(now - periods.chat, BATCH), self._forget_chat
        )
        gone += await self._each(
            lambda tx: tx.texts.old(now - periods.texts, BATCH), self._forget_old
        )
        async with self.office.store.write() as tx:
            await tx.looks.forget_before(now - periods.texts)
            await self._count(tx, erased.LETTERS, await tx.texts.forget_letters(now - periods.chat))
            await self._count(tx, erased.PROBES, await tx.probes.forget_before(now - FRESH))
        # Whatever else was erased since the last time goes out of the log, too.
        await self.office.store.scrub()
        return gone

    async def stranger(self, session: str, ident: str) -> None:
        """Note that what lay in the vault and in no list was destroyed."""
        async with self.office.store.write() as tx:
            told: Data = {"session": session, "evidence": ident}
            await erased.write(self.office, tx, erased.STRANGER, told)

    async def forget(self, ident: str, who: str, reason: str) -> int:
        """Erase all names and texts of a sealed session, or of a decided form, now.

        Return how many seals of the record can be opened no more. Raises `NotFound`, and
        `NotAllowed` while something about it has still to be delivered or said.
        """
        reason = reason.strip()
        if not 0 < len(reason) <= REASON_LIMIT:
            raise InvalidInput("reason", f"Give a reason of 1 to {REASON_LIMIT} letters.")
        async with self.office.store.write() as tx:
            session = await tx.sessions.hold(ident)
            form = None if session is not None else await tx.onboard.hold(ident)
            if session is None and form is None:
                raise NotFound("session", ident)
            if session is not None and session.session.state not in SEALED:
                raise NotAllowed("forget a session that is not attested or closed")
            if form is not None and form.state is OnboardState.SUBMITTED:
                raise NotAllowed("forget a form that waits for a decision")
            if await tx.texts.under_way(ident):
                raise NotAllowed("forget what has not been delivered yet")
            gone = await self._forget(tx, ident, who, reason, self.office.clock.now())
        await self.office.store.scrub()
        return gone

    async def _each(
        self,
        find: Callable[[Tx], Awaitable[list[str]]],
        forget: Callable[[str], Awaitable[None]],
    ) -> int:
        gone = 0
        while True:
            async with self.office.store.read() as tx:
                idents = await find(tx)
            for ident in idents:
                await forget(ident)
            gone += len(idents)
            if len(idents) < BATCH:
                return gone

    async def _forget_chat(self, ident: str) -> None:
        async with self.office.store.write() as tx:
            await tx.sessions.hold(ident)
            seals = await tx.texts.forget_chat(ident)
            told: Data = {"session": ident, "texts": seals}
            await erased.write(self.office, tx, erased.CHAT, told)

    async def _count(self, tx: Tx, kind: str, count: int) -> None:
        if count:
            await erased.write(self.office, tx, kind, {"count": count})

    async def _forget_old(self, ident: str) -> None:
        async with self.office.store.write() as tx:
            await self._forget(tx, ident, SERVICE, "", self.office.clock.now())

    async def _forget(self, tx: Tx, ident: str, who: str, reason: str, now: datetime) -> int:
        """Erase, and say so in the record, where the reason is not told, and in the audit log."""
        seals = await tx.texts.forget(ident)
        data: Data = {"texts": seals}
        one = await tx.sessions.hold(ident)
        if one is not None:
            entry = self.office.entry(one, FORGOTTEN, who, data, now)
            await tx.sessions.append(entry)
        elif await tx.onboard.hold(ident) is not None:
            await onboard_record.append(self.office, tx, ident, FORGOTTEN, who, data, now)
        await self.office.note(tx, who, "record.forgotten", ident, None, {**data, "reason": reason})
        rule = erased.BY_PERIOD if who == SERVICE else erased.BY_REQUEST
        await erased.write(self.office, tx, erased.TEXTS, {"session": ident, **data}, who, rule)
        return seals
