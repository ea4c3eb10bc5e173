"""Sessions, their records, and what was said and seen in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, String, Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.identity import IdentityCheck, IdentityState
from invigilation.incident import Incident
from invigilation.record import Entry, Head
from invigilation.report import Delivery
from invigilation.session import HALTS, STARTS, Session, SessionEvent
from invigilation.store.evidence import Evidence
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.openings import Openings, entry_columns, entry_row, opening_row
from invigilation.store.rows import (
    chat,
    delivery,
    event,
    evidence,
    identity_check,
    incident,
    sealed_text,
    session,
)
from invigilation.store.together import change

CHAT_SHOWN = 200
# Building a statement costs as much time as running it: these are built once.
_ADD = insert(session)
_IDENT = bindparam("ident", type_=String)
_HOLD = (
    select(*columns(session, Session), session.c.head)
    .where(session.c.id == _IDENT)
    .with_for_update()
)
FIND = all_of(session, Session).where(session.c.id == _IDENT)
IDENTITY = all_of(identity_check, IdentityCheck).where(identity_check.c.session == _IDENT)
INCIDENTS = (
    all_of(incident, Incident)
    .where(incident.c.session == _IDENT)
    .order_by(incident.c.at, incident.c.id)
)


OF_KIND = (
    select(*entry_columns(event))
    .where(event.c.session == _IDENT, event.c.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(event.c.seq)
)
_CLOCK_STEPS = (
    select(event.c.kind, event.c.at)
    .where(event.c.session == _IDENT, event.c.kind.in_(sorted(STARTS | HALTS)))
    .order_by(event.c.seq)
)


@dataclass(frozen=True, slots=True)
class Open:
    """A session held for a change: as it stands, and the head of its record."""

    session: Session
    head: Head


@dataclass(frozen=True, slots=True)
class Line:
    """One line of chat; `sender` is `learner` or `invigilator`, a notice is to be shown large."""

    session: str
    seq: int
    sender: str
    text: str
    at: datetime
    client_id: str
    notice: bool = False


LINES = (  # the newest first
    all_of(chat, Line).where(chat.c.session == _IDENT).order_by(chat.c.seq.desc()).limit(CHAT_SHOWN)
)


def checked(ident: str, row: Sequence[Any] | None) -> IdentityCheck:
    """Return the identity check of a row of `IDENTITY`, open when there is none."""
    return IdentityCheck(ident, IdentityState.OPEN) if row is None else load(IdentityCheck, row)


Beside = Line | Incident | Evidence | Delivery
"""What may come into being with an entry that tells of it."""
_TABLES: dict[type[Beside], Table] = {
    Line: chat,
    Incident: incident,
    Evidence: evidence,
    Delivery: delivery,
}


def _row(one: Beside, session: str) -> dict[str, Any]:
    return dump(one) | {"session": session}


def _written(entry: Entry) -> Iterator[Insert]:
    """Yield what writes an entry: its own row, and those of what opens its seals."""
    yield insert(event).values(**entry_row(entry))
    for one in entry.private:
        yield insert(sealed_text).values(**opening_row(entry.session, one))


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the invigilator stated, and the attestation's exact bytes."""

    statement: str
    attestation: bytes


