"""The booking desk: taking, moving and giving back a time, at once or after half an hour's hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from invigilation.booking import Booking, BookingEvent, BookingState
from invigilation.desk.offers import OfferDesk, Pick, context, wanted
from invigilation.desk.office import LEARNER, SERVICE, sitting_of
from invigilation.desk.placing import (
    begin,
    cancel,
    confirm,
    facts,
    move,
    refuse_unpaid,
    release,
    session_of,
)
from invigilation.errors import AlreadyBooked, NotFound, Outdated, SlotTaken, TooLate
from invigilation.request import RequestEvent
from invigilation.store import Tx
from invigilation.store.bookings import Context, Wanted
from invigilation.store.views import Sitting
from invigilation.waiting import WaitingEvent, WaitingState
from invigilation.zones import clean_zone

__all__ = ["BookingDesk", "confirm"]

LAPSED_AT_ONCE = 200
"""So many reservations at most does one sweep give back."""


@dataclass(frozen=True, slots=True)
class BookingDesk(OfferDesk):
    """Offers times and keeps bookings."""

    async def book(
        self,
        request: str,
        start: datetime,
        zone: str,
        actor: str = LEARNER,
        *,
        by_staff: bool = False,
        staff: str | None = None,
    ) -> Sitting:
        """Take a free seat at `start` and open the session's record; staff need no notice.

        `staff` names an invigilator chosen by hand, else the choice is fair. A time that the
        request has reserved is given up for this one, or becomes this one; it is not lost when this
        one cannot be had. Raises `SlotNotOffered`, `SlotTaken`, `AlreadyBooked`, `PaymentDue` or
        `NotFound`.
        """
        pick = Pick(start, clean_zone(zone), by_staff, staff)
        async with self.office.store.write() as tx:
            await tx.rota.still()
            asked = await context(tx, request)
            await refuse_unpaid(tx, asked)
            taken = await self._take(tx, await wanted(self.office, tx, asked, pick), asked)
            if taken.state is BookingState.RESERVED:
                taken = await tx.bookings.confirm(taken) or taken
            by_hand = staff is not None
            return await begin(self.office, tx, taken, asked, actor, by_hand=by_hand)

    async def reserve(
        self, request: str, start: datetime, zone: str, actor: str = LEARNER
    ) -> Booking:
        """Hold a free seat at `start` for half an hour, for somebody who must pay first.

        A time that the request has reserved already is moved, for another half an hour; the same
        start stays as it is, until when it was. Raises as `book` does, but for `PaymentDue`.
        """
        pick = Pick(start, clean_zone(zone))
        async with self.office.store.write() as tx:
            await tx.rota.still()
            asked = await context(tx, request)
            until = self.office.clock.now() + self.office.rules.reservation
            aim = replace(await wanted(self.office, tx, asked, pick), reserved_until=until)
            taken = await self._take(tx, aim, asked)
            # Read anew, so that it can be confirmed: an officer on board may be accepted by now.
            fresh = await tx.requests.find(request) or asked.request
            fresh.after(RequestEvent.BOOK)
            if taken.id == aim.id:
                await self.office.note(tx, actor, "reservation.made", taken.id, None, facts(taken))
            return taken

    async def _take(self, tx: Tx, aim: Wanted, asked: Context) -> Booking:
        """Take a seat, or put what the request has reserved onto one."""
        taken = await tx.bookings.take(aim)
        if isinstance(taken, Booking):
            return taken
        if taken.active is None:
            raise SlotTaken(aim.start)
        kept = await tx.bookings.reserved(asked.request.id)
        if kept is None:
            raise AlreadyBooked(taken.active)
        return await self._instead(tx, kept, aim)

    async def _instead(self, tx: Tx, kept: Booking, aim: Wanted) -> Booking:
        now = self.office.clock.now()
        live = kept.reserved_until is not None and kept.reserved_until > now
        if live and kept.start == aim.start and kept.seat in aim.seats:
            return kept
        moved = await tx.bookings.move(kept, aim)
        if moved is None:
            raise SlotTaken(aim.start)
        place = await tx.waiting.offered(kept.id)
        if place is not None and moved.start != kept.start:
            await tx.waiting.save(place.after(WaitingEvent.LEAVE), WaitingState.OFFERED)
        return moved

    async def reservation(self, request: str) -> Booking | None:
        """Return the booking that is reserved for a request, while its half hour lasts."""
        async with self.office.store.read() as tx:
            kept = await tx.bookings.reserved(request)
        until = None if kept is None else kept.reserved_until
        return kept if until is not None and until > self.office.clock.now() else None

    async def give_back(self, request: str, actor: str = LEARNER) -> None:
        """Give a reserved time back before its half hour is over; raises `NotFound` if none is.

        The learner gets a letter when somebody else does it.
        """
        async with self.office.store.write() as tx:
            kept = await tx.bookings.reserved(request)
            if kept is None:
                raise NotFound("reservation", request)
            await release(self.office, tx, kept, actor, tell=actor != LEARNER)

    async def lapse(self) -> int:
        """Give back what is reserved and not confirmed in time; return how much was.

        So ends, too, whatever place in a line can come to nothing any more. May run twice, or in
        several processes.
        """
        office = self.office
        now = office.clock.now()
        async with office.store.read() as tx:
            over = await tx.bookings.overdue(now, LAPSED_AT_ONCE)
        lapsed = [await self._lapse(ident, now) for ident in over]
        async with office.store.write() as tx:
            await tx.waiting.lapse(now + office.rules.notice)
        return sum(lapsed)

    async def _lapse(self, ident: str, now: datetime) -> bool:
        async with self.office.store.write() as tx:
            kept = await tx.bookings.find(ident)
            # It may have been confirmed, moved or given back since it was listed.
            until = None if kept is None else kept.reserved_until
            over = until is not None and until <= now
            if kept is None or kept.state is not BookingState.RESERVED or not over:
                return False
            await release(self.office, tx, kept, SERVICE)
        return True

    async def move(
        self,
        booking: str,
        start: datetime,
        actor: str = LEARNER,
        *,
        by_staff: bool = False,
        staff: str | None = None,
        sequence: int | None = None,
        was: str | None = None,
    ) -> Sitting:
        """Put a booking onto another start; refused, with nothing lost, when none is free there.

        Learners may until the cut-off before the present start, staff at any time; a learner who
        asks for the start that they have (again, perhaps) changes nothing. `staff` names an
        invigilator chosen by hand: at the same start, nothing else changes and no letter is sent.
        `sequence` and `was` (its invigilator) are what the asker knows of the booking: `Outdated`
        if it was changed since.
        """
        async with self.office.store.write() as tx:
            await tx.rota.still()
            one = await self._changeable(tx, booking, "change this booking", by_staff=by_staff)
            if one.state is BookingState.RESERVED:
                raise NotFound("session", booking)
            if sequence not in {None, one.sequence} or was not in {None, one.staff}:
                raise Outdated("booking")
            one.after(BookingEvent.MOVE)
            if start != one.start or by_staff:
                pick = Pick(start, one.zone, by_staff, staff)
                await move(self.office, tx, one, pick, actor)
            return await sitting_of(tx, await session_of(tx, booking))

    async def cancel(
        self, booking: str, reason: str, actor: str = LEARNER, *, by_staff: bool = False
    ) -> Sitting:
        """Give a booking back; its request is open again. Learners may until the cut-off."""
        async with self.office.store.write() as tx:
            one = await self._changeable(tx, booking, "cancel this booking", by_staff=by_staff)
            return await cancel(self.office, tx, one, reason, actor)

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
        """Return the request's active booking, else its newest one, if it has any.

        A time that is only reserved is none: see `reservation`.
        """
        async with self.office.store.read() as tx:
            one = await tx.bookings.latest_of(request)
            return None if one is None else await tx.views.sitting_of_booking(one.id)

    async def between(
        self, first: datetime, last: datetime, staff: str | None = None
    ) -> list[Sitting]:
        """Return the sittings that start in that time, by start."""
        async with self.office.store.read() as tx:
            return await tx.views.between(first, last, staff)
