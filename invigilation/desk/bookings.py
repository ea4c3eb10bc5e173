"""The booking desk: which times are offered, and taking, moving and giving back one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from invigilation import record
from invigilation.booking import ACTIVE, Booking, BookingEvent
from invigilation.desk.office import LEARNER, Office, held, new_id, sitting_of
from invigilation.errors import (
    AlreadyBooked,
    NotFound,
    PaymentDue,
    SlotNotOffered,
    SlotTaken,
    TooLate,
)
from invigilation.office_hours import Window
from invigilation.record import EMPTY, Data, Moment
from invigilation.request import Assessment, Request, RequestEvent
from invigilation.session import Session, SessionEvent, SessionState
from invigilation.slots import (
    Calendar,
    Refusal,
    Wish,
    free_seats,
    free_starts,
    judged,
    why_day_empty,
    why_not,
)
from invigilation.store import Tx
from invigilation.store.bookings import Context, Hindrance, Wanted
from invigilation.store.views import Sitting
from invigilation.zones import clean_zone

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Look:
    """All starts of a stretch of time, each with why it is refused, if it is; ascending.

    `closures` names the closed days (of the office's zone) that the stretch touches.
    """

    starts: tuple[tuple[datetime, Refusal | None], ...]
    closures: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class BookingDesk:
    """Offers times and keeps bookings."""

    office: Office

    async def starts(self, request: str, window: Window) -> list[datetime]:
        """Return the starts (UTC, ascending) that this request may book in the window."""
        async with self.office.store.read() as tx:
            calendar, wish = await self._with_holds(tx, request, window)
        return free_starts(calendar, wish, window)

    async def look(self, request: str, window: Window) -> Look:
        """Return every start in the window, free or not, and which days the office is closed.

        The request's own booking does not stand in its way: it can be moved within its own time.
        """
        zone = self.office.rules.zone
        days = [at.astimezone(zone).date() for at in (window.start, window.end)]
        async with self.office.store.read() as tx:
            calendar, wish = await self._with_holds(tx, request, window)
            own = await tx.bookings.latest_of(request)
            closures = await tx.rota.closures()
        if own is not None and own.state in ACTIVE:
            kept = (h for h in calendar.holds if (h.seat, h.start) != (own.seat, own.start))
            calendar = replace(calendar, holds=tuple(kept))
        named = {day: name for day, name in closures if days[0] <= day <= days[1]}
        return Look(tuple(judged(calendar, wish, window)), named)

    async def why_empty(self, request: str, day: date) -> Refusal | None:
        """Say why a day offers nothing; None when it does offer something."""
        noon = datetime.combine(day, time(12), UTC)
        window = Window(noon - timedelta(days=1), noon + timedelta(days=1))
        async with self.office.store.read() as tx:
            calendar, wish = await self._with_holds(tx, request, window)
        return why_day_empty(calendar, wish, day)

    async def _with_holds(self, tx: Tx, request: str, window: Window) -> tuple[Calendar, Wish]:
        asked = await _context(tx, request)
        calendar = await self.office.calendar_at(tx, asked.rota_version)
        # A session that begins inside the window may end, with its buffer, a day later.
        holds = await tx.rota.holds(
            window.start - timedelta(days=1), window.end + timedelta(days=1)
        )
        return replace(calendar, holds=holds), self._wish(asked.request, asked.assessment)

    def _wish(self, request: Request, assessment: Assessment, *, by_staff: bool = False) -> Wish:
        rules = self.office.rules
        notice = timedelta(0) if by_staff else rules.notice
        return Wish(
            earliest=self.office.clock.now() + notice,
            latest_end=request.licence_until,
            minutes=assessment.minutes,
            buffer_minutes=rules.buffer // timedelta(minutes=1),
        )

    async def book(
        self,
        request: str,
        start: datetime,
        zone: str,
        actor: str = LEARNER,
        *,
        by_staff: bool = False,
    ) -> Sitting:
        """Take a free seat at `start` and open the session's record; staff need no notice.

        Raises `SlotNotOffered`, `SlotTaken`, `AlreadyBooked`, `PaymentDue` or `NotFound`.
        """
        zone = clean_zone(zone)
        async with self.office.store.write() as tx:
            await tx.rota.still()
            asked = await _context(tx, request)
            if asked.charge_due is not None:
                charge = await tx.charges.find(asked.charge_due)
                raise PaymentDue(asked.charge_due, charge.price.gross_pence if charge else 0)
            wanted = await self._wanted(tx, asked, start, zone, by_staff=by_staff)
            taken = await tx.bookings.take(wanted)
            if isinstance(taken, Hindrance):
                raise AlreadyBooked(taken.active) if taken.active else SlotTaken(start)
            await tx.requests.set_state(request, asked.request.after(RequestEvent.BOOK).state)
            session = await self._open_session(tx, taken, asked.assessment, actor)
            sitting = _sitting(session, taken, asked, self.office.name_of(taken.staff))
            await self._tell(tx, sitting, "booking.made", "booked")
        return sitting

    async def _wanted(
        self,
        tx: Tx,
        asked: Context,
        start: datetime,
        zone: str,
        *,
        by_staff: bool,
    ) -> Wanted:
        calendar = await self.office.calendar_at(tx, asked.rota_version)
        wish = self._wish(asked.request, asked.assessment, by_staff=by_staff)
        # Holds are left to the database: here only hours, rota, notice and licence are judged.
        seats = free_seats(calendar, wish, start)
        if not seats:
            raise SlotNotOffered(start, why_not(calendar, wish, start) or Refusal.FULL)
        end = start + timedelta(minutes=asked.assessment.minutes)
        hold = end + self.office.rules.buffer
        now = self.office.clock.now()
        return Wanted(new_id("bk"), asked.request.id, seats, start, end, hold, zone, now)

    async def _open_session(
        self, tx: Tx, booking: Booking, assessment: Assessment, actor: str
    ) -> Session:
        session = Session(new_id("se"), booking.id, SessionState.SCHEDULED, assessment.minutes, 0)
        data: Data = {
            "booking": booking.id,
            "start": record.stamp(booking.start),
            "end": record.stamp(booking.end),
            "invigilator": booking.staff,
            "assessment": assessment.code,
        }
        when = Moment.of(self.office.clock)
        signer = self.office.signer
        first = record.write(EMPTY, session.id, when, "booked", actor, data, signer)
        await tx.sessions.add(session, first.head, secrets.token_bytes(SECRET_BYTES))
        await tx.sessions.begin_record(first)
        return session

    async def _tell(self, tx: Tx, sitting: Sitting, kind: str, letter: str) -> None:
        times: Data = {
            "start": record.stamp(sitting.start),
            "end": record.stamp(sitting.end),
            "sequence": sitting.sequence,
        }
        mail: Data = {
            **times,
            "booking": sitting.booking,
            "request": sitting.request,
            "name": sitting.learner_name,
            "zone": sitting.zone,
            "title": sitting.title,
        }
        await tx.outbox.add(
            self.office.notice(sitting, kind, times),
            self.office.letter(sitting.learner_email, letter, mail),
            session=sitting.session,
        )

    async def move(
        self, booking: str, start: datetime, actor: str = LEARNER, *, by_staff: bool = False
    ) -> Sitting:
        """Put a booking onto another start; refused, with nothing lost, when none is free there.

        Learners may until the cut-off before the present start, staff at any time.
        """
        async with self.office.store.write() as tx:
            await tx.rota.still()
            one = await self._changeable(tx, booking, "change this booking", by_staff=by_staff)
            one.after(BookingEvent.MOVE)
            asked = await _context(tx, one.request)
            wanted = await self._wanted(tx, asked, start, one.zone, by_staff=by_staff)
            moved = await tx.bookings.move(one, wanted)
            if moved is None:
                raise SlotTaken(start)
            session = await _session_of(tx, booking)
            open_ = await held(tx, session)
            if open_.session.state is not SessionState.SCHEDULED:
                raise TooLate("change this booking", one.start)
            data: Data = {
                "from": record.stamp(one.start),
                "start": record.stamp(moved.start),
                "end": record.stamp(moved.end),
                "invigilator": moved.staff,
            }
            await tx.sessions.append(self.office.entry(open_, "moved", actor, data))
            sitting = await sitting_of(tx, session)
            await self._tell(tx, sitting, "booking.moved", "moved")
        return sitting

    async def cancel(
        self, booking: str, reason: str, actor: str = LEARNER, *, by_staff: bool = False
    ) -> Sitting:
        """Give a booking back; its request is open again. Learners may until the cut-off."""
        async with self.office.store.write() as tx:
            one = await self._changeable(tx, booking, "cancel this booking", by_staff=by_staff)
            session = await _session_of(tx, booking)
            open_ = await held(tx, session)
            now = self.office.clock.now()
            closed = open_.session.after(SessionEvent.CLOSE, now, reason or None)
            await tx.bookings.save(one.after(BookingEvent.CANCEL))
            await tx.logins.end_second(session)
            entry = self.office.entry(open_, "cancelled", actor, {}, now)
            await tx.sessions.save(closed, entry)
            asked = (await _context(tx, one.request)).request
            await tx.requests.set_state(asked.id, asked.after(RequestEvent.RELEASE).state)
            sitting = await sitting_of(tx, session)
            await self._tell(tx, sitting, "booking.cancelled", "cancelled")
        return sitting

    async def _changeable(self, tx: Tx, booking: str, action: str, *, by_staff: bool) -> Booking:
        one = await tx.bookings.find(booking)
        if one is None:
            raise NotFound("booking", booking)
        cutoff = one.start - self.office.rules.cutoff
        if not by_staff and self.office.clock.now() > cutoff:
            raise TooLate(action, cutoff)
        return one

    async def find(self, booking: str, backend: str | None = None) -> Sitting:
        """Return a booking with all that belongs to it; with `backend`, only if it is theirs."""
        async with self.office.store.read() as tx:
            sitting = await tx.views.sitting_of_booking(booking)
        if sitting is None or backend not in {None, sitting.backend}:
            raise NotFound("booking", booking)
        return sitting

    async def latest(self, request: str) -> Sitting | None:
        """Return the request's active booking, else its newest one, if it has any."""
        async with self.office.store.read() as tx:
            one = await tx.bookings.latest_of(request)
            return None if one is None else await tx.views.sitting_of_booking(one.id)

    async def between(
        self, first: datetime, last: datetime, staff: str | None = None
    ) -> list[Sitting]:
        """Return the sittings that start in that time, by start."""
        async with self.office.store.read() as tx:
            return await tx.views.between(first, last, staff)


async def _context(tx: Tx, request: str) -> Context:
    found = await tx.bookings.context(request)
    if found is None:
        raise NotFound("request", request)
    return found


def _sitting(session: Session, booking: Booking, asked: Context, staff_name: str) -> Sitting:
    """Put together what the store would read back."""
    request, learner, assessment = asked.request, asked.learner, asked.assessment
    return Sitting(
        session=session.id,
        session_state=session.state,
        booking=booking.id,
        booking_state=booking.state,
        sequence=booking.sequence,
        start=booking.start,
        end=booking.end,
        zone=booking.zone,
        staff=booking.staff,
        staff_name=staff_name,
        request=request.id,
        reference=request.reference,
        assessment_url=request.assessment_url,
        return_url=request.return_url,
        backend=request.backend,
        learner=learner.id,
        learner_reference=learner.reference,
        learner_name=learner.name,
        learner_email=learner.email,
        title=assessment.title,
        minutes=assessment.minutes,
        materials=assessment.materials,
        pass_mark=assessment.pass_mark,
        phone_allowed=assessment.phone_allowed,
    )


async def _session_of(tx: Tx, booking: str) -> str:
    session = await tx.sessions.id_of(booking)
    if session is None:
        raise NotFound("session", booking)
    return session
