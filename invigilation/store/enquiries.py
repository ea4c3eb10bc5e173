"""Questions of learners, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.booking import BookingState
from invigilation.enquiry import Enquiry, EnquiryKind
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.paper_rows import enquiry
from invigilation.store.rows import assessment, booking, learner, request, staff

HISTORY = 200
"""So many answered questions a list shows at the most."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with who asks and what it is about; `booking_state` and `start` if it has one.

    `answered_by` is the name of whoever wrote the answer.
    """

    enquiry: Enquiry
    name: str
    email: str
    zone: str
    title: str
    booking_state: BookingState | None
    start: datetime | None
    answered_by: str | None


class Enquiries:
    """Rows of questions."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def count_open(self, request_id: str) -> int:
        """Return how many of a request's questions have no answer; others wait until the end."""
        # Two letters at once must not both see room for the last one.
        await self._db.execute(
            select(request.c.id).where(request.c.id == request_id).with_for_update(key_share=True)
        )
        query = select(func.count()).where(
            enquiry.c.request == request_id, enquiry.c.answered.is_(None)
        )
        return int((await self._db.execute(query)).scalar_one())

    async def add(self, one: Enquiry) -> None:
        """Insert a question."""
        await self._db.execute(insert(enquiry).values(**dump(one)))

    async def of_request(self, request_id: str) -> list[Enquiry]:
        """Return a request's questions, oldest first."""
        query = all_of(enquiry, Enquiry).where(enquiry.c.request == request_id)
        rows = await self._db.execute(query.order_by(enquiry.c.created, enquiry.c.id))
        return [load(Enquiry, row) for row in rows]

    async def disputed(self, booking_id: str) -> bool:
        """Say whether a dispute over a booking waits for its answer."""
        query = select(enquiry.c.id).where(
            enquiry.c.booking == booking_id,
            enquiry.c.kind == EnquiryKind.DISPUTE,
            enquiry.c.answered.is_(None),
        )
        return (await self._db.execute(query)).first() is not None

    async def find(self, ident: str) -> Question | None:
        """Find a question."""
        return next(iter(await self._many(_QUESTION.where(enquiry.c.id == ident))), None)

    async def open(self) -> list[Question]:
        """Return all questions without an answer, oldest first."""
        unanswered: ColumnElement[bool] = enquiry.c.answered.is_(None)
        order = (enquiry.c.created, enquiry.c.id)
        return await self._many(_QUESTION.where(unanswered).order_by(*order))

    async def answered(self, limit: int = HISTORY) -> list[Question]:
        """Return the questions that were answered last, newest first."""
        query = _QUESTION.where(enquiry.c.answered.is_not(None))
        order = (enquiry.c.answered.desc(), enquiry.c.id)
        return await self._many(query.order_by(*order).limit(limit))

    async def answer(self, one: Enquiry) -> bool:
        """Write the answer, unless there is one already; say whether it was written."""
        done = await self._db.execute(
            update(enquiry)
            .where(enquiry.c.id == one.id, enquiry.c.answered.is_(None))
            .values(answer=one.answer, answered_by=one.answered_by, answered=one.answered)
        )
        return done.rowcount == 1

    async def _many(self, query: Select[Any]) -> list[Question]:
        size = len(_ENQUIRY)
        return [
            Question(load(Enquiry, row[:size]), *row[size:])
            for row in await self._db.execute(query)
        ]


_ENQUIRY = columns(enquiry, Enquiry)
_QUESTION: Select[Any] = (
    select(
        *_ENQUIRY,
        learner.c.name,
        learner.c.email,
        func.coalesce(booking.c.zone, learner.c.zone),
        assessment.c.title,
        booking.c.state,
        booking.c.start,
        staff.c.name,
    )
    .select_from(enquiry)
    .join(request, enquiry.c.request == request.c.id)
    .join(learner, request.c.learner == learner.c.id)
    .join(assessment, request.c.assessment == assessment.c.id)
    .outerjoin(booking, enquiry.c.booking == booking.c.id)
    .outerjoin(staff, enquiry.c.answered_by == staff.c.id)
)
