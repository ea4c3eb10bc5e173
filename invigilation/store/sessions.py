"""Sessions, their records, and what was said and seen in them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invigilation.identity import IdentityCheck, IdentityState
from invigilation.incident import Incident
from invigilation.record import Entry, Head
from invigilation.session import HALTS, STARTS, Session, SessionEvent
from invigilation.store.mapping import all_of, columns, dump, load
from invigilation.store.openings import Openings, entry_columns, entry_row
from invigilation.store.rows import chat, event, identity_check, incident, session

CHAT_SHOWN = 200
# Building a statement costs as much time as running it: these are built once.
_ADD = insert(session)
_APPEND = insert(event)
_IDENT = bindparam("ident", type_=String)
_HOLD = (
    select(*columns(session, Session), session.c.head)
    .where(session.c.id == _IDENT)
    .with_for_update()
)
_FIND = all_of(session, Session).where(session.c.id == _IDENT)
_IDENTITY = all_of(identity_check, IdentityCheck).where(identity_check.c.session == _IDENT)
_INCIDENTS = (
    all_of(incident, Incident)
    .where(incident.c.session == _IDENT)
    .order_by(incident.c.at, incident.c.id)
)


_OF_KIND = (
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


_LINES = (
    all_of(chat, Line).where(chat.c.session == _IDENT).order_by(chat.c.seq.desc()).limit(CHAT_SHOWN)
)


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
        row = (await self._db.execute(_FIND, {"ident": ident})).first()
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

    async def save(self, one: Session, entry: Entry) -> None:
        """Write the session as it now is, with the entry that tells of the change."""
        values: dict[str, Any] = {
            field.name: getattr(one, field.name)
            for field in fields(one)
            if field.name not in {"id", "booking", "seq"}
        }
        await self._append(entry, values)

    async def append(self, entry: Entry) -> None:
        """Add an entry that changes no state."""
        await self._append(entry, {})

    async def _append(self, entry: Entry, values: dict[str, Any]) -> None:
        await self.begin_record(entry)
        await self._db.execute(
            update(session)
            .where(session.c.id == entry.session)
            .values(**values, seq=entry.seq, head=entry.head.digest)
        )

    async def begin_record(self, entry: Entry) -> None:
        """Insert the first entry of a session that was added with it as its head."""
        await self._db.execute(_APPEND, entry_row(entry))
        await self._openings.keep(entry.session, entry.private)

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
        rows = await self._db.execute(_OF_KIND, {"ident": ident, "kinds": kinds})
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

    async def say(self, line: Line) -> None:
        """Insert a line of chat."""
        await self._db.execute(insert(chat).values(**dump(line)))

    async def said(self, ident: str, client_id: str) -> int | None:
        """Return the sequence number of a line that came before under this client id."""
        query = select(chat.c.seq).where(chat.c.session == ident, chat.c.client_id == client_id)
        row = (await self._db.execute(query)).first()
        return None if row is None else int(row[0])

    async def lines(self, ident: str) -> list[Line]:
        """Return the last lines of chat, oldest first."""
        rows = (await self._db.execute(_LINES, {"ident": ident})).all()
        return [load(Line, row) for row in reversed(rows)]

    async def identity(self, ident: str) -> IdentityCheck:
        """Return the identity check, open when nothing was done yet."""
        row = (await self._db.execute(_IDENTITY, {"ident": ident})).first()
        return IdentityCheck(ident, IdentityState.OPEN) if row is None else load(IdentityCheck, row)

    async def save_identity(self, check: IdentityCheck) -> None:
        """Write the identity check."""
        values = dump(check)
        statement = self._insert(identity_check).values(**values)
        del values["session"]
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=["session"], set_=values)
        )

    async def add_incident(self, one: Incident) -> None:
        """Insert an incident."""
        await self._db.execute(insert(incident).values(**dump(one)))

    async def incidents(self, ident: str) -> list[Incident]:
        """Return the session's incidents in order."""
        rows = await self._db.execute(_INCIDENTS, {"ident": ident})
        return [load(Incident, row) for row in rows]
