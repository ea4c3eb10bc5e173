"""The waiting list: whoever waits for a full day is offered the first time that becomes free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from invigilation import record
from invigilation.booking import Booking
from invigilation.desk.offers import Pick, context, free, searched, wanted
from invigilation.desk.office import LEARNER, Office, allow, new_id
from invigilation.desk.placing import confirm, refuse_unpaid, release, write_to
from invigilation.errors import (
    AlreadyBooked,
    InvalidInput,
    NotFound,
    SlotNotOffered,
    TooLate,
)
from invigilation.office_hours import Window
from invigilation.people import Role, Staff
from invigilation.request import RequestEvent, RequestState
from invigilation.slots import Refusal, emptiest
from invigilation.store import Tx
from invigilation.store.views import Sitting
from invigilation.store.waiting import Queued
from invigilation.waiting import Waiting, WaitingEvent, WaitingState
from invigilation.zones import clean_zone

PLACES = 5
"""In so many lines at most may one request stand."""
LONGEST_DAY = timedelta(hours=26)
"""A day with a clock change in it has 25 hours; a little more does no harm."""
LINE_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class WaitingDesk:
    """Keeps the lines, and offers to those who stand in them."""

    office: Office

    async def join(self, request: str, first: datetime, last: datetime, zone: str) -> Waiting:
        """Stand in line for any start from `first` to before `last` (aware): one full day.

        Joining twice is one place. Raises `InvalidInput` when that day has a free start, or can
        never have one, or when the request has `PLACES` places; `AlreadyBooked` when it has an
        active booking.
        """
        zone = clean_zone(zone)
        if not first < last <= first + LONGEST_DAY:
            raise InvalidInput("day", "Choose one day to wait for.")
        office = self.office
        async with office.store.write() as tx:
            asked = await context(tx, request)
            active = await tx.bookings.active_of(request)
            if active is not None:
                raise AlreadyBooked(active)
            asked.request.after(RequestEvent.BOOK)
            search, wish = await searched(office, tx, asked, Window(first, last))
            why = emptiest(search.judged(), wish)
            if why is None:
                raise InvalidInput("day", "This day has a free time. Please choose it.")
            if why is not Refusal.FULL:
                raise InvalidInput("day", "On this day no time can become free.")
            place = Waiting(
                new_id("wt"),
                request,
                first.astimezone(UTC),
                last.astimezone(UTC),
                zone,
                WaitingState.WAITING,
                office.clock.now(),
            )
            joined = await tx.waiting.join(place, PLACES)
            if joined is None:
                raise InvalidInput("day", f"You wait for {PLACES} days already. Leave one first.")
            if joined.id == place.id:
                await office.note(tx, LEARNER, "waiting.joined", joined.id, None, _facts(joined))
        return joined

    async def leave(self, request: str, waiting: str, actor: str = LEARNER) -> None:
        """Leave a line; a time that was offered is free for the next one."""
        async with self.office.store.write() as tx:
            # The booking is held before the place, as everywhere.
            kept = await tx.bookings.reserved(request)
            place = await _place(tx, request, waiting)
            left = place.after(WaitingEvent.LEAVE)
            if kept is not None and kept.id == place.booking:
                await release(self.office, tx, kept, actor, tell=False)
            await tx.waiting.save(left, place.state)
            await self.office.note(tx, actor, "waiting.left", place.id, _facts(place), None)

    async def of_request(self, request: str) -> list[Waiting]:
        """Return where a request stands in line, by day."""
        async with self.office.store.read() as tx:
            return await tx.waiting.of(request)

    async def ahead(self, request: str) -> dict[str, int]:
        """Return, for each place of a request, how many others stand in line before it."""
        async with self.office.store.read() as tx:
            return {one.id: await tx.waiting.ahead(one) for one in await tx.waiting.of(request)}

    async def queue(self, by: Staff, first: datetime, last: datetime) -> list[Queued]:
        """Return who stands in line for a time from `first` to before `last`, as they joined."""
        allow(by, Role.SCHEDULER)
        async with self.office.store.read() as tx:
            return await tx.waiting.queue(first, last)

    async def accept(self, request: str, waiting: str, actor: str = LEARNER) -> Sitting:
        """Take the time that was offered; doing it twice is doing it once.

        Raises `TooLate` when the half hour is over, `PaymentDue` when a charge must be paid first
        (the time stays held while it lasts), `IllegalTransition` when nothing was offered.
        """
        async with self.office.store.write() as tx:
            await tx.rota.still()
            kept = await tx.bookings.reserved(request)
            place = await _place(tx, request, waiting)
            if place.state is WaitingState.ACCEPTED:
                return await _sitting(tx, place)
            until = await _until(tx, place)
            if until is not None and until <= self.office.clock.now():
                raise TooLate("accept this offer", until)
            place.after(WaitingEvent.ACCEPT)
            if kept is None or kept.id != place.booking:
                raise NotFound("offer", waiting)
            await refuse_unpaid(tx, await context(tx, request))
            return await confirm(self.office, tx, kept, actor)

    async def offer(self) -> int:
        """Go through the line in the order of joining and offer what is free; return how much was.

        Each gets the first free start of their day, held for half an hour, and a letter. May run
        twice, or in several processes: a place is offered one time.
        """
        offered = 0
        fruitless: set[tuple[object, ...]] = set()
        after = (datetime(1970, 1, 1, tzinfo=UTC), "")
        while True:
            async with self.office.store.read() as tx:
                line = await tx.waiting.line(after, LINE_AT_ONCE)
            for place in line:
                offered += await self._offer_to(place, fruitless)
            if len(line) < LINE_AT_ONCE:
                return offered
            after = (line[-1].created, line[-1].id)

    async def _offer_to(self, place: Waiting, fruitless: set[tuple[object, ...]]) -> bool:
        """Offer somebody the first free start of their day; say whether there was one.

        Who wishes the same as one who was found nothing is found nothing: `fruitless` knows.
        """
        office = self.office
        async with office.store.read() as tx:
            asked = await context(tx, place.request)
            wish = (place.first, place.last, asked.assessment.id, asked.request.licence_until)
            if wish in fruitless:
                return False
            starts = await free(office, tx, asked, Window(place.first, place.last))
        try:
            for start in starts:
                if await self._hold(place, start):
                    return True
        except _OvertakenError:
            return False
        if not starts:
            fruitless.add(wish)
        return False

    async def _hold(self, place: Waiting, start: datetime) -> bool:
        try:
            async with self.office.store.write() as tx:
                return await self._hold_for(tx, place, start)
        except SlotNotOffered:
            return False  # the rota is not what it was when it was read

    async def _hold_for(self, tx: Tx, place: Waiting, start: datetime) -> bool:
        office = self.office
        until = office.clock.now() + office.rules.reservation
        await tx.rota.still()
        asked = await context(tx, place.request)
        aim = await wanted(office, tx, asked, Pick(start, place.zone))
        kept = await tx.bookings.take(replace(aim, reserved_until=until))
        if not isinstance(kept, Booking):
            if kept.active is not None:
                raise _OvertakenError
            return False
        # Read anew: an officer on board may have been accepted while this waited for its row.
        fresh = await tx.requests.find(place.request)
        if fresh is None or fresh.state is not RequestState.OPEN:
            raise _OvertakenError
        if not await tx.waiting.save(place.after(WaitingEvent.OFFER, kept.id), place.state):
            raise _OvertakenError
        more = {"until": record.stamp(until), "waiting": place.id}
        await write_to(office, tx, asked, "offer", start, place.zone, more)
        return True


class _OvertakenError(Exception):
    """Somebody needs no offer now: they left the line, hold another time, or need none any more."""


async def _place(tx: Tx, request: str, ident: str) -> Waiting:
    place = await tx.waiting.find(ident)
    if place is None or place.request != request:
        raise NotFound("place in the line", ident)
    return place


async def _until(tx: Tx, place: Waiting) -> datetime | None:
    """Return until when an offer lasts or lasted; None without one, or for who left it."""
    if place.booking is None or place.state is WaitingState.LEFT:
        return None
    one = await tx.bookings.find(place.booking)
    return None if one is None else one.reserved_until


async def _sitting(tx: Tx, place: Waiting) -> Sitting:
    found = None if place.booking is None else await tx.views.sitting_of_booking(place.booking)
    if found is None:
        raise NotFound("booking", place.booking or "")
    return found


def _facts(place: Waiting) -> record.Data:
    return {
        "request": place.request,
        "first": record.stamp(place.first),
        "last": record.stamp(place.last),
    }
