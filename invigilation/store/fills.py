"""What learners' own devices told and brought, and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.fill import OUTSTANDING, Chunk, Fill
from invigilation.store.fill_rows import gap_fill, local_chunk, local_recording
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import booking, session

_IDENT = bindparam("ident", type_=String)
# A room asks for these after each change: they are built once.
FILLS = all_of(gap_fill, Fill).where(gap_fill.c.session == _IDENT)
_CHUNKS = (
    all_of(local_chunk, Chunk)
    .where(local_chunk.c.session == _IDENT)
    .order_by(local_chunk.c.recording, local_chunk.c.n)
)


@dataclass(frozen=True, slots=True)
class Local:
    """A recording on a device: how many links of its chain are known, and its head (hex).

    `noted` is when the record last named that head.
    """

    session: str
    recording: str
    begun: datetime
    links: int
    head: str
    noted: datetime | None = None


_LOCALS = (
    all_of(local_recording, Local)
    .where(local_recording.c.session == _IDENT)
    .order_by(local_recording.c.begun, local_recording.c.recording)
)


class Fills:
    """Rows of recordings on devices, chunks and fills; whoever changes them holds the session."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def locals(self, session: str) -> list[Local]:
        """Return a session's recordings in the order in which they were first told."""
        rows = await self._db.execute(_LOCALS, {"ident": session})
        return [load(Local, row) for row in rows]

    async def session_of(self, request: str, recording: str) -> str | None:
        """Return the session of one of a request's recordings."""
        query = (
            select(session.c.id)
            .join(booking, booking.c.id == session.c.booking)
            .join(local_recording, local_recording.c.session == session.c.id)
            .where(booking.c.request == request, local_recording.c.recording == recording)
            .order_by(booking.c.start.desc())
        )
        return (await self._db.execute(query.limit(1))).scalar_one_or_none()

    async def keep_local(self, one: Local) -> None:
        """Write a recording as it now is."""
        values = dump(one)
        statement = self._insert(local_recording).values(**values)
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=["session", "recording"], set_=values)
        )

    async def chunks(self, session: str) -> list[Chunk]:
        """Return all chunks of a session that are known, by recording and number."""
        rows = await self._db.execute(_CHUNKS, {"ident": session})
        return [load(Chunk, row) for row in rows]

    async def add_chunks(self, told: Sequence[Chunk]) -> None:
        """Insert chunks that were told."""
        if told:
            await self._db.execute(insert(local_chunk), [dump(one) for one in told])

    async def keep_chunk(self, one: Chunk) -> None:
        """Write which piece of evidence a chunk has become."""
        await self._db.execute(
            update(local_chunk)
            .where(
                local_chunk.c.session == one.session,
                local_chunk.c.recording == one.recording,
                local_chunk.c.n == one.n,
            )
            .values(evidence=one.evidence)
        )

    async def of_session(self, session: str) -> list[Fill]:
        """Return a session's fills; a gap of which nothing was told has none."""
        rows = await self._db.execute(FILLS, {"ident": session})
        return [load(Fill, row) for row in rows]

    async def save(self, one: Fill) -> None:
        """Write a fill as it now is."""
        values = dump(one)
        statement = self._insert(gap_fill).values(**values)
        await self._db.execute(statement.on_conflict_do_update(index_elements=["gap"], set_=values))

    async def outstanding(self) -> list[str]:
        """Return the sessions of which something is still on a learner's device."""
        query = select(func.distinct(gap_fill.c.session)).where(gap_fill.c.state.in_(OUTSTANDING))
        return [row[0] for row in await self._db.execute(query)]
