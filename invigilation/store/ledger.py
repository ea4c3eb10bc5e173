"""What the scheduler looks through: bookings of every state, who is away, what is still open.

Unlike `views`, this also knows bookings that have no session yet (reserved ones). Reading only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import BookingState
from invigilation.charge import Charge
from invigilation.request import RequestState
from invigilation.session import SessionState
from invigilation.store.calendar_rows import busy, leave
from invigilation.store.columns import Utc
from invigilation.store.mapping import all_of, load
from invigilation.store.paper_rows import charge
from invigilation.store.rows import assessment, booking, learner, request, session, staff

WORDS_LIMIT = 5
"""So many words of a search are looked for; the others are left out."""
FEW = 500
"""So many requests at most are looked up by a word before their bookings are read."""
BOOKING_PREFIX = "bk_"
"""How the id of a booking begins."""


@dataclass(frozen=True, slots=True)
class Line:
    """One booking, flat; times are aware UTC. A reserved one has no session.

    `staff` is who really invigilates: whoever took the session over, else whom the booking names.
    """

    booking: str
    state: BookingState
    sequence: int
    start: datetime
    end: datetime
    zone: str
    placed: datetime
    reserved_until: datetime | None
    session: str | None
    session_state: SessionState | None
    seat: str
    staff: str
    staff_name: str
    request: str
    reference: str
    learner: str
    learner_name: str
    learner_email: str
    title: str
    minutes: int

    @property
    def movable(self) -> bool:
        """Whether it still may be put elsewhere: booked, and nobody has come yet."""
        return self.state is BookingState.BOOKED and self.session_state is SessionState.SCHEDULED


@dataclass(frozen=True, slots=True)
class Sought:
    """What a list of bookings is narrowed to; nothing given means all.

    Every word must be part of the learner's name, the e-mail address or the request's reference,
    or be the booking's id. `first` and `last` bound the start, `last` not included; aware.
    """

    words: tuple[str, ...] = ()
    state: BookingState | None = None
    staff: str = ""
    assessment: str = ""
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """Time when a person is away: by leave, or `busy` by their own calendar. Aware UTC."""

    staff: str
    start: datetime
    end: datetime
    busy: bool


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that has no booking yet."""

    id: str
    reference: str
    learner_name: str
    learner_email: str
    title: str
    minutes: int
    licence_until: datetime
    created: datetime


