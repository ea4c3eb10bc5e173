"""The audit log: every change that people make in the office, with what was and what is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, literal, or_, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.columns import Utc
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

    async def of_any(self, subjects: set[str]) -> list[Change]:
        """Return what happened to any of these subjects, oldest first."""
        query = all_of(audit, Change).where(audit.c.subject.in_(subjects))
        rows = await self._db.execute(query.order_by(audit.c.at, audit.c.id))
        return [load(Change, row) for row in rows]

    async def search(
        self,
        first: datetime,
        last: datetime,
        words: str = "",
        limit: int = 500,
        *,
        ids: Sequence[str] = (),
        before: tuple[datetime, str] | None = None,
    ) -> list[Change]:
        """Return the changes from `first` to before `last`, newest first.

        `words` must be part of the actor, the action, the subject or what was or is; or one of
        `ids` (such as those of people called so) part of the actor or be the subject. `before` is
        moment and id of the last change that was seen already.
        """
        query = all_of(audit, Change).where(audit.c.at >= first, audit.c.at < last)
        if words:
            columns = (
                audit.c.actor,
                audit.c.action,
                audit.c.subject,
                audit.c.before,
                audit.c.after,
            )
            found = [one.icontains(words, autoescape=True) for one in columns]
            found += [audit.c.actor.endswith(f":{one}", autoescape=True) for one in ids]
            query = query.where(or_(*found, audit.c.subject.in_(ids)))
        if before is not None:
            here = tuple_(literal(before[0], Utc), literal(before[1]))
            query = query.where(tuple_(audit.c.at, audit.c.id) < here)
        order = (audit.c.at.desc(), audit.c.id.desc())
        rows = await self._db.execute(query.order_by(*order).limit(limit))
        return [load(Change, row) for row in rows]
