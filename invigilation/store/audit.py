"""The audit log: every change that people make in the office, with what was and what is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation import record
from invigilation.store.chains import AUDIT, PAGE, Chain
from invigilation.store.columns import Utc
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import audit, audit_seal

WORDS = ("reason", "answer")
"""Members of notes that hold what somebody wrote."""
NAMED = ("name", "email", "learner_name", "learner_email", "address")
"""Members of notes that name a person."""
PRIVATE = frozenset({*WORDS, *NAMED, "note"})
"""Whatever of a note may have to be erased one day: only a seal of it enters the chain."""


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


@dataclass(frozen=True, slots=True)
class Sealed:
    """A change whose entry of the chain has the number `seq`; `keys` open the seals in it.

    By the names of the seals, in hexadecimal; of what was erased there is none.
    """

    change: Change
    seq: int
    keys: Mapping[str, str]


class Audit:
    """Rows of changes; they are only ever added. `chain` has an entry for each that is sealed."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self.chain = Chain(connection, AUDIT)

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

    async def unsealed(self, limit: int) -> list[Change]:
        """Return changes that have no entry in the chain yet, oldest first.

        On PostgreSQL they stay as they are until the transaction ends; what somebody else is about
        to change comes the next time.
        """
        query = all_of(audit, Change).where(audit.c.seq.is_(None)).order_by(audit.c.at, audit.c.id)
        rows = await self._db.execute(query.limit(limit).with_for_update(skip_locked=True))
        return [load(Change, row) for row in rows]

    async def seal(self, sealed: Sequence[Sealed]) -> None:
        """Note of changes which entry each has, and what opens it."""
        changed = update(audit).where(audit.c.id == bindparam("ident"))
        values = [
            {"ident": one.change.id, "number": one.seq, "opened": json.dumps(dict(one.keys))}
            for one in sealed
        ]
        how = changed.values(seq=bindparam("number"), opens=bindparam("opened"))
        await self._db.execute(how, values)

    async def sealed(self, until: int) -> AsyncIterator[Sealed]:
        """Yield the changes that say they are in the chain up to entry `until`, in its order."""
        last = None
        while True:
            query = select(*(audit.c[name] for name in _NAMES), audit.c.seq, audit.c.opens)
            query = query.where(audit.c.seq <= until)
            if last is not None:
                query = query.where(audit.c.seq > last)
            rows = (await self._db.execute(query.order_by(audit.c.seq).limit(PAGE))).all()
            for row in rows:
                yield Sealed(Change(*row[:-2]), row[-2], _opened(row[-1]))
            if len(rows) < PAGE:
                return
            last = rows[-1].seq

    async def beyond(self) -> list[str]:
        """Return the ids of changes that say they are in the chain, behind its end."""
        end = select(func.coalesce(func.max(audit_seal.c.seq), 0)).scalar_subquery()
        query = select(audit.c.id).where(audit.c.seq > end).order_by(audit.c.seq).limit(PAGE)
        return [row[0] for row in await self._db.execute(query)]

    async def waiting(self, before: datetime | None) -> tuple[int, list[str]]:
        """Return how many changes are not in the chain, and the ids of those older than `before`.

        At most `PAGE` of these.
        """
        count = select(func.count()).select_from(audit).where(audit.c.seq.is_(None))
        waiting = (await self._db.execute(count)).scalar_one()
        if before is None:
            return waiting, []
        late = select(audit.c.id).where(audit.c.seq.is_(None), audit.c.at < before)
        rows = await self._db.execute(late.order_by(audit.c.at, audit.c.id).limit(PAGE))
        return waiting, [row[0] for row in rows]

    async def forget(self, where: ColumnElement[bool], members: Collection[str]) -> None:
        """Empty these members of changes, and destroy what opens their seals."""
        query = select(audit.c.id, audit.c.before, audit.c.after, audit.c.opens).where(where)
        for row in (await self._db.execute(query)).all():
            sides = {"before": _without(row.before, members), "after": _without(row.after, members)}
            if sides == {"before": row.before, "after": row.after}:
                continue
            keys = {
                name: key
                for name, key in _opened(row.opens).items()
                if name.partition(".")[2] not in members
            }
            said = {**sides, "opens": None if row.opens is None else json.dumps(keys)}
            await self._db.execute(update(audit).where(audit.c.id == row.id).values(**said))


_NAMES = ("id", "at", "actor", "action", "subject", "before", "after")


def _opened(keys: str | None) -> dict[str, str]:
    """Return the keys as they lie in a row; none where somebody has changed them into nonsense."""
    try:
        said = json.loads(keys or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _without(noted: str | None, members: Collection[str]) -> str | None:
    """Return what is noted, with these members empty."""
    said = None if noted is None else json.loads(noted)
    if not isinstance(said, dict) or not any(said.get(name) for name in members):
        return noted
    return record.canonical(said | {name: "" for name in members if said.get(name)}).decode()
