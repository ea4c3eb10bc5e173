"""The list of evidence; the bytes themselves lie in the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.store.mapping import all_of, dump, load
from invigilation.store.rows import evidence, sealed_text

REPORT = "report"
"""A PDF with the two pictures of the identity check in it."""
BARE_REPORT = "report_bare"
"""A PDF without pictures."""
REPORTS = frozenset({REPORT, BARE_REPORT})
"""Made of the evidence, so never a part of it."""
LOCAL = "local_recording"
"""A chunk of what a learner's own device kept of a gap; it may come after the attestation."""
SHOWN = ("id_document", "face")
"""The kinds of pictures that stand in a report."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence; while it is still being written `sha256` and `size` are None."""

    id: str
    session: str
    kind: str
    media_type: str
    started: datetime
    sha256: str | None
    size: int | None
    erased: datetime | None


class EvidenceRows:
    """Rows of evidence."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Evidence) -> None:
        """Insert a piece of evidence."""
        await self._db.execute(insert(evidence).values(**dump(one)))

    async def finish(self, ident: str, sha256: str, size: int) -> None:
        """Write what the finished piece is."""
        await self._db.execute(
            update(evidence).where(evidence.c.id == ident).values(sha256=sha256, size=size)
        )

    async def find(self, ident: str) -> Evidence | None:
        """Find a piece of evidence."""
        query = all_of(evidence, Evidence).where(evidence.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Evidence, row)

    async def known(self, idents: Sequence[str]) -> set[str]:
        """Return those of these ids that the list has."""
        query = select(evidence.c.id).where(evidence.c.id.in_(idents))
        return {row[0] for row in await self._db.execute(query)}

    async def gone(self, idents: Sequence[str]) -> list[str]:
        """Return those of these ids whose bytes were erased."""
        query = select(evidence.c.id).where(
            evidence.c.id.in_(idents), evidence.c.erased.is_not(None)
        )
        return [row[0] for row in await self._db.execute(query)]

    async def of_session(self, session: str) -> list[Evidence]:
        """Return a session's evidence in the order in which it was taken, without reports."""
        query = all_of(evidence, Evidence).where(
            evidence.c.session == session, evidence.c.kind.not_in(REPORTS)
        )
        rows = await self._db.execute(query.order_by(evidence.c.started, evidence.c.id))
        return [load(Evidence, row) for row in rows]

    async def reports_of(self, session: str) -> list[Evidence]:
        """Return the reports that were made of a session, erased ones too."""
        query = all_of(evidence, Evidence).where(
            evidence.c.session == session, evidence.c.kind.in_(REPORTS)
        )
        return [load(Evidence, row) for row in await self._db.execute(query)]

    async def outlived_reports(self) -> list[Evidence]:
        """Return reports that are still there though what they show was erased elsewhere."""
        picture = evidence.alias()
        gone = exists().where(
            picture.c.session == evidence.c.session,
            picture.c.kind.in_(SHOWN),
            picture.c.erased.is_not(None),
        )
        kept = exists().where(sealed_text.c.session == evidence.c.session)
        query = all_of(evidence, Evidence).where(
            evidence.c.kind.in_(REPORTS),
            evidence.c.erased.is_(None),
            or_((evidence.c.kind == REPORT) & gone, ~kept),
        )
        return [load(Evidence, row) for row in await self._db.execute(query)]

    async def unfinished(self) -> list[Evidence]:
        """Return what was being written when a process ended."""
        query = all_of(evidence, Evidence).where(
            evidence.c.sha256.is_(None), evidence.c.erased.is_(None)
        )
        return [load(Evidence, row) for row in await self._db.execute(query)]

    async def present(self) -> list[Evidence]:
        """Return all evidence that has not been erased, oldest first."""
        query = all_of(evidence, Evidence).where(
            evidence.c.erased.is_(None), evidence.c.sha256.is_not(None)
        )
        rows = await self._db.execute(query.order_by(evidence.c.started))
        return [load(Evidence, row) for row in rows]

    async def erased(self) -> list[Evidence]:
        """Return all evidence whose bytes are gone, oldest first."""
        query = all_of(evidence, Evidence).where(evidence.c.erased.is_not(None))
        return [load(Evidence, row) for row in await self._db.execute(query.order_by("started"))]

    async def erase(self, ident: str, at: datetime) -> bool:
        """Note that the bytes are gone; say whether nobody had noted it before."""
        there = (evidence.c.id == ident, evidence.c.erased.is_(None))
        done = await self._db.execute(update(evidence).where(*there).values(erased=at))
        return done.rowcount == 1