class Sessions:
    """Rows of sessions, events, chat, identity checks and incidents."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection
        self._openings = Openings(connection)
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    async def add(self, one: Session, head: Head) -> None:
        """Insert a session with the record that it begins with."""
        # Entries before version 3 had their commitments under one key of the session.
        row = dump(one) | {"seq": head.seq, "head": head.digest, "secret": b""}
        await self._db.execute(_ADD, row)

    async def hold(self, ident: str) -> Open | None:
        """Find a session and hold it until the transaction ends."""
        row = (await self._db.execute(_HOLD, {"ident": ident})).first()
        if row is None:
            return None
        found = load(Session, row[:-1])
        return Open(found, Head(found.seq, row[-1]))

    async def find(self, ident: str) -> Session | None:
        """Find a session."""
        row = (await self._db.execute(FIND, {"ident": ident})).first()
        return None if row is None else load(Session, row)

    async def idents(self) -> list[str]:
        """Return the ids of all sessions."""
        return [row[0] for row in await self._db.execute(select(session.c.id))]

    async def id_of(self, booking: str) -> str | None:
        """Return the id of a booking's session."""
        row = (
            await self._db.execute(select(session.c.id).where(session.c.booking == booking))
        ).first()
        return None if row is None else str(row[0])

    async def save(self, one: Session, entry: Entry, *beside: Beside) -> None:
        """Write the session as it now is, with the entry that tells of the change."""
        values: dict[str, Any] = {
            field.name: getattr(one, field.name)
            for field in fields(one)
            if field.name not in {"id", "booking", "seq"}
        }
        await self._append(entry, values, beside)

    async def append(self, entry: Entry, *beside: Beside) -> None:
        """Add an entry that changes no state, with what is new and told by it."""
        await self._append(entry, {}, beside)

    async def _append(self, entry: Entry, values: dict[str, Any], beside: Iterable[Beside]) -> None:
        await change(
            self._db,
            *_written(entry),
            *(insert(_TABLES[type(one)]).values(**_row(one, entry.session)) for one in beside),
            update(session)
            .where(session.c.id == entry.session)
            .values(**values, seq=entry.seq, head=entry.head.digest),
        )

    async def begin_record(self, entry: Entry) -> None:
        """Insert the first entry of a session that was added with it as its head."""
        await change(self._db, *_written(entry))

    async def entries(self, ident: str) -> list[Entry]:
        """Return the whole record, in order."""
        query = select(*entry_columns(event)).where(event.c.session == ident)
        rows = await self._db.execute(query.order_by(event.c.seq))
        return await self._openings.opened(rows.all())

    async def moments(self, ident: str, *kinds: str) -> tuple[datetime, ...]:
        """Return when events of these kinds happened, ascending."""
        query = select(event.c.at).where(event.c.session == ident, event.c.kind.in_(kinds))
        return tuple(row[0] for row in await self._db.execute(query.order_by(event.c.at)))

    async def entries_of(self, ident: str, *kinds: str) -> list[Entry]:
        """Return the record's entries of some kinds, in order."""
        rows = await self._db.execute(OF_KIND, {"ident": ident, "kinds": kinds})
        return await self._openings.opened(rows.all())

    async def clock_steps(self, ident: str) -> list[tuple[SessionEvent, datetime]]:
        """Return what started and halted the assessment's clock, in order."""
        rows = await self._db.execute(_CLOCK_STEPS, {"ident": ident})
        return [(SessionEvent(row.kind), row.at) for row in rows]

    async def seal(self, ident: str, statement: str, attestation: bytes) -> None:
        """Keep the statement and the sealed bytes; they never change afterwards."""
        await self._db.execute(
            update(session)
            .where(session.c.id == ident, session.c.attestation.is_(None))
            .values(statement=statement, attestation=attestation)
        )

    async def sealed(self, ident: str) -> Sealed | None:
        """Return what was sealed, once it was."""
        query = select(session.c.statement, session.c.attestation).where(session.c.id == ident)
        row = (await self._db.execute(query)).first()
        return None if row is None or row[1] is None else Sealed(row[0], row[1])

    async def said(self, ident: str, client_id: str) -> int | None:
        """Return the sequence number of a line that came before under this client id."""
        query = select(chat.c.seq).where(chat.c.session == ident, chat.c.client_id == client_id)
        row = (await self._db.execute(query)).first()
        return None if row is None else int(row[0])

    async def identity(self, ident: str) -> IdentityCheck:
        """Return the identity check, open when nothing was done yet."""
        return checked(ident, (await self._db.execute(IDENTITY, {"ident": ident})).first())

    async def save_identity(self, check: IdentityCheck) -> None:
        """Write the identity check."""
        values = dump(check)
        statement = self._insert(identity_check).values(**values)
        del values["session"]
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=["session"], set_=values)
        )

    async def incidents(self, ident: str) -> list[Incident]:
        """Return the session's incidents in order."""
        rows = await self._db.execute(INCIDENTS, {"ident": ident})
        return [load(Incident, row) for row in rows]
