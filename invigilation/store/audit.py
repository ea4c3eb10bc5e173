"""The audit log: every change that people make in the office, with what was and what is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import audit


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `subject` names what was changed; `before` and `after` are JSON, or None."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    before: str | None
    after: str | None


class Audit:
    """Rows of changes; they are only ever added."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Change) -> None:
        """Insert a change."""
        await self._db.execute(insert(audit).values(**dump(one)))

    async def of(self, subject: str) -> list[Change]:
        """Return what happened to a subject, oldest first."""
        query = all_of(audit, Change).where(audit.c.subject == subject)
        rows = await self._db.execute(query.order_by(audit.c.at, audit.c.id))
        return [load(Change, row) for row in rows]

    async def search(
        self, first: datetime, last: datetime, words: str = "", limit: int = 500
    ) -> list[Change]:
        """Return the changes from `first` to before `last`, newest first.

        `words` must be part of the actor, the action or the subject.
        """
        query = all_of(audit, Change).where(audit.c.at >= first, audit.c.at < last)
        if words:
            columns = (audit.c.actor, audit.c.action, audit.c.subject)
            query = query.where(or_(*(one.icontains(words, autoescape=True) for one in columns)))
        rows = await self._db.execute(query.order_by(audit.c.at.desc(), audit.c.id).limit(limit))
        return [load(Change, row) for row in rows]
