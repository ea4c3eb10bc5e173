"""The attendance desk: sessions that did not take place, judged on evidence by a scheduler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from invigilation import attendance
from invigilation.attendance import Finding, Judgement
from invigilation.booking import Booking, BookingEvent, BookingState
from invigilation.charge import NO_SHOW, UNPAID, ChargeEvent, ChargeState, Price
from invigilation.desk.endings import wind_up
from invigilation.desk.explained import Explained, explain
from invigilation.desk.missed import (
    DECIDED,
    DISPUTE_TIME,
    PROPOSED,
    Dossier,
    dossier,
    judge,
)
from invigilation.desk.office import (
    SERVICE,
    Office,
    actor,
    allow,
    held,
    sitting_of,
)
from invigilation.desk.products import product_of
from invigilation.desk.settling import confirm_reserved, hold_no_show, moved
from invigilation.errors import InvalidInput, NotAllowed, NotFound
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.request import RequestEvent, RequestState
from invigilation.session import TABLE as SESSIONS
from invigilation.session import SessionEvent, SessionState
from invigilation.store import Tx
from invigilation.store.views import Sitting
from invigilation.transitions import can

DISPUTE_DAYS = DISPUTE_TIME.days
LOOKED_BACK = timedelta(days=90)
RUNNING = frozenset({SessionState.IN_PROGRESS, SessionState.PAUSED})
PAY_BACK = "To be paid back by hand:"
"""How a settled charge is marked, in the ledger, that a later verdict has taken away."""
VERDICTS = {
    BookingState.LEARNER_NO_SHOW: BookingEvent.CONFIRM_NO_SHOW,
    BookingState.PROVIDER_FAULT: BookingEvent.FIND_PROVIDER_FAULT,
    BookingState.TECHNICAL_UNRESOLVED: BookingEvent.FIND_TECHNICAL,
    BookingState.EXCUSED: BookingEvent.EXCUSE,
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A missed session that waits for a scheduler, with what is known of it."""

    sitting: Sitting
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Decided:
    """A confirmed no-show that the learner may dispute until `until`."""

    sitting: Sitting
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class AttendanceDesk:
    """Proposes by rule; only a scheduler decides on a no-show."""

    office: Office

    async def sweep(self) -> int:
        """Judge every booking whose grace time has passed without a check-in; return how many.

        A no-show is only proposed. Whatever is our fault or a technical matter is found at once:
        it is never held against the learner, and their request is open again.
        """
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            # One heartbeat more than the grace time must have had its chance to be written.
            grace = attendance.CHECK_IN_CLOSES + attendance.HEARTBEAT_GAP
            missed = await tx.bookings.missed(now - grace)
        for booking in missed:
            await self._judge_one(booking.id)
        return len(missed)

    async def _judge_one(self, ident: str) -> None:
        async with self.office.store.write() as tx:
            booking = await tx.bookings.find(ident)
            session = await tx.sessions.id_of(ident)
            if booking is None or session is None or booking.state is not BookingState.BOOKED:
                return
            judgement = await judge(tx, session, booking.start, self.office.clock.now())
            if judgement.finding is Finding.NO_SHOW:
                await self._propose(tx, booking, session, judgement)
                return
            event = {
                Finding.PROVIDER_FAULT: BookingEvent.FIND_PROVIDER_FAULT,
                Finding.TECHNICAL: BookingEvent.FIND_TECHNICAL,
            }[judgement.finding]
            await self._close(tx, booking, session, event, SERVICE, " ".join(judgement.reasons))

    async def _propose(self, tx: Tx, booking: Booking, session: str, judgement: Judgement) -> None:
        after = await tx.bookings.save(booking.after(BookingEvent.PROPOSE_NO_SHOW))
        one = await held(tx, session)
        data: Data = {"state": after.state.value}
        why = {"why": " ".join(judgement.reasons)}
        await tx.sessions.append(self.office.entry(one, PROPOSED, SERVICE, data, private=why))

    async def proposals(self, by: Staff) -> list[Proposal]:
        """Return the missed sessions that wait for a decision, oldest first; locks nothing."""
        allow(by, Role.SCHEDULER)
        now = self.office.clock.now()
        async with self.office.store.read() as tx:
            return [
                Proposal(one, await judge(tx, one.session, one.start, now))
                for one in await tx.views.in_state(BookingState.NO_SHOW_PROPOSED)
            ]

    async def decided(self, by: Staff) -> list[Decided]:
        """Return the no-shows that may still be disputed, the newest decision first."""
        allow(by, Role.SCHEDULER)
        now = self.office.clock.now()
        found = []
        async with self.office.store.read() as tx:
            # A decision may come long after the session; what is older than that has been seen to.
            for one in await tx.views.in_state(BookingState.LEARNER_NO_SHOW, now - LOOKED_BACK):
                moments = await tx.sessions.moments(one.session, DECIDED)
                if moments and moments[-1] + DISPUTE_TIME >= now:
                    found.append(Decided(one, moments[-1], moments[-1] + DISPUTE_TIME))
        return sorted(found, key=lambda one: one.at, reverse=True)

    async def dossier(self, by: Staff, booking: str) -> Dossier:
        """Return all the evidence of one session; raises `NotFound`."""
        allow(by, Role.SCHEDULER)
        return await self._dossier(booking)

    async def explained(self, booking: str) -> Explained | None:
        """Return, for the learner, how a missed session was judged and why, in plain words.

        None when nothing was decided on it. Raises `NotFound`.
        """
        return explain(await self._dossier(booking))

    async def _dossier(self, booking: str) -> Dossier:
        async with self.office.store.read() as tx:
            session = await tx.sessions.id_of(booking)
            if session is None:
                raise NotFound("booking", booking)
            return await dossier(tx, session, self.office.clock.now())

    async def decide(self, booking: str, by: Staff, verdict: BookingState, reason: str) -> Sitting:
        """Decide what a missed session was; a reason is asked for, and the learner is told.

        A no-show can be confirmed only if every condition of the rule holds; it holds a charge for
        the learner's next request. A later, milder verdict (after a dispute) waives a charge that
        has not been paid; one that has been paid is marked: somebody must pay it back by hand.
        """
        allow(by, Role.SCHEDULER)
        reason = reason.strip()
        if verdict not in VERDICTS:
            raise InvalidInput("verdict", "Choose one of the outcomes.")
        if not 0 < len(reason) <= 1_000:
            raise InvalidInput("reason", "Give a reason of 1 to 1,000 letters.")
        async with self.office.store.write() as tx:
            await tx.rota.still()  # a waived charge may book a time that waits for it
            one = await tx.bookings.find(booking)
            session = await tx.sessions.id_of(booking)
            if one is None or session is None:
                raise NotFound("booking", booking)
            one.after(VERDICTS[verdict])
            if (await held(tx, session)).session.state in RUNNING:
                raise NotAllowed("judge a session that is running")
            known = ""
            if verdict is BookingState.LEARNER_NO_SHOW:
                known = await self._must_hold(tx, one, session)
            who = actor(by, Role.SCHEDULER)
            sitting = await self._close(tx, one, session, VERDICTS[verdict], who, reason, known)
            if verdict is BookingState.LEARNER_NO_SHOW:
                await hold_no_show(self.office, tx, sitting, who)
            else:
                await self._let_off(tx, booking, who, reason, by)
            before: Data = {"state": one.state.value}
            after: Data = {"state": verdict.value, "reason": reason}
            await self.office.note(tx, who, "attendance.decided", booking, before, after)
        return sitting

    async def _must_hold(self, tx: Tx, one: Booking, session: str) -> str:
        """Return what a no-show rests on; without all of it, it cannot be confirmed."""
        judgement = await judge(tx, session, one.start, self.office.clock.now())
        if judgement.missing:
            why = " ".join(judgement.missing)
            raise InvalidInput("verdict", f"This cannot be a no-show. {why}")
        return " ".join(judgement.reasons)

    async def _let_off(self, tx: Tx, booking: str, who: str, reason: str, by: Staff) -> None:
        """Waive the charge of a missed session; one that is settled must be paid back by hand."""
        seen = await tx.charges.of_missed(booking)
        if seen is None:
            return
        await tx.charges.hold_learner(seen.learner)
        charge = await tx.charges.of_booking(booking) or seen
        if charge.state in {ChargeState.HELD, *UNPAID}:
            await moved(self.office, tx, charge, ChargeEvent.WAIVE, who, reason=reason)
            await confirm_reserved(self.office, tx, charge.learner, who)
        elif charge.state is ChargeState.SETTLED:
            told = f"{charge.reason or ''} {PAY_BACK} {reason} ({by.name})".strip()
            await tx.charges.save(replace(charge, reason=told))
            before: Data = {"state": charge.state.value, "reason": charge.reason}
            after: Data = {"state": charge.state.value, "reason": told}
            await self.office.note(tx, who, "charge.to_pay_back", charge.id, before, after)

    async def _close(
        self,
        tx: Tx,
        booking: Booking,
        session: str,
        event: BookingEvent,
        who: str,
        reason: str,
        known: str = "",
    ) -> Sitting:
        after = await tx.bookings.save(booking.after(event))
        one = await held(tx, session)
        data: Data = {"state": after.state.value}
        now = self.office.clock.now()
        closes = can(SESSIONS, one.session.state, SessionEvent.CLOSE)
        if closes:
            one = await wind_up(self.office, tx, one, now)
        entry = self.office.entry(one, DECIDED, who, data, now, {"why": reason})
        if closes:
            await tx.sessions.save(one.session.after(SessionEvent.CLOSE, now, reason), entry)
        else:
            await tx.sessions.append(entry)
        request = await tx.requests.find(booking.request)
        if request is not None and request.state in {RequestState.BOOKED, RequestState.FULFILLED}:
            # A missed session uses its request up; a fault of ours, or of the link, does not, even
            # if that is found out later.
            missed = after.state is BookingState.LEARNER_NO_SHOW
            event_ = RequestEvent.FULFIL if missed else RequestEvent.RELEASE
            await tx.requests.set_state(request.id, request.after(event_).state)
        sitting = await sitting_of(tx, session)
        await self._tell(tx, sitting, reason, known)
        return sitting

    async def _tell(self, tx: Tx, sitting: Sitting, reason: str, known: str) -> None:
        product = await product_of(self.office, tx, NO_SHOW)
        price = Price(0, 0) if product is None else product.price
        letter: Data = {
            "name": sitting.learner_name,
            "title": sitting.title,
            "request": sitting.request,
            "start": sitting.start.isoformat(),
            "zone": sitting.zone,
            "state": sitting.booking_state.value,
            "reason": reason,
            "known": known,
            "gross_pence": price.gross_pence,
            "vat_pence": price.vat_pence,
            "dispute_days": DISPUTE_DAYS,
        }
        state: Data = {"state": sitting.booking_state.value}
        await tx.outbox.add(
            self.office.notice(sitting, "attendance.decided", state),
            self.office.letter(sitting.learner_email, "attendance", letter),
            session=sitting.session,
        )