_INVIGILATOR = func.coalesce(session.c.invigilator, booking.c.staff)
_LINE: Select[Any] = (
    select(
        booking.c.id,
        booking.c.state,
        booking.c.sequence,
        booking.c.start,
        booking.c.end,
        booking.c.zone,
        booking.c.placed,
        booking.c.reserved_until,
        session.c.id,
        session.c.state,
        booking.c.seat,
        staff.c.id,
        staff.c.name,
        request.c.id,
        request.c.reference,
        learner.c.id,
        learner.c.name,
        learner.c.email,
        assessment.c.title,
        assessment.c.minutes,
    )
    .select_from(booking)
    .outerjoin(session, session.c.booking == booking.c.id)
    .join(staff, staff.c.id == _INVIGILATOR)
    .join(request, booking.c.request == request.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .join(assessment, request.c.assessment == assessment.c.id)
)


class Ledger:
    """Wide readings over bookings, for a scheduler."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def find(self, booking_id: str) -> Line | None:
        """Find a booking."""
        row = (await self._db.execute(_LINE.where(booking.c.id == booking_id))).first()
        return None if row is None else load(Line, row)

    async def between(self, first: datetime, last: datetime) -> list[Line]:
        """Return the bookings that start from `first` to before `last`, without lapsed ones."""
        query = _LINE.where(
            booking.c.start >= first,
            booking.c.start < last,
            booking.c.state != BookingState.LAPSED,
        )
        return await self._lines(query.order_by(booking.c.start, booking.c.id))

    async def search(
        self, sought: Sought, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Line]:
        """Return bookings, latest start first; `before` is start and id of the last one seen."""
        words = [await self._meant(word) for word in sought.words[:WORDS_LIMIT]]
        query = _LINE.where(*words, *_conditions(sought))
        if sought.staff:
            mine = literal(sought.staff) == _INVIGILATOR
            query = query.where(await self._with(sought.staff), mine)
        if before is not None:
            here = tuple_(literal(before[0], Utc), literal(before[1]))
            query = query.where(tuple_(booking.c.start, booking.c.id) < here)
        order = (booking.c.start.desc(), booking.c.id.desc())
        return await self._lines(query.order_by(*order).limit(limit))

    async def _meant(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a word makes, such that its search is quick.

        A word that few requests have is looked up first; one that many have will soon be met on
        the way from the latest booking down.
        """
        if word.lower().startswith(BOOKING_PREFIX):
            return booking.c.id == word.lower()
        named = select(request.c.id).join(learner, request.c.learner == learner.c.id)
        queries = (
            named.where(_has(word, learner.c.name, learner.c.email)),
            select(request.c.id).where(_has(word, request.c.reference)),
        )
        idents: set[str] = set()
        for query in queries:
            idents |= {row[0] for row in await self._db.execute(query.limit(FEW + 1))}
            if len(idents) > FEW:
                return _about(word)
        return booking.c.request.in_(idents)

    async def _with(self, staff_id: str) -> ColumnElement[bool]:
        """Return which bookings may be somebody's: their own, and those handed over to them."""
        handed = select(session.c.booking).where(session.c.invigilator == staff_id)
        idents = [row[0] for row in await self._db.execute(handed.limit(FEW + 1))]
        own = booking.c.staff == staff_id
        if not idents:
            return own
        return or_(own, booking.c.id.in_(handed if len(idents) > FEW else idents))

    async def away(self, first: datetime, last: datetime) -> list[Away]:
        """Return who is away at some time between these moments, earliest first."""
        kinds = ((leave, False), (busy, True))
        found = union_all(
            *(
                select(table.c.staff, table.c.start, table.c.end, literal(kind)).where(
                    table.c.start < last, table.c.end > first
                )
                for table, kind in kinds
            )
        )
        rows = [Away(*row) for row in await self._db.execute(found)]
        return sorted(rows, key=lambda one: (one.start, one.staff))

    async def open_requests(self, words: tuple[str, ...], limit: int) -> list[OpenRequest]:
        """Return requests that nothing is booked for, newest first."""
        query = (
            select(
                request.c.id,
                request.c.reference,
                learner.c.name,
                learner.c.email,
                assessment.c.title,
                assessment.c.minutes,
                request.c.licence_until,
                request.c.created,
            )
            .join(learner, request.c.learner == learner.c.id)
            .join(assessment, request.c.assessment == assessment.c.id)
            .where(request.c.state == RequestState.OPEN)
            .where(*(_about(word) for word in words[:WORDS_LIMIT]))
        )
        rows = await self._db.execute(query.order_by(request.c.created.desc()).limit(limit))
        return [load(OpenRequest, row) for row in rows]

    async def assessments(self) -> list[tuple[str, str]]:
        """Return every assessment as (id, title), by title."""
        query = select(assessment.c.id, assessment.c.title)
        rows = await self._db.execute(query.order_by(assessment.c.title, assessment.c.id))
        return [(row[0], row[1]) for row in rows]

    async def charges(self, line: Line) -> list[Charge]:
        """Return the charges of a booking and of its request, oldest first."""
        mine = or_(charge.c.booking == line.booking, charge.c.request == line.request)
        rows = await self._db.execute(all_of(charge, Charge).where(mine).order_by(charge.c.created))
        return [load(Charge, row) for row in rows]

    async def bookings_named(self, idents: set[str]) -> dict[str, tuple[str, datetime]]:
        """Return learner's name and start, by the booking's id."""
        query = (
            select(booking.c.id, learner.c.name, booking.c.start)
            .join(request, booking.c.request == request.c.id)
            .join(learner, request.c.learner == learner.c.id)
            .where(booking.c.id.in_(idents))
        )
        return {row[0]: (row[1], row[2]) for row in await self._db.execute(query)}

    async def _lines(self, query: Select[Any]) -> list[Line]:
        return [load(Line, row) for row in await self._db.execute(query)]


def _has(word: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(*(one.icontains(word, autoescape=True) for one in columns))


def _about(word: str) -> ColumnElement[bool]:
    return _has(word, learner.c.name, learner.c.email, request.c.reference)


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.state is not None:
        found.append(booking.c.state == sought.state)
    if sought.assessment:
        # Not a plain comparison: SQLite would begin with all requests of the assessment.
        found.append(func.coalesce(request.c.assessment, "") == sought.assessment)
    if sought.first is not None:
        found.append(booking.c.start >= sought.first)
    if sought.last is not None:
        found.append(booking.c.start < sought.last)
    return found
