"""Openings of sealed texts, kept beside the records that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.record import Entry, Opening
from invigilation.store.mapping import load
from invigilation.store.rows import sealed_text

_FIELDS = ("seq", "at", "kind", "actor", "body", "signature", "key_id")
_KEEP = insert(sealed_text)
_ALL = select(sealed_text.c.session, sealed_text.c.seal, sealed_text.c.key, sealed_text.c.text)
_OF = _ALL.where(sealed_text.c.session == bindparam("ident"))


def entry_columns(table: Table, subject: str = "session") -> list[ColumnElement[Any]]:
    """Return the columns of an entry; `subject` names whose record it is."""
    return [table.c[subject], *(table.c[name] for name in _FIELDS)]


def entry_row(entry: Entry, subject: str = "session") -> dict[str, Any]:
    """Return the entry as a row, without its openings."""
    return {subject: entry.session, **{name: getattr(entry, name) for name in _FIELDS}}


def opening_row(session: str, one: Opening) -> dict[str, Any]:
    """Return the opening of a session's (or a form's) seal as a row."""
    return {"session": session, "seal": one.seal, "key": one.key, "text": one.text}


class Openings:
    """Rows of openings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def keep(self, session: str, openings: Iterable[Opening]) -> None:
        """Insert the openings of a session's (or a form's) seals."""
        rows = [opening_row(session, one) for one in openings]
        if rows:
            await self._db.execute(_KEEP, rows)

    async def of(self, session: str) -> list[Opening]:
        """Return what is still kept of a session's (or a form's) openings."""
        rows = await self._db.execute(_OF, {"ident": session})
        return [load(Opening, row[1:]) for row in rows]

    async def opened(self, rows: Sequence[Any]) -> list[Entry]:
        """Return entries of rows selected by `entry_columns`, with their openings."""
        entries = [load(Entry, row) for row in rows]
        subjects = {one.session for one in entries if b'"sealed":{"' in one.body}
        if not subjects:
            return entries
        found = await self._db.execute(_ALL.where(sealed_text.c.session.in_(sorted(subjects))))
        kept = {(row[0], row[1]): load(Opening, row[1:]) for row in found}
        return [
            replace(
                one,
                private=tuple(
                    kept[one.session, seal]
                    for seal in one.seals.values()
                    if (one.session, seal) in kept
                ),
            )
            for one in entries
        ]

    async def forget(self, session: str, seals: Iterable[str] | None = None) -> int:
        """Delete openings, all of a session's or just these; return how many there were."""
        statement = delete(sealed_text).where(sealed_text.c.session == session)
        if seals is not None:
            statement = statement.where(sealed_text.c.seal.in_(sorted(seals)))
        return (await self._db.execute(statement)).rowcount
