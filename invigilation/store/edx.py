"""edX platforms, their exams and attempts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.edx import AttemptState, EdxAttempt, Exam, Platform
from invigilation.report import Channel, DeliveryState
from invigilation.session import SessionState
from invigilation.store.edx_rows import FRESH, edx_attempt, edx_exam, edx_platform
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import booking, delivery, learner, request, session


@dataclass(frozen=True, slots=True)
class Standing:
    """An attempt with its exam and, when there is one, its request."""

    attempt: EdxAttempt
    exam: Exam


class EdxRows:
    """Rows of platforms, exams and attempts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add_platform(self, one: Platform) -> None:
        """Insert a platform; its backend is there."""
        await self._db.execute(insert(edx_platform).values(**dump(one)))

    async def platform(self, backend: str) -> Platform | None:
        """Find the platform that a backend is."""
        query = all_of(edx_platform, Platform).where(edx_platform.c.backend == backend)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Platform, row)

    async def renew(
        self, backend: str, *, secret: bytes | None = None, lms_secret: bytes | None = None
    ) -> bool:
        """Write new secrets of a platform, wrapped; say whether there is such a platform."""
        given = {"secret": secret, "lms_secret": lms_secret}
        values = {name: value for name, value in given.items() if value is not None}
        mine = edx_platform.c.backend == backend
        return (
            await self._db.execute(update(edx_platform).where(mine).values(values))
        ).rowcount == 1

    async def keep_exam(self, one: Exam) -> Exam:
        """Insert an exam, or bring the one of that name up to date; return it with its own id."""
        row = dump(one)
        newer = {name: value for name, value in row.items() if name not in {"id", "backend"}}
        statement = self._insert(edx_exam).values(**row)
        await self._db.execute(
            statement.on_conflict_do_update(
                index_elements=[edx_exam.c.backend, edx_exam.c.lms_id], set_=newer
            )
        )
        query = all_of(edx_exam, Exam).where(
            edx_exam.c.backend == one.backend, edx_exam.c.lms_id == one.lms_id
        )
        return load(Exam, (await self._db.execute(query)).one())

    async def exam(self, backend: str, ident: str) -> Exam | None:
        """Find an exam by our name for it, else by the platform's own."""
        for column in (edx_exam.c.id, edx_exam.c.lms_id):
            query = all_of(edx_exam, Exam).where(edx_exam.c.backend == backend, column == ident)
            row = (await self._db.execute(query)).first()
            if row is not None:
                return load(Exam, row)
        return None

    async def exam_of(self, attempt: EdxAttempt) -> Exam | None:
        """Return the exam of an attempt."""
        query = all_of(edx_exam, Exam).where(edx_exam.c.id == attempt.exam)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Exam, row)

    async def add_attempt(self, one: EdxAttempt) -> EdxAttempt:
        """Insert a fresh attempt, or return the fresh one that its learner has already."""
        statement = (
            self._insert(edx_attempt)
            .values(**dump(one))
            .on_conflict_do_nothing(
                index_elements=[edx_attempt.c.exam, edx_attempt.c.candidate],
                index_where=text(FRESH),
            )
        )
        query = all_of(edx_attempt, EdxAttempt).where(
            edx_attempt.c.exam == one.exam,
            edx_attempt.c.candidate == one.candidate,
            edx_attempt.c.state == AttemptState.CREATED,
        )
        while True:
            await self._db.execute(statement)
            # On PostgreSQL the fresh one may begin between these two statements.
            if row := (await self._db.execute(query)).first():
                return load(EdxAttempt, row)

    async def attempt(self, ident: str, *, hold: bool = False) -> EdxAttempt | None:
        """Find an attempt; with `hold`, nobody else changes it in the meantime."""
        query = all_of(edx_attempt, EdxAttempt).where(edx_attempt.c.id == ident)
        row = (await self._db.execute(query.with_for_update() if hold else query)).first()
        return None if row is None else load(EdxAttempt, row)

    async def save(self, one: EdxAttempt) -> None:
        """Write an attempt's state and request."""
        await self._db.execute(
            update(edx_attempt)
            .where(edx_attempt.c.id == one.id)
            .values(state=one.state, request=one.request)
        )

    async def of_course(self, backend: str, course: str) -> list[Standing]:
        """Return the attempts of a course that are not deleted, newest first."""
        width = len(Exam.__dataclass_fields__)
        query = (
            all_of(edx_exam, Exam)
            .add_columns(*all_of(edx_attempt, EdxAttempt).selected_columns)
            .select_from(edx_attempt)
            .join(edx_exam, edx_attempt.c.exam == edx_exam.c.id)
            .where(
                edx_exam.c.backend == backend,
                edx_exam.c.course == course,
                edx_attempt.c.state != AttemptState.DELETED,
            )
            .order_by(edx_attempt.c.created.desc(), edx_attempt.c.id)
        )
        return [
            Standing(load(EdxAttempt, row[width:]), load(Exam, row[:width]))
            for row in await self._db.execute(query)
        ]

    async def sessions_of(self, backend: str, candidate: str) -> dict[str, SessionState]:
        """Return the state of each session of a learner, by the platform's name for them."""
        query = (
            select(session.c.id, session.c.state)
            .join(booking, session.c.booking == booking.c.id)
            .join(request, booking.c.request == request.c.id)
            .join(learner, request.c.learner == learner.c.id)
            .where(learner.c.backend == backend, learner.c.reference == candidate)
            .order_by(booking.c.start)
        )
        return {row[0]: row[1] for row in await self._db.execute(query)}

    async def forget_letters(
        self, sessions: Collection[str], address: str, instead: str, note: str
    ) -> None:
        """Empty all letters of these sessions to an address, and the address; none leaves more."""
        mine = (
            delivery.c.channel == Channel.MAIL,
            delivery.c.session.in_(sorted(sessions)),
            delivery.c.target == address,
        )
        waiting = delivery.c.state == DeliveryState.PENDING
        stopped = {"state": DeliveryState.DISABLED, "note": note}
        await self._db.execute(update(delivery).where(*mine, waiting).values(stopped))
        bare = {"body": b"", "target": instead}
        await self._db.execute(update(delivery).where(*mine).values(bare))

    async def attempts_of(self, backend: str, candidate: str) -> list[EdxAttempt]:
        """Return a learner's attempts, oldest first."""
        query = (
            all_of(edx_attempt, EdxAttempt)
            .join(edx_exam, edx_attempt.c.exam == edx_exam.c.id)
            .where(edx_exam.c.backend == backend, edx_attempt.c.candidate == candidate)
            .order_by(edx_attempt.c.created)
        )
        return [load(EdxAttempt, row) for row in await self._db.execute(query)]

    async def hurry(self, once: str, now: datetime) -> None:
        """Let the deliveries that were made under names that begin so leave at once."""
        await self._db.execute(
            update(delivery)
            .where(
                delivery.c.once.startswith(once, autoescape=True),
                delivery.c.state == DeliveryState.PENDING,
            )
            .values(next_at=now)
        )
