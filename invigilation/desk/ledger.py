"""The ledger: bookings as a scheduler looks for them, where one could go, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from invigilation.charge import Charge
from invigilation.desk.offers import context, wish_of
from invigilation.desk.office import Office
from invigilation.enquiry import Enquiry
from invigilation.errors import NotFound
from invigilation.lanes import midnight
from invigilation.office_hours import DAY, Window
from invigilation.record import Entry
from invigilation.report import Channel
from invigilation.slots import STEP, seats_at
from invigilation.store.audit import Change
from invigilation.store.bookings import LONGEST
from invigilation.store.ledger import Away, Line, OpenRequest, Sought
from invigilation.store.outbox import Sent

BATCH = 500
"""Rows read at once for a file; no transaction stays open while they are sent."""
FOUND_LIMIT = 20
"""So many open requests are listed at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A start that could be taken now, and the ids of the invigilators who are free then."""

    start: datetime
    staff: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trail:
    """All that is known of one booking."""

    changes: list[Change]
    entries: list[Entry]
    letters: list[Sent]
    charges: list[Charge]
    questions: list[Enquiry]


@dataclass(frozen=True, slots=True)
class LedgerDesk:
    """Reads what schedulers look through; it changes nothing."""

    office: Office

    async def between(self, first: datetime, last: datetime) -> list[Line]:
        """Return the bookings that start in that time, reserved ones too, by start."""
        async with self.office.store.read() as tx:
            return await tx.ledger.between(first, last)

    async def away(self, first: datetime, last: datetime) -> list[Away]:
        """Return who is on leave or busy at some time between these moments."""
        async with self.office.store.read() as tx:
            return await tx.ledger.away(first, last)

    async def find(self, booking: str) -> Line:
        """Return a booking of any state; raises `NotFound`."""
        async with self.office.store.read() as tx:
            found = await tx.ledger.find(booking)
        if found is None:
            raise NotFound("booking", booking)
        return found

    async def search(
        self, sought: Sought, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Line]:
        """Return bookings, latest start first; `before` is start and id of the last one seen."""
        async with self.office.store.read() as tx:
            return await tx.ledger.search(sought, limit, before)

    async def every(self, sought: Sought) -> AsyncIterator[list[Line]]:
        """Give all bookings that are sought, in batches."""
        before = None
        while lines := await self.search(sought, BATCH, before):
            yield lines
            before = (lines[-1].start, lines[-1].booking)

    async def assessments(self) -> list[tuple[str, str]]:
        """Return every assessment as (id, title), by title."""
        async with self.office.store.read() as tx:
            return await tx.ledger.assessments()

    async def open_requests(self, words: tuple[str, ...]) -> list[OpenRequest]:
        """Return the newest requests that nothing is booked for, by name, e-mail or reference."""
        async with self.office.store.read() as tx:
            return await tx.ledger.open_requests(words, FOUND_LIMIT)

    async def places(self, request: str, day: date, but: Line | None = None) -> list[Place]:
        """Return where a request could be booked by staff on a day of the office.

        The present time of the booking `but` counts as free.
        """
        zone = self.office.rules.zone
        first, last = midnight(day, zone), midnight(day + DAY, zone)
        async with self.office.store.read() as tx:
            asked = await context(tx, request)
            staffing = await self.office.staffing_at(tx, asked.rota_version)
            holds = await tx.rota.holds(first, last + LONGEST)
        if but is not None:
            mine = (but.seat, but.start)
            holds = tuple(one for one in holds if (one.seat, one.start) != mine)
        wish = wish_of(self.office, asked.request, asked.assessment, by_staff=True)
        length = timedelta(minutes=wish.minutes + wish.buffer_minutes)
        found = []
        for start in (first + n * STEP for n in range((last - first) // STEP)):
            seats = seats_at(staffing, wish, start)
            held = {one.seat for one in holds if one.start < start + length and start < one.until}
            if free := tuple(dict.fromkeys(s.staff for s in seats if s.id not in held)):
                found.append(Place(start, free))
        return found

    async def trail(self, line: Line) -> Trail:
        """Return what became of a booking: changes, its record, letters, charges and questions."""
        async with self.office.store.read() as tx:
            charges = await tx.ledger.charges(line)
            questions = await tx.enquiries.of_request(line.request)
            about = {line.booking, *(one.id for one in charges)}
            about |= {one.id for one in questions}
            about |= set() if line.session is None else {line.session}
            return Trail(
                await tx.audit.of_any(about),
                [] if line.session is None else await tx.sessions.entries(line.session),
                []
                if line.session is None
                else [
                    one
                    for one in await tx.outbox.of_session(line.session)
                    if one.channel is Channel.MAIL
                ],
                charges,
                questions,
            )

    async def changes(
        self,
        window: Window,
        words: str,
        limit: int,
        before: tuple[datetime, str] | None = None,
    ) -> list[Change]:
        """Return the changes in the audit log, newest first; words find names of staff, too."""
        async with self.office.store.read() as tx:
            low = words.casefold()
            people = await tx.people.all_staff() if words else []
            ids = [one.id for one in people if low in one.name.casefold()]
            return await tx.audit.search(
                window.start, window.end, words, limit, ids=ids, before=before
            )

    async def every_change(self, window: Window, words: str) -> AsyncIterator[list[Change]]:
        """Give all changes that are sought, in batches."""
        before = None
        while found := await self.changes(window, words, BATCH, before):
            yield found
            before = (found[-1].at, found[-1].id)

    async def names(self, subjects: set[str]) -> dict[str, str]:
        """Return names for what changes are about, by id: staff, and learners of bookings."""
        async with self.office.store.read() as tx:
            people = {one.id: one.name for one in await tx.people.all_staff()}
            booked = await tx.ledger.bookings_named(subjects)
        return people | {ident: name for ident, (name, _) in booked.items()}
