"""What people wrote, wherever it lies in plain words: to be erased when its time is over."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, and_, delete, func, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation import record
from invigilation.report import Channel, DeliveryState
from invigilation.store.audit import WORDS, Audit
from invigilation.store.device_rows import learner_device
from invigilation.store.fill_rows import gap_fill
from invigilation.store.identity_rows import challenge, document_mark, face_mark, recheck
from invigilation.store.looks import Looks
from invigilation.store.openings import Openings
from invigilation.store.paper_rows import audit, enquiry, onboard
from invigilation.store.probes import Probes
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

NOTED: tuple[Table, ...] = (incident, gap, inspection, challenge, recheck, gap_fill)
"""Tables of what happened in a session; each row has a note."""
AT_REST = (DeliveryState.DELIVERED, DeliveryState.DISABLED)


class Texts:
    """The texts of sessions and of officers' forms, in the rows and in the openings."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._openings = Openings(connection)
        self._sessions = Sessions(connection)
        self._probes = Probes(connection)

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
        gone = await self._forget_of(ident, "document_read")
        return gone + await self.forget_likeness(ident)

    async def forget_likeness(self, ident: str) -> int:
        """Delete how alike faces were found: in the record, the attestation, and what was sent.

        Return how many openings went.
        """
        entries = await self._sessions.entries_of(ident, "likeness")
        seals = {seal for one in entries for seal in one.seals.values()}
        attested = await self._sessions.sealed(ident)
        if attested is not None:
            identity = record.payload_of(attested.attestation).get("identity") or {}
            seals.update(record.seals_in(identity.get("likeness")))
        await self._unsend(ident, seals)
        return await self._openings.forget(ident, seals)

    async def forget_letters(self, before: datetime) -> int:
        """Empty letters that were sent before: names, times, links; return how many."""
        old = (
            delivery.c.channel == Channel.MAIL,
            delivery.c.state.in_(AT_REST),
            delivery.c.created < before,
            func.length(delivery.c.body) > 0,
        )
        return (await self._db.execute(update(delivery).where(*old).values(body=b""))).rowcount

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
        await self._forget_around(ident)
        await Looks(self._db).forget_words(ident)
        await self._probes.forget_session(ident)
        for table in (document_mark, face_mark, learner_device):
            await self._db.execute(delete(table).where(table.c.session == ident))
        await self._db.execute(
            update(delivery)
            .where(delivery.c.session == ident, delivery.c.state.in_(AT_REST))
            .values(body=b"")
        )
        return await self._openings.forget(ident)

    async def _forget_around(self, ident: str) -> None:
        """Empty the questions about a session's booking, and what the audit log says in words."""
        booking = select(session.c.booking).where(session.c.id == ident).scalar_subquery()
        answered = (enquiry.c.booking == booking, enquiry.c.answered.is_not(None))
        await self._db.execute(update(enquiry).where(*answered).values(text="", answer=""))
        questions = select(enquiry.c.id).where(enquiry.c.booking == booking)
        about = or_(
            audit.c.subject == ident,
            audit.c.subject == booking,
            audit.c.subject.in_(questions),
        )
        here = and_(about, audit.c.action != "record.forgotten")
        await Audit(self._db).forget(here, WORDS)

    async def _unsend(self, ident: str, seals: set[str]) -> None:
        """Take openings out of the reports that were sent, or are to be: nobody gets them again."""
        query = select(delivery.c.id, delivery.c.body).where(
            delivery.c.session == ident, delivery.c.type == "report.ready"
        )
        for row in (await self._db.execute(query)).all():
            told = json.loads(row.body) if row.body else {}
            openings = told.get("data", {}).get("openings", {})
            if seals.isdisjoint(openings):
                continue
            told["data"]["openings"] = {
                seal: one for seal, one in openings.items() if seal not in seals
            }
            body = record.canonical(told)
            await self._db.execute(
                update(delivery).where(delivery.c.id == row.id).values(body=body)
            )

    async def _forget_of(self, ident: str, *kinds: str) -> int:
        entries = await self._sessions.entries_of(ident, *kinds)
        return await self._openings.forget(
            ident, [seal for one in entries for seal in one.seals.values()]
        )

    async def _idents(self, query: Select[Any]) -> list[str]:
        return [row[0] for row in await self._db.execute(query)]
