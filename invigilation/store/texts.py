"""What people wrote, wherever it lies in plain words: to be erased when its time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, delete, func, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.report import DeliveryState
from invigilation.store.identity_rows import challenge, document_mark, face_mark, recheck
from invigilation.store.openings import Openings
from invigilation.store.paper_rows import onboard
from invigilation.store.rows import (
    chat,
    delivery,
    gap,
    identity_check,
    incident,
    inspection,
    sealed_text,
    session,
)
from invigilation.store.sessions import Sessions

NOTED: tuple[Table, ...] = (incident, gap, inspection, challenge, recheck)
"""Tables of what happened in a session; each row has a note."""
AT_REST = (DeliveryState.DELIVERED, DeliveryState.DISABLED)


class Texts:
    """The texts of sessions and of officers' forms, in the rows and in the openings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._openings = Openings(connection)
        self._sessions = Sessions(connection)

    async def chats(self, before: datetime, limit: int) -> list[str]:
        """Return sessions that ended before and whose chat is still there."""
        query = select(session.c.id).where(
            session.c.finished < before,
            select(chat.c.session).where(chat.c.session == session.c.id).exists(),
        )
        return await self._idents(query.limit(limit))

    async def old(self, before: datetime, limit: int) -> list[str]:
        """Return sessions that ended, and forms that came, before, and have openings."""
        kept = sealed_text.c.session
        sessions = select(session.c.id).where(
            session.c.finished < before, session.c.id.in_(select(kept))
        )
        forms = select(onboard.c.id).where(
            onboard.c.submitted < before, onboard.c.id.in_(select(kept))
        )
        return await self._idents(select(union(sessions, forms).subquery().c.id).limit(limit))

    async def under_way(self, ident: str) -> bool:
        """Say whether something about a session or a form has still to arrive somewhere."""
        query = select(func.count()).where(
            delivery.c.session == ident, delivery.c.state.not_in(AT_REST)
        )
        return bool((await self._db.execute(query)).scalar_one())

    async def forget_chat(self, ident: str) -> int:
        """Delete a session's chat; return how many openings went."""
        await self._db.execute(delete(chat).where(chat.c.session == ident))
        return await self._forget_of(ident, "chat", "notice")

    async def forget_reading(self, ident: str) -> int:
        """Delete what was read of a session's document; return how many openings went."""
        await self._db.execute(
            update(identity_check)
            .where(identity_check.c.session == ident)
            .values(reading=None, likeness=None)
        )
        return await self._forget_of(ident, "document_read", "likeness")

    async def forget(self, ident: str) -> int:
        """Delete all texts and names of a session or a form; return how many openings went.

        What was sent about it is emptied, too, and cannot be sent again.
        """
        await self.forget_chat(ident)
        for table in NOTED:
            await self._db.execute(update(table).where(table.c.session == ident).values(note=""))
        await self._db.execute(
            update(identity_check)
            .where(identity_check.c.session == ident)
            .values(reason=None, referred_reason=None, reading=None, likeness=None)
        )
        mine = session.c.id == ident
        # With the key go the commitments of entries before version 3.
        await self._db.execute(update(session).where(mine).values(reason=None, secret=b""))
        stated = session.c.statement.is_not(None)
        await self._db.execute(update(session).where(mine, stated).values(statement=""))
        await self._db.execute(
            update(onboard)
            .where(onboard.c.id == ident)
            .values(officer="", rank_words="", vessel="", reason=None)
        )
        for table in (document_mark, face_mark):
            await self._db.execute(delete(table).where(table.c.session == ident))
        await self._db.execute(
            update(delivery)
            .where(delivery.c.session == ident, delivery.c.state.in_(AT_REST))
            .values(body=b"")
        )
        return await self._openings.forget(ident)

    async def _forget_of(self, ident: str, *kinds: str) -> int:
        entries = await self._sessions.entries_of(ident, *kinds)
        return await self._openings.forget(
            ident, [seal for one in entries for seal in one.seals.values()]
        )

    async def _idents(self, query: Select[Any]) -> list[str]:
        return [row[0] for row in await self._db.execute(query)]
