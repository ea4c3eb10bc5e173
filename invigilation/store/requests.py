"""Requests and assessments."""

from __future__ import annotations

from sqlalchemy import bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.request import Assessment, Request, RequestState
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import assessment, request

_SET_STATE = (
    update(request)
    .where(request.c.id == bindparam("ident"))
    .values(state=bindparam("new_state", type_=request.c.state.type))
)
_STEP = _SET_STATE.where(request.c.state == bindparam("was", type_=request.c.state.type))


class Requests:
    """Rows of requests and of what can be sat."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add_assessment(self, one: Assessment) -> bool:
        """Insert an assessment unless the backend has one of that code; say whether it was."""
        statement = self._insert(assessment).values(**dump(one))
        done = await self._db.execute(
            statement.on_conflict_do_nothing(
                index_elements=[assessment.c.backend, assessment.c.code]
            )
        )
        return done.rowcount == 1

    async def update_assessment(self, one: Assessment) -> None:
        """Write an assessment's title, length and materials."""
        await self._db.execute(
            update(assessment)
            .where(assessment.c.id == one.id)
            .values(title=one.title, minutes=one.minutes, materials=one.materials)
        )

    async def assessment(self, ident: str) -> Assessment | None:
        """Find an assessment."""
        query = all_of(assessment, Assessment).where(assessment.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Assessment, row)

    async def assessment_coded(self, backend: str, code: str) -> Assessment | None:
        """Find a backend's assessment by its code."""
        query = all_of(assessment, Assessment).where(
            assessment.c.backend == backend, assessment.c.code == code
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Assessment, row)

    async def assessments(self, backend: str) -> list[Assessment]:
        """Return a backend's assessments, by title."""
        query = all_of(assessment, Assessment).where(assessment.c.backend == backend)
        rows = await self._db.execute(query.order_by(assessment.c.title))
        return [load(Assessment, row) for row in rows]

    async def add(self, one: Request) -> bool:
        """Insert a request unless the backend has one of that reference; say whether it was."""
        statement = self._insert(request).values(**dump(one))
        done = await self._db.execute(statement.on_conflict_do_nothing())
        return done.rowcount == 1

    async def find(self, ident: str) -> Request | None:
        """Find a request."""
        row = (
            await self._db.execute(all_of(request, Request).where(request.c.id == ident))
        ).first()
        return None if row is None else load(Request, row)

    async def known_as(self, backend: str, reference: str) -> Request | None:
        """Find a request by the backend's own name for it."""
        query = all_of(request, Request).where(
            request.c.backend == backend, request.c.reference == reference
        )
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Request, row)

    async def set_state(self, ident: str, state: RequestState) -> None:
        """Write the request's state."""
        await self._db.execute(_SET_STATE, {"ident": ident, "new_state": state})

    async def step(self, ident: str, was: RequestState, state: RequestState) -> bool:
        """Write the request's state if it is still as it was read; say whether it was.

        What was read may be old where the transaction has waited for another since.
        """
        row = {"ident": ident, "was": was, "new_state": state}
        return (await self._db.execute(_STEP, row)).rowcount == 1
