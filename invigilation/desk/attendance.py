"""The attendance desk: sessions that did not take place, judged on evidence by a scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from invigilation import attendance
from invigilation.attendance import Evidence, Finding, Judgement
from invigilation.booking import Booking, BookingEvent, BookingState
from invigilation.charge import (
    CURRENCY,
    NO_SHOW,
    UNPAID,
    Charge,
    ChargeEvent,
    ChargeState,
)
from invigilation.desk.endings import wind_up
from invigilation.desk.office import (
    SERVICE,
    Office,
    actor,
    allow,
    held,
    new_id,
    sitting_of,
)
from invigilation.desk.sessions import ATTEMPTS, READY
from invigilation.errors import InvalidInput, NotFound
from invigilation.people import Role, Staff
from invigilation.record import Data
from invigilation.request import RequestEvent, RequestState
from invigilation.session import TABLE as SESSIONS
from invigilation.session import SessionEvent
from invigilation.store import Tx
from invigilation.store.views import Sitting
from invigilation.transitions import can

DISPUTE_DAYS = 14
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
            judgement = await self._judge(tx, booking, session)
            if judgement.finding is Finding.NO_SHOW:
                await self._propose(tx, booking, session, judgement)
                return
            event = {
                Finding.PROVIDER_FAULT: BookingEvent.FIND_PROVIDER_FAULT,
                Finding.TECHNICAL: BookingEvent.FIND_TECHNICAL,
            }[judgement.finding]
            await self._close(tx, booking, session, event, SERVICE, " ".join(judgement.reasons))

    async def _judge(self, tx: Tx, booking: Booking, session: str) -> Judgement:
        first = attendance.opens(booking.start) - timedelta(hours=1)
        last = attendance.closes(booking.start) + timedelta(hours=1)
        return attendance.judge(
            Evidence(
                booking.start,
                await tx.sessions.moments(session, READY),
                await tx.watch.beats(first, last),
                await tx.sessions.moments(session, *ATTEMPTS),
            )
        )

    async def _propose(self, tx: Tx, booking: Booking, session: str, judgement: Judgement) -> None:
        after = await tx.bookings.save(booking.after(BookingEvent.PROPOSE_NO_SHOW))
        one = await held(tx, session)
        data: Data = {"state": after.state.value, "why": " ".join(judgement.reasons)}
        await tx.sessions.append(self.office.entry(one, "no_show_proposed", SERVICE, data))

    async def proposals(self, by: Staff) -> list[Proposal]:
        """Return the missed sessions that wait for a decision, with their evidence."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            waiting = await tx.views.in_state(BookingState.NO_SHOW_PROPOSED)
            found = []
            for sitting in waiting:
                booking = await tx.bookings.find(sitting.booking)
                if booking is not None:
                    judgement = await self._judge(tx, booking, sitting.session)
                    found.append(Proposal(sitting, judgement))
        return found

    async def decide(self, booking: str, by: Staff, verdict: BookingState, reason: str) -> Sitting:
        """Decide what a missed session was; a reason is asked for, and the learner is told.

        A confirmed no-show holds a charge for the learner's next request. A later, milder verdict
        (after a dispute) waives a charge that has not been paid.
        """
        allow(by, Role.SCHEDULER)
        reason = reason.strip()
        if verdict not in VERDICTS:
            raise InvalidInput("verdict", "Choose one of the outcomes.")
        if not 0 < len(reason) <= 1_000:
            raise InvalidInput("reason", "Give a reason of 1 to 1,000 letters.")
        async with self.office.store.write() as tx:
            one = await tx.bookings.find(booking)
            session = await tx.sessions.id_of(booking)
            if one is None or session is None:
                raise NotFound("booking", booking)
            who = actor(by, Role.SCHEDULER)
            known = await _known(tx, session)
            sitting = await self._close(tx, one, session, VERDICTS[verdict], who, reason, known)
            if verdict is BookingState.LEARNER_NO_SHOW:
                await self._hold_charge(tx, sitting)
            else:
                await _waive(tx, booking, reason)
        return sitting

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
        data: Data = {"state": after.state.value, "why": reason}
        now = self.office.clock.now()
        closes = can(SESSIONS, one.session.state, SessionEvent.CLOSE)
        if closes:
            one = await wind_up(self.office, tx, one, now)
        entry = self.office.entry(one, "attendance_decided", who, data, now)
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
        price = self.office.rules.no_show_price
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

    async def _hold_charge(self, tx: Tx, sitting: Sitting) -> None:
        price = self.office.rules.no_show_price
        charge = Charge(
            new_id("ch"),
            sitting.learner,
            sitting.booking,
            None,
            NO_SHOW,
            "Missed session",
            price.net_pence,
            price.vat_basis_points,
            CURRENCY,
            ChargeState.HELD,
            None,
            self.office.clock.now(),
        )
        await tx.charges.add(charge)


async def _known(tx: Tx, session: str) -> str:
    """Return the evidence on which a no-show was proposed, as the record has it."""
    entries = await tx.sessions.entries(session)
    why = [one.data["why"] for one in entries if one.kind == "no_show_proposed"]
    return str(why[-1]) if why else ""


async def _waive(tx: Tx, booking: str, reason: str) -> None:
    charge = await tx.charges.of_booking(booking)
    if charge is not None and charge.state in {ChargeState.HELD, *UNPAID}:
        await tx.charges.save(charge.after(ChargeEvent.WAIVE, reason=reason))
