"""Forms of officers on board, and their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.onboard import OnboardState, Verification
from invigilation.record import EMPTY, Entry, Head
from invigilation.report import DeliveryState
from invigilation.request import Request
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.openings import Openings, entry_columns, entry_row
from invigilation.store.paper_rows import onboard, onboard_event
from invigilation.store.rows import delivery, learner, request

DECIDED_SHOWN = 50
_LISTED = (
    select(*columns(onboard, Verification), learner.c.name)
    .join(request, onboard.c.request == request.c.id)
    .join(learner, request.c.learner == learner.c.id)
)
# The form's id stands where an entry of a session's record has the session.
_ENTRIES = select(*entry_columns(onboard_event, "onboard"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A form as the list shows it."""

    form: Verification
    learner: str


class Onboard:
    """Rows of forms, and of the entries of their records."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, one: Verification) -> None:
        """Insert a form."""
        await self._db.execute(insert(onboard).values(**dump(one)))

    async def find(self, ident: str) -> Verification | None:
        """Find a form."""
        query = all_of(onboard, Verification).where(onboard.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Verification, row)

    async def hold(self, ident: str) -> Verification | None:
        """Find a form, and hold it until the transaction ends."""
        query = all_of(onboard, Verification).where(onboard.c.id == ident).with_for_update()
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Verification, row)

    async def hold_request(self, ident: str) -> Request | None:
        """Find a request, and hold it: until the transaction ends nobody books for it."""
        query = all_of(request, Request).where(request.c.id == ident).with_for_update()
        row = (await self._db.execute(query)).first()
        return None if row is None else load(Request, row)

    async def of_request(self, ident: str) -> list[Verification]:
        """Return the forms of a request, the newest first."""
        query = all_of(onboard, Verification).where(onboard.c.request == ident)
        rows = await self._db.execute(query.order_by(onboard.c.submitted.desc(), onboard.c.id))
        return [load(Verification, row) for row in rows]

    async def idents(self) -> list[str]:
        """Return the ids of all forms."""
        return [row[0] for row in await self._db.execute(select(onboard.c.id))]

    async def known(self, idents: Sequence[str]) -> set[str]:
        """Return those of these ids that are forms."""
        query = select(onboard.c.id).where(onboard.c.id.in_(idents))
        return {row[0] for row in await self._db.execute(query)}

    async def gone(self, idents: Sequence[str]) -> list[str]:
        """Return those of these ids that are forms whose picture was erased."""
        query = select(onboard.c.id).where(onboard.c.id.in_(idents), onboard.c.erased.is_not(None))
        return [row[0] for row in await self._db.execute(query)]

    async def waiting(self) -> list[Listed]:
        """Return the forms that nobody has decided on, the oldest first."""
        where = onboard.c.state == OnboardState.SUBMITTED
        return await self._listed(_LISTED.where(where).order_by(onboard.c.submitted, onboard.c.id))

    async def decided(self) -> list[Listed]:
        """Return the last forms that were accepted or refused, the newest first."""
        where = onboard.c.state.in_([OnboardState.ACCEPTED, OnboardState.REFUSED])
        query = _LISTED.where(where).order_by(onboard.c.reviewed.desc(), onboard.c.id)
        return await self._listed(query.limit(DECIDED_SHOWN))

    async def _listed(self, query: Select[Any]) -> list[Listed]:
        rows = await self._db.execute(query)
        return [Listed(load(Verification, row[:-1]), row[-1]) for row in rows]

    async def save(self, one: Verification) -> None:
        """Write the state, and who decided when and why."""
        await self._db.execute(
            update(onboard)
            .where(onboard.c.id == one.id)
            .values(
                state=one.state,
                reviewed_by=one.reviewed_by,
                reviewed=one.reviewed,
                reason=one.reason,
            )
        )

    async def append(self, entry: Entry) -> None:
        """Add an entry to the record of the form that it names."""
        await self._db.execute(insert(onboard_event).values(**entry_row(entry, "onboard")))
        await Openings(self._db).keep(entry.session, entry.private)

    async def entries(self, ident: str) -> list[Entry]:
        """Return a form's record, in order."""
        query = _ENTRIES.where(onboard_event.c.onboard == ident).order_by(onboard_event.c.seq)
        return await Openings(self._db).opened((await self._db.execute(query)).all())

    async def head(self, ident: str) -> Head:
        """Return the end of the record of a form that is held."""
        query = _ENTRIES.where(onboard_event.c.onboard == ident)
        row = (await self._db.execute(query.order_by(onboard_event.c.seq.desc()).limit(1))).first()
        return EMPTY if row is None else load(Entry, row).head

    async def seal(self, ident: str, attestation: bytes) -> None:
        """Keep the sealed bytes; they never change afterwards."""
        await self._db.execute(
            update(onboard)
            .where(onboard.c.id == ident, onboard.c.attestation.is_(None))
            .values(attestation=attestation)
        )

    async def attestation(self, ident: str) -> bytes | None:
        """Return the sealed bytes of an accepted form."""
        query = select(onboard.c.attestation).where(onboard.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None or row[0] is None else bytes(row[0])

    async def pictures(self) -> list[tuple[Verification, datetime | None]]:
        """Return the forms whose picture is still there, each with when its use was over.

        That is when the report of an accepted one was delivered, and when one was refused or
        withdrawn.
        """
        delivered = and_(
            delivery.c.session == onboard.c.id,
            delivery.c.type == "report.ready",
            delivery.c.state == DeliveryState.DELIVERED,
        )
        query = (
            all_of(onboard, Verification)
            .add_columns(delivery.c.next_at)
            .select_from(onboard.outerjoin(delivery, delivered))
            .where(onboard.c.erased.is_(None))
            .order_by(onboard.c.submitted)
        )
        found = []
        for row in await self._db.execute(query):
            form = load(Verification, row[:-1])
            accepted = form.state is OnboardState.ACCEPTED
            found.append((form, row[-1] if accepted else form.reviewed))
        return found

    async def erase(self, ident: str, at: datetime) -> bool:
        """Note that the picture is gone; say whether nobody had noted it before."""
        there = (onboard.c.id == ident, onboard.c.erased.is_(None))
        done = await self._db.execute(update(onboard).where(*there).values(erased=at))
        return done.rowcount == 1
