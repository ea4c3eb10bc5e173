"""What ties records to the world outside: anchors, and the lists that wait for a timestamp."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation import record
from invigilation.anchor import AnchorKind, AnchorList
from invigilation.store.anchor_rows import anchor, anchor_leaf, anchor_list
from invigilation.store.mapping import all_of, dump, load
from invigilation.store.paper_rows import onboard
from invigilation.store.rows import session

_DIGITS = 36


@dataclass(frozen=True, slots=True)
class Leaf:
    """One record in a list: whose, and the head of its chain (hex) as it was attested."""

    session: str
    head: str


class Anchors:
    """Rows of anchors and of the daily lists of heads."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add(
        self, ident: str, kind: AnchorKind | str, at: datetime, body: Mapping[str, Any]
    ) -> bool:
        """Keep an anchor of a session's (or a form's) record; say whether it is new.

        `body` is what stands in the record beside `kind` and `at`, which are put there by `of`.
        The same anchor may come again, as a reply does that was lost: it is kept once.
        """
        text = record.canonical(dict(body)).decode()
        named = record.canonical([ident, kind, text])
        row = {
            "id": f"anc_{hashlib.sha256(named).hexdigest()[:_DIGITS]}",
            "session": ident,
            "kind": kind,
            "at": at,
            "body": text,
        }
        statement = self._insert(anchor).values(row).on_conflict_do_nothing()
        return (await self._db.execute(statement)).rowcount == 1

    async def of(self, ident: str) -> list[dict[str, Any]]:
        """Return the anchors of a record as they stand in its file, oldest first."""
        query = select(anchor.c.kind, anchor.c.at, anchor.c.body).where(anchor.c.session == ident)
        rows = await self._db.execute(query.order_by(anchor.c.at, anchor.c.id))
        return [
            json.loads(row.body) | {"kind": row.kind.value, "at": record.stamp(row.at)}
            for row in rows
        ]

    async def unlisted(self, limit: int) -> list[tuple[str, bytes]]:
        """Return attested sessions and forms that stand in no list, with their attestations."""
        found: list[tuple[str, bytes]] = []
        for table in (session, onboard):
            query = select(table.c.id, table.c.attestation).where(
                table.c.attestation.is_not(None),
                ~exists().where(anchor_leaf.c.session == table.c.id),
            )
            rows = await self._db.execute(query.order_by(table.c.id).limit(limit - len(found)))
            found += [(row[0], row[1]) for row in rows]
        return found

    async def add_list(self, one: AnchorList, leaves: Iterable[Leaf]) -> bool:
        """Insert a day's list, unless the day has one; say whether it was inserted."""
        statement = self._insert(anchor_list).values(dump(one)).on_conflict_do_nothing()
        if (await self._db.execute(statement)).rowcount != 1:
            return False
        rows = [
            {"list": one.id, "position": position} | dump(leaf)
            for position, leaf in enumerate(leaves)
        ]
        await self._db.execute(self._insert(anchor_leaf), rows)
        return True

    async def listed(self, day: str) -> bool:
        """Say whether a day has its list."""
        query = select(anchor_list.c.id).where(anchor_list.c.day == day)
        return (await self._db.execute(query)).first() is not None

    async def unstamped(self) -> list[AnchorList]:
        """Return the lists that no authority has signed yet, oldest first."""
        query = all_of(anchor_list, AnchorList).where(anchor_list.c.stamped.is_(None))
        return [load(AnchorList, row) for row in await self._db.execute(query.order_by("day"))]

    async def leaves(self, ident: str) -> list[Leaf]:
        """Return a list's leaves in their order."""
        query = all_of(anchor_leaf, Leaf).where(anchor_leaf.c.list == ident)
        rows = await self._db.execute(query.order_by(anchor_leaf.c.position))
        return [load(Leaf, row) for row in rows]

    async def change(self, before: AnchorList, after: AnchorList) -> bool:
        """Write how a list stands now, if it still stands as `before`; say whether it did."""
        done = await self._db.execute(
            update(anchor_list)
            .where(
                anchor_list.c.id == before.id,
                anchor_list.c.attempts == before.attempts,
                anchor_list.c.stamped.is_(None),
            )
            .values(**dump(after))
        )
        return done.rowcount == 1
