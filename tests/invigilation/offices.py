"""An office over a real database, and what its tests ask about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from invigilation import attendance, record
from invigilation.desk import Desk
from invigilation.desk.identity import Seen
from invigilation.identity import Decision, SnapshotKind
from invigilation.people import Staff
from invigilation.session import SessionState
from invigilation.store import Store
from invigilation.store.evidence import Evidence
from invigilation.store.views import Sitting
from tests import builders
from tests.builders import CONSENT, START, FixedClock

MINUTE = timedelta(minutes=1)
STATEMENT = "I watched the learner from the admission to the end."


@dataclass(frozen=True, repr=False)
class World:
    """One invigilator with one seat, and a scheduler."""

    store: Store
    clock: FixedClock
    desk: Desk
    ann: Staff
    sam: Staff

    async def rows(self, sql, **values):
        """Read, or change, behind the desk's back."""
        async with self.store.write() as tx:
            result = await tx.bookings._db.execute(text(sql), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def count(self, table):
        return (await self.rows(f"SELECT count(*) FROM {table}"))[0][0]

    async def sent(self):
        """The types of all that lies in the outbox, in the order in which it was made."""
        query = "SELECT channel, type FROM delivery ORDER BY created, channel DESC"
        return [f"{channel} {kind}" for channel, kind in await self.rows(query)]

    async def bodies(self, kind):
        query = "SELECT body FROM delivery WHERE type = :kind ORDER BY created"
        return [json.loads(bytes(row[0])) for row in await self.rows(query, kind=kind)]

    async def everything(self):
        """All rows of the tables that a session's change may touch."""
        tables = (
            *("booking", "session", "event", "request", "delivery", "charge", "evidence"),
            *("gap", "inspection", "chat", "incident", "login", "ticket"),
        )
        return {
            table: sorted(map(repr, await self.rows(f"SELECT * FROM {table}"))) for table in tables
        }

    async def kinds(self, session):
        """The kinds of a session's record."""
        async with self.store.read() as tx:
            return [entry.kind for entry in await tx.sessions.entries(session)]

    async def entries(self, session):
        async with self.store.read() as tx:
            return await tx.sessions.entries(session)

    async def attested(self, session):
        """What the attestation says, with those of its texts that are still kept."""
        async with self.store.read() as tx:
            sealed = await tx.sessions.sealed(session)
            openings = await tx.openings.of(session)
        return record.opened(record.payload_of(sealed.attestation), openings)

    async def session(self, ident):
        async with self.store.read() as tx:
            return await tx.sessions.find(ident)

    async def request_state(self, ident):
        return (await self.desk.requests.find(ident)).request.state

    async def booking_state(self, ident):
        return (await self.desk.bookings.find(ident)).booking_state

    async def checked_in(self, number=1):
        """A sitting whose learner has just checked in."""
        sitting = await builders.book(self.desk, number)
        self.clock.go_to(START)
        await self.desk.sessions.check_in(sitting.session, CONSENT)
        return sitting

    async def identified(self, number=1):
        sitting = await self.checked_in(number)
        for kind in (SnapshotKind.ID_DOCUMENT, SnapshotKind.FACE):
            await self.picture(sitting, kind)
        await self.desk.identity.decide(
            sitting.session, self.ann, Decision.CONFIRMED, "The faces are the same."
        )
        return sitting

    async def admitted(self, number=1):
        sitting = await self.identified(number)
        await self.desk.sessions.admit(sitting.session, self.ann)
        return sitting

    async def brought_to(self, state, number=1):
        """A sitting in that state of its session."""
        if state is SessionState.SCHEDULED:
            return await builders.book(self.desk, number)
        if state is SessionState.CLOSED:
            sitting = await builders.book(self.desk, number)
            return await self.desk.bookings.cancel(sitting.booking, "ill", by_staff=True)
        if state is SessionState.CHECKED_IN:
            return await self.checked_in(number)
        if state is SessionState.IDENTIFIED:
            return await self.identified(number)
        if state is SessionState.REFUSED:
            sitting = await self.checked_in(number)
            await self.desk.sessions.refuse(sitting.session, self.ann, "no document")
            return sitting
        sitting = await self.admitted(number)
        sessions = self.desk.sessions
        match state:
            case SessionState.PAUSED:
                await sessions.pause(sitting.session, self.ann, "fire drill")
            case SessionState.STOPPED:
                await sessions.stop(sitting.session, self.ann, "somebody helped")
            case SessionState.ENDED:
                await sessions.end(sitting.session, self.ann)
        return sitting

    async def picture(self, sitting: Sitting, kind: SnapshotKind, ident=None):
        """Take a picture, and return its id."""
        ident = ident or f"ev_{kind.value}_{sitting.session}"[:40]
        now = self.clock.now()
        taken = Evidence(
            ident, sitting.session, kind.value, "image/jpeg", now, "ab" * 32, 1_000, None
        )
        await self.desk.identity.record(sitting.session, self.ann, Seen(kind, taken))
        return ident

    async def ready(self, sitting):
        self.clock.go_to(sitting.start - 5 * MINUTE)
        await self.desk.sessions.ready(sitting.session, self.ann)

    async def well(self, start=START):
        """Heartbeats, a minute apart, from the opening of check-in through the grace time."""
        async with self.store.write() as tx:
            for minute in range(50):
                await tx.watch.beat(attendance.opens(start) + (minute - 1) * MINUTE)

    def after_grace(self, start=START):
        """Move the clock to where the sweep may judge this start."""
        self.clock.go_to(start + 18 * MINUTE)
